//! AB-30: assertions made elsewhere, for something else, without the user, or
//! by a copy.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::tests::authenticator::Quirks;
use crate::tests::{account, passkeys, registered, start_registration};
use crate::{PasskeyRefusal, Passkeys};

/// A good response first, so that what follows is refused for the quirk alone;
/// then one with the quirk in each ceremony.
fn refused_everywhere(quirks: &Quirks, refusal: PasskeyRefusal) {
    refused_in_registration(quirks, refusal);
    refused_in_authentication(quirks, refusal);
}

fn refused_in_registration(quirks: &Quirks, refusal: PasskeyRefusal) {
    let passkeys = passkeys();
    let (mut device, _) = registered(&passkeys, account(1));
    device.quirks = quirks.clone();
    let (options, state) = start_registration(&passkeys, account(1), &[]);
    let response = device.register(&options);
    let result = passkeys.finish_registration(&state, &response);
    assert_eq!(result.err(), Some(refusal), "registration with {quirks:?}");
}

fn refused_in_authentication(quirks: &Quirks, refusal: PasskeyRefusal) {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let keys = [key];
    for with_quirks in [false, true] {
        let expected = with_quirks.then_some(refusal);
        if with_quirks {
            device.quirks = quirks.clone();
        }
        let (options, state) = passkeys.start_authentication(&keys).unwrap();
        let response = device.assert(&options);
        let result = passkeys.finish_authentication(&state, &response, &keys);
        assert_eq!(result.err(), expected, "second factor with {quirks:?}");

        let (options, state) = passkeys.start_discoverable().unwrap();
        let response = device.assert(&options);
        let result = passkeys.finish_discoverable(&state, &response, &keys);
        assert_eq!(result.err(), expected, "sign-in with {quirks:?}");
    }
}

#[test]
fn ab_30_another_site_is_refused() {
    for origin in [
        "https://evil-example.com",
        "https://id.example.com.evil-example.com",
        "https://evil-id.example.com",
        "https://sub.id.example.com",
        "https://example.com",
        "http://id.example.com",
        "https://id.example.com/",
        "https://id.example.com@evil-example.com",
        "null",
        "",
    ] {
        let quirks = Quirks {
            origin: Some(origin.to_owned()),
            ..Quirks::default()
        };
        refused_everywhere(&quirks, PasskeyRefusal::Origin);
    }
}

#[test]
fn ab_30_another_port_is_refused() {
    for origin in ["https://id.example.com:8443", "https://id.example.com:443"] {
        let quirks = Quirks {
            origin: Some(origin.to_owned()),
            ..Quirks::default()
        };
        refused_everywhere(&quirks, PasskeyRefusal::Origin);
    }
    let passkeys = Passkeys::new("http://localhost:8080", "Countersign").unwrap();
    let (mut device, key) = registered(&passkeys, account(1));
    device.quirks.origin = Some("http://localhost:8081".to_owned());
    let (options, state) = passkeys.start_discoverable().unwrap();
    let response = device.assert(&options);
    assert_eq!(passkeys.identify(&response), Err(PasskeyRefusal::Origin));
    let result = passkeys.finish_discoverable(&state, &response, &[key]);
    assert_eq!(result.err(), Some(PasskeyRefusal::Origin));
}

#[test]
fn ab_30_a_frame_in_another_site_is_refused() {
    let quirks = Quirks {
        cross_origin: true,
        ..Quirks::default()
    };
    refused_everywhere(&quirks, PasskeyRefusal::CrossOrigin);
}

#[test]
fn ab_30_another_relying_party_is_refused() {
    for rp_id in ["evil-example.com", "example.com", "ID.example.com", ""] {
        let quirks = Quirks {
            rp_id: Some(rp_id.to_owned()),
            ..Quirks::default()
        };
        refused_everywhere(&quirks, PasskeyRefusal::RelyingParty);
    }
}

#[test]
fn ab_30_an_unverified_user_is_refused() {
    let quirks = Quirks {
        unverified: true,
        ..Quirks::default()
    };
    refused_everywhere(&quirks, PasskeyRefusal::UserVerification);
}

#[test]
fn ab_30_an_absent_user_is_refused() {
    let quirks = Quirks {
        absent: true,
        ..Quirks::default()
    };
    refused_everywhere(&quirks, PasskeyRefusal::UserPresence);
}

#[test]
fn ab_30_another_challenge_is_refused() {
    let quirks = Quirks {
        challenge: Some(URL_SAFE_NO_PAD.encode([9; 32])),
        ..Quirks::default()
    };
    refused_everywhere(&quirks, PasskeyRefusal::Challenge);
}

#[test]
fn ab_30_a_wrong_signature_is_refused() {
    let quirks = Quirks {
        wrong_signature: true,
        ..Quirks::default()
    };
    refused_in_authentication(&quirks, PasskeyRefusal::Signature);
}

#[test]
fn ab_30_a_response_to_an_earlier_challenge_is_refused() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let keys = [key];
    let (options, _) = passkeys.start_authentication(&keys).unwrap();
    let response = device.assert(&options);
    let (_, later) = passkeys.start_authentication(&keys).unwrap();
    let result = passkeys.finish_authentication(&later, &response, &keys);
    assert_eq!(result.err(), Some(PasskeyRefusal::Challenge));
}

