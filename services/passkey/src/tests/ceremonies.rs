use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::tests::{account, passkeys, registered, start_registration};
use crate::{MAX_CREDENTIAL_BYTES, PasskeyError, PasskeyRefusal, StoredPasskey};

#[test]
fn a_registration_asks_for_a_verified_user_and_a_discoverable_key() {
    let (options, _) = start_registration(&passkeys(), account(1), &[]);
    let selection = &options["publicKey"]["authenticatorSelection"];
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["requireResidentKey"], true);
    assert_eq!(options["publicKey"]["attestation"], "none");
    assert_eq!(options["publicKey"]["rp"]["id"], "id.example.com");
    assert_eq!(options["publicKey"]["rp"]["name"], "Countersign");
    assert_eq!(options["publicKey"]["timeout"], 300_000);
}

#[test]
fn options_have_no_member_that_is_null_for_browsers_to_choke_on() {
    let passkeys = passkeys();
    let (_, key) = registered(&passkeys, account(1));
    let (create, _) = start_registration(&passkeys, account(1), std::slice::from_ref(&key));
    let (get, _) = passkeys.start_authentication(&[key]).unwrap();
    let (discover, _) = passkeys.start_discoverable().unwrap();
    for options in [create, get, discover] {
        assert!(!options.to_string().contains("null"), "{options}");
    }
}

#[test]
fn a_passkey_survives_the_vault() {
    let (device, key) = registered(&passkeys(), account(1));
    let read = StoredPasskey::from_bytes(&key.to_bytes().unwrap()).unwrap();
    assert_eq!(read.account(), account(1));
    assert_eq!(read.credential_id(), device.id);
    assert_eq!(read.counter(), 0);

    let mut value: Value = serde_json::from_slice(&key.to_bytes().unwrap()).unwrap();
    value["v"] = json!(2);
    let later = StoredPasskey::from_bytes(value.to_string().as_bytes());
    assert_eq!(later.err(), Some(PasskeyError::Stored));
    assert_eq!(
        StoredPasskey::from_bytes(b"{}").err(),
        Some(PasskeyError::Stored)
    );
    assert!(!format!("{key:?}").contains(&key.credential_id_text()));
}

#[test]
fn a_passkey_is_a_second_factor() {
    let passkeys = passkeys();
    let (_, other) = registered(&passkeys, account(1));
    let (mut device, key) = registered(&passkeys, account(1));
    let mut keys = [other, key];
    for counter in 1..=3 {
        let (options, state) = passkeys.start_authentication(&keys).unwrap();
        assert_eq!(options["publicKey"]["userVerification"], "required");
        let allowed = options["publicKey"]["allowCredentials"].as_array().unwrap();
        assert_eq!(allowed.len(), 2);
        let response = device.assert(&options);
        let assertion = passkeys
            .finish_authentication(&state, &response, &keys)
            .unwrap();
        assert_eq!((assertion.index, assertion.counter), (1, counter));
        assert!(assertion.user_verified);
        keys[1] = assertion.updated.expect("the counter rose");
        assert_eq!(keys[1].counter(), counter);
    }
}

#[test]
fn a_second_factor_needs_no_user_handle() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let keys = [key];
    for nameless in [true, false] {
        device.quirks.nameless = nameless;
        device.quirks.user_handle = Some(Vec::new());
        let (options, state) = passkeys.start_authentication(&keys).unwrap();
        let response = device.assert(&options);
        passkeys
            .finish_authentication(&state, &response, &keys)
            .unwrap();
        assert_eq!(
            passkeys.identify(&response),
            Err(PasskeyRefusal::OtherAccount)
        );
    }
}

#[test]
fn a_passkey_signs_in_without_a_name() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let (options, state) = passkeys.start_discoverable().unwrap();
    assert_eq!(options["publicKey"]["userVerification"], "required");
    assert_eq!(options["publicKey"]["allowCredentials"], json!([]));
    assert_eq!(options.get("mediation"), None);
    let response = device.assert(&options);
    let named = passkeys.identify(&response);
    assert_eq!(named, Ok((account(1), device.id.clone())));
    let assertion = passkeys
        .finish_discoverable(&state, &response, &[key])
        .unwrap();
    assert!(assertion.user_verified);
    assert_eq!(assertion.updated.map(|key| key.counter()), Some(1));
}

#[test]
fn a_device_that_does_not_count_changes_nothing() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    device.counts = false;
    let keys = [key];
    for _ in 0..2 {
        let (options, state) = passkeys.start_authentication(&keys).unwrap();
        let response = device.assert(&options);
        let assertion = passkeys
            .finish_authentication(&state, &response, &keys)
            .unwrap();
        assert_eq!(assertion.counter, 0);
        assert!(assertion.updated.is_none());
    }
}