#[test]
fn ab_30_the_state_of_another_ceremony_finishes_nothing() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let keys = [key];
    let (get, named) = passkeys.start_authentication(&keys).unwrap();
    let (find, discoverable) = passkeys.start_discoverable().unwrap();
    let (create, registration) = start_registration(&passkeys, account(1), &[]);
    let refused = Some(PasskeyRefusal::State);

    let response = device.assert(&get);
    for state in [&named, &registration] {
        let result = passkeys.finish_discoverable(state, &response, &keys);
        assert_eq!(result.err(), refused);
    }
    let response = device.assert(&find);
    for state in [&discoverable, &registration] {
        let result = passkeys.finish_authentication(state, &response, &keys);
        assert_eq!(result.err(), refused);
    }
    let response = device.register(&create);
    for state in [&named, &discoverable] {
        let result = passkeys.finish_registration(state, &response);
        assert_eq!(result.err(), refused);
    }
    let result = passkeys.finish_registration(b"{}", &response);
    assert_eq!(result.err(), refused);
}

#[test]
fn ab_30_the_state_of_another_account_is_refused() {
    let passkeys = passkeys();
    let (_, hers) = registered(&passkeys, account(1));
    let (mut device, his) = registered(&passkeys, account(2));
    let (options, state) = passkeys
        .start_authentication(std::slice::from_ref(&hers))
        .unwrap();
    let other = Some(PasskeyRefusal::OtherAccount);

    // His device signs her challenge, and says so.
    let response = device.assert(&options);
    let both = [hers.clone(), his.clone()];
    let result = passkeys.finish_authentication(&state, &response, &both);
    assert_eq!(result.err(), other);

    // It keeps silent about whom it belongs to, or claims to be hers.
    let her_handle = account(1).uuid().as_bytes().to_vec();
    for (nameless, handle) in [(true, None), (false, Some(her_handle))] {
        device.quirks.nameless = nameless;
        device.quirks.user_handle = handle;
        let response = device.assert(&options);
        let result = passkeys.finish_authentication(&state, &response, &both);
        assert_eq!(result.err(), other);
        let result = passkeys.finish_authentication(&state, &response, std::slice::from_ref(&hers));
        assert_eq!(result.err(), Some(PasskeyRefusal::UnknownCredential));
    }
}

#[test]
fn ab_30_a_second_factor_that_names_somebody_else_is_refused() {
    let quirks = Quirks {
        user_handle: Some(account(2).uuid().as_bytes().to_vec()),
        ..Quirks::default()
    };
    refused_in_authentication(&quirks, PasskeyRefusal::OtherAccount);
}

#[test]
fn ab_30_a_passkey_signs_in_as_nobody_else() {
    let passkeys = passkeys();
    let (_, hers) = registered(&passkeys, account(1));
    let (mut device, his) = registered(&passkeys, account(2));
    let both = [hers, his];
    for (nameless, handle) in [
        (false, account(1).uuid().as_bytes().as_slice()),
        (false, b"no account"),
        (false, b""),
        (true, b""),
    ] {
        device.quirks.nameless = nameless;
        device.quirks.user_handle = Some(handle.to_vec());
        let (options, state) = passkeys.start_discoverable().unwrap();
        let response = device.assert(&options);
        let result = passkeys.finish_discoverable(&state, &response, &both);
        assert_eq!(result.err(), Some(PasskeyRefusal::OtherAccount));
    }
}

#[test]
fn ab_30_a_removed_passkey_is_unknown() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let (options, state) = passkeys.start_authentication(&[key]).unwrap();
    let result = passkeys.finish_authentication(&state, &device.assert(&options), &[]);
    assert_eq!(result.err(), Some(PasskeyRefusal::UnknownCredential));
}

#[test]
fn ab_30_a_counter_that_does_not_rise_is_refused() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    device.counter = 9;
    let (options, state) = passkeys
        .start_authentication(std::slice::from_ref(&key))
        .unwrap();
    let assertion = passkeys.finish_authentication(&state, &device.assert(&options), &[key]);
    let keys = [assertion.unwrap().updated.expect("the counter rose to 10")];
    for seen in [10, 9, 1] {
        device.counter = seen - 1;
        let (options, state) = passkeys.start_authentication(&keys).unwrap();
        let result = passkeys.finish_authentication(&state, &device.assert(&options), &keys);
        assert_eq!(
            result.err(),
            Some(PasskeyRefusal::CounterWentBack),
            "{seen}"
        );

        device.counter = seen - 1;
        let (options, state) = passkeys.start_discoverable().unwrap();
        let result = passkeys.finish_discoverable(&state, &device.assert(&options), &keys);
        assert_eq!(
            result.err(),
            Some(PasskeyRefusal::CounterWentBack),
            "{seen}"
        );
    }
    // One that counted and now says 0 is not one that never counted.
    device.counter = 0;
    device.counts = false;
    let (options, state) = passkeys.start_authentication(&keys).unwrap();
    let result = passkeys.finish_authentication(&state, &device.assert(&options), &keys);
    assert_eq!(result.err(), Some(PasskeyRefusal::CounterWentBack));
}

#[test]
fn ab_30_the_counter_is_compared_with_the_one_stored_now() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let old = [key];
    // Two challenges are open; the device answers one and its copy the other.
    let (first, first_state) = passkeys.start_authentication(&old).unwrap();
    let (second, second_state) = passkeys.start_authentication(&old).unwrap();
    let assertion = passkeys.finish_authentication(&first_state, &device.assert(&first), &old);
    let now = [assertion.unwrap().updated.expect("the counter rose")];
    device.counter = 0;
    let copy = device.assert(&second);
    let result = passkeys.finish_authentication(&second_state, &copy, &now);
    assert_eq!(result.err(), Some(PasskeyRefusal::CounterWentBack));
}