#[test]
fn a_passkey_that_became_copyable_is_stored_so() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    device.counts = false;
    device.quirks.backup_eligible = true;
    let (options, state) = passkeys
        .start_authentication(std::slice::from_ref(&key))
        .unwrap();
    let response = device.assert(&options);
    let assertion = passkeys
        .finish_authentication(&state, &response, &[key])
        .unwrap();
    let key = assertion.updated.expect("the flag changed");

    // The way back is none: the key was hardware-bound, or it was not.
    device.quirks.backup_eligible = false;
    let (options, state) = passkeys
        .start_authentication(std::slice::from_ref(&key))
        .unwrap();
    let response = device.assert(&options);
    let refused = passkeys.finish_authentication(&state, &response, &[key]);
    assert_eq!(refused.err(), Some(PasskeyRefusal::Backup));
}

#[test]
fn one_device_is_not_registered_twice() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let (options, state) = start_registration(&passkeys, account(1), &[key]);
    let excluded = &options["publicKey"]["excludeCredentials"];
    assert_eq!(excluded.as_array().map(Vec::len), Some(1));
    let again = passkeys.finish_registration(&state, &device.register(&options));
    assert_eq!(again.err(), Some(PasskeyRefusal::AlreadyRegistered));
}

#[test]
fn the_id_outside_must_be_the_id_inside() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let (options, state) = start_registration(&passkeys, account(1), &[key]);
    let mut response = device.register(&options);
    response["rawId"] = json!("AAAA");
    let refused = passkeys.finish_registration(&state, &response);
    assert!(refused.is_err(), "an excluded id passed under another name");

    let (options, state) = start_registration(&passkeys, account(1), &[]);
    let mut response = device.register(&options);
    response["rawId"] = json!("AAAA");
    let refused = passkeys.finish_registration(&state, &response);
    assert_eq!(refused.err(), Some(PasskeyRefusal::Malformed));
}

#[test]
fn keys_of_nobody_or_of_two_are_not_asked_for() {
    let passkeys = passkeys();
    let (_, one) = registered(&passkeys, account(1));
    let (_, two) = registered(&passkeys, account(2));
    assert_eq!(
        passkeys.start_authentication(&[]).err(),
        Some(PasskeyError::NoKeys)
    );
    let both = [one, two];
    let mixed = passkeys.start_authentication(&both).err();
    assert_eq!(mixed, Some(PasskeyError::MixedAccounts));
    let mixed = passkeys
        .start_registration(account(1), "ada", "Ada", &both)
        .err();
    assert_eq!(mixed, Some(PasskeyError::MixedAccounts));
    let nameless = passkeys
        .start_registration(account(1), "", "Ada", &[])
        .err();
    assert_eq!(nameless, Some(PasskeyError::EmptyName));
}

#[test]
fn what_is_no_credential_is_malformed() {
    let passkeys = passkeys();
    let (mut device, key) = registered(&passkeys, account(1));
    let keys = [key];
    let (options, state) = passkeys.start_authentication(&keys).unwrap();
    let good = device.assert(&options);
    let change = |change: &dyn Fn(&mut Value)| {
        let mut response = good.clone();
        change(&mut response);
        passkeys
            .finish_authentication(&state, &response, &keys)
            .err()
    };
    let malformed = Some(PasskeyRefusal::Malformed);
    assert_eq!(change(&|r| *r = json!(null)), malformed);
    assert_eq!(change(&|r| *r = json!([])), malformed);
    assert_eq!(change(&|r| r["type"] = json!("password")), malformed);
    assert_eq!(change(&|r| r["rawId"] = json!("")), malformed);
    assert_eq!(
        change(&|r| r["rawId"] = json!("A".repeat(2_000))),
        malformed
    );
    assert_eq!(change(&|r| r["rawId"] = json!("not base64!")), malformed);
    assert_eq!(
        change(&|r| r["response"]["authenticatorData"] = json!("AAAA")),
        malformed
    );
    assert_eq!(
        change(&|r| r["response"]["clientDataJSON"] = json!("AAAA")),
        malformed
    );
    assert_eq!(
        change(&|r| r["response"]["signature"] = json!(7)),
        malformed
    );
    let large = change(&|r| r["padding"] = json!("x".repeat(MAX_CREDENTIAL_BYTES)));
    assert_eq!(large, Some(PasskeyRefusal::TooLarge));
    assert_eq!(change(&|_| ()), None, "the response itself is right");
}

#[test]
fn every_challenge_is_256_random_bits() {
    let passkeys = passkeys();
    let (_, key) = registered(&passkeys, account(1));
    let (create, _) = start_registration(&passkeys, account(1), &[]);
    let (get, _) = passkeys.start_authentication(&[key]).unwrap();
    let (find, _) = passkeys.start_discoverable().unwrap();
    let (again, _) = passkeys.start_discoverable().unwrap();
    let mut seen = std::collections::HashSet::new();
    for options in [create, get, find, again] {
        let challenge = options["publicKey"]["challenge"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(URL_SAFE_NO_PAD.decode(&challenge).unwrap().len(), 32);
        assert!(seen.insert(challenge), "a challenge came twice");
    }
}
