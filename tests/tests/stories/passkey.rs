//! Passkeys: added, used at every door, named and removed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{
    Authenticator, Door, Enrolled, ISSUER, Keyed, PASSWORD, SignedIn, World, access_of, claims_of,
    email,
};

fn id_of(device: &Authenticator) -> String {
    URL_SAFE_NO_PAD.encode(&device.id)
}

/// The ids that a list of credentials in the options names.
fn named(list: &Value) -> Vec<&str> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .map(|one| one["id"].as_str().expect("an id"))
        .collect()
}

#[tokio::test]
async fn a_passkey_is_added_listed_named_and_removed() {
    let world = World::start().await;
    let address = email("ada");
    let laptop = world.register(&address).await;
    let phone = world.login(&address).await;
    let mut device = Authenticator::new(ISSUER);

    let offer = world.offer_passkey(&laptop.access).send().await.expect(200);
    let offer = offer.json();
    let asked = &offer["options"]["publicKey"];
    assert_eq!(offer["expires_in"], 600);
    assert_eq!(asked["rp"]["id"], "id.people.example");
    assert_eq!(asked["user"]["name"], address);
    let handle = URL_SAFE_NO_PAD.encode(laptop.account.as_bytes());
    assert_eq!(asked["user"]["id"], handle);
    let wanted = &asked["authenticatorSelection"];
    assert_eq!(wanted["userVerification"], "required");
    assert_eq!(wanted["residentKey"], "required");
    assert_eq!(named(&asked["excludeCredentials"]), [""; 0]);
    // An offer is not a factor yet.
    assert_eq!(world.factors(&laptop.access).await, [Value::Null; 0]);

    let made = device.register(&offer["options"]);
    let confirm = world.confirm_passkey(&laptop.access, &offer, &made);
    let confirmed = confirm.send().await.expect(200);
    let body = confirmed.json();
    assert_eq!(body["factor"]["id"], offer["id"]);
    assert_eq!(body["factor"]["kind"], "passkey");
    assert_eq!(body["factor"]["name"], "laptop");
    assert_eq!(body["factor"]["state"], "active");
    assert_eq!(body["recovery_codes"].as_array().expect("codes").len(), 10);
    let access = access_of(&confirmed);
    let claims = claims_of(&access);
    assert_eq!(claims["acr"], "aal2");
    assert_eq!(claims["sid"], laptop.session.to_string());
    // AB-61: what was there before is over, but for the session that did it.
    for gone in [&laptop.access, &phone.access] {
        world.verify(gone).await.refused(401, "token_revoked");
    }
    let elsewhere = world.refresh(&phone.refresh).await;
    elsewhere.refused(401, "session_revoked");
    world.verify(&access).await.expect(200);
    let session = laptop.renewed(&world.refresh(&laptop.refresh).await);

    let path = format!("/v1/me/factors/{}", offer["id"].as_str().expect("an id"));
    for name in [json!("desk"), Value::Null] {
        let form = json!({ "name": name });
        let renamed = world.patch(&path, &form).by(&session.access).send().await;
        assert_eq!(renamed.expect(200).json()["name"], name);
        let listed = world.factors(&session.access).await;
        let kinds: Vec<_> = listed.iter().map(|factor| &factor["kind"]).collect();
        assert_eq!(kinds, ["passkey", "recovery_code"]);
        assert_eq!(listed[0]["name"], name);
        assert_eq!(listed[1]["left"], 10);
    }

    let removed = world.delete(&path).by(&session.access).send().await;
    let access = access_of(&removed.expect(200));
    assert_eq!(world.factors(&access).await, [Value::Null; 0]);
    // With the last one the password is enough again.
    let plain = world.login(&address).await;
    assert_eq!(claims_of(&plain.access)["acr"], "aal1");
    let twice = world.delete(&path).by(&access).send().await;
    twice.refused(404, "not_found");
}

#[tokio::test]
async fn a_passkey_is_the_second_factor_of_a_login() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let first = world.try_login(&ada.email, PASSWORD).await.expect(200);
    let first = first.json();
    assert_eq!(first["status"], "mfa_required");
    assert_eq!(first["methods"], json!(["passkey", "recovery_code"]));
    assert_eq!(first["access_token"], Value::Null);

    let way = ada.way(&world, Door::SecondFactor).await;
    let asked = way.ask(&world).await;
    let options = &asked.options["publicKey"];
    assert_eq!(options["rpId"], "id.people.example");
    assert_eq!(options["userVerification"], "required");
    assert_eq!(named(&options["allowCredentials"]), [id_of(&ada.device)]);
    // Whom it belongs to is known here, so the device need not say.
    ada.device.quirks.nameless = true;
    let signed = asked.signed(&mut ada.device);
    let answer = way.show(&world, &signed).send().await.expect(200);
    let session = SignedIn::of(&answer);
    assert_eq!(session.account, ada.session.account);
    let claims = claims_of(&session.access);
    assert_eq!(claims["acr"], "aal2");
    assert_eq!(claims["amr"], json!(["pwd", "pop", "mfa"]));

    // AB-27: a refresh proves nothing anew.
    world.later(Duration::from_secs(90));
    let later = session.renewed(&world.refresh(&session.refresh).await);
    for claim in ["acr", "amr", "auth_time", "sid"] {
        assert_eq!(claims_of(&later.access)[claim], claims[claim], "{claim}");
    }
    // The first step was good for one login.
    let again = way.options(&world).send().await;
    again.refused(401, "mfa_token_invalid");
    let again = way.show(&world, &signed).send().await;
    again.refused(401, "mfa_token_invalid");
}

#[tokio::test]
async fn a_passkey_alone_signs_in_at_the_highest_level() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let eve = Keyed::new(&world, "eve").await;
    let way = ada.way(&world, Door::SignIn).await;
    // Who asks is not known, so nobody's credentials are told.
    let asked = way.ask(&world).await;
    let options = &asked.options["publicKey"];
    assert_eq!(named(&options["allowCredentials"]), [""; 0]);
    assert_eq!(options["userVerification"], "required");
    let signed = asked.signed(&mut ada.device);
    let session = SignedIn::of(&way.show(&world, &signed).send().await.expect(200));
    assert_eq!(session.account, ada.session.account);
    assert_ne!(session.account, eve.session.account);
    let claims = claims_of(&session.access);
    assert_eq!(claims["acr"], "aal3");
    assert_eq!(claims["amr"], json!(["pop", "user", "mfa"]));
    // It is new and as strong as can be: sensitive operations ask no more.
    world
        .offer_passkey(&session.access)
        .send()
        .await
        .expect(200);
    let later = session.renewed(&world.refresh(&session.refresh).await);
    assert_eq!(claims_of(&later.access)["acr"], "aal3");
    assert_eq!(claims_of(&later.access)["amr"], claims["amr"]);

    // In a browser the refresh token is in a cookie here, too, and a device
    // that does not count may come as often as it likes.
    ada.device.counts = false;
    let mut uncounted = Authenticator::new(ISSUER);
    uncounted.counts = false;
    world.add_passkey(&session.access, &mut uncounted).await;
    for _ in 0..3 {
        let signed = way.ask(&world).await.signed(&mut uncounted);
        let answer = way.show(&world, &signed).for_cookie().send().await;
        let answer = answer.expect(200);
        assert!(answer.cookie().starts_with("csr_"));
        assert_eq!(answer.json()["refresh_token"], Value::Null);
    }
}

#[tokio::test]
async fn a_passkey_raises_the_session_that_needs_it() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let way = ada.way(&world, Door::SecondFactor).await;
    let answer = way.pass(&world, &mut ada.device).await.expect(200);
    ada.session = SignedIn::of(&answer);
    world.later(Duration::from_secs(301));
    let offer = |access: &str| world.offer_passkey(access);
    let asked = offer(&ada.session.access).send().await;
    let challenge = asked.header("www-authenticate").to_owned();
    asked.refused(401, "insufficient_user_authentication");
    assert!(challenge.contains("acr_values=\"aal2\""), "{challenge}");

    let way = ada.way(&world, Door::StepUp).await;
    let raised = way.pass(&world, &mut ada.device).await.expect(200);
    assert_eq!(raised.json()["acr"], "aal3");
    let (old, new) = (
        claims_of(&ada.session.access),
        claims_of(&access_of(&raised)),
    );
    assert_eq!(new["sid"], old["sid"]);
    assert_eq!(new["acr"], "aal3");
    let age = |claims: &Value| claims["auth_time"].as_u64().expect("seconds");
    assert!(age(&new) >= age(&old) + 300, "{old} {new}");
    offer(&access_of(&raised)).send().await.expect(200);
    // The session was raised, not one token.
    let later = ada
        .session
        .renewed(&world.refresh(&ada.session.refresh).await);
    assert_eq!(claims_of(&later.access)["acr"], "aal3");
}

#[tokio::test]
async fn two_passkeys_and_one_is_removed() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let mut spare = Authenticator::new(ISSUER);
    let offer = world.offer_passkey(&ada.session.access).send().await;
    let options = offer.expect(200).json()["options"].clone();
    let excluded = named(&options["publicKey"]["excludeCredentials"]);
    assert_eq!(excluded, [id_of(&ada.device)]);
    let added = world.add_passkey(&ada.session.access, &mut spare).await;
    // The codes of the first one go on to count.
    assert_eq!(added.json()["recovery_codes"], Value::Null);
    ada.session.access = access_of(&added);

    let way = ada.way(&world, Door::SecondFactor).await;
    let asked = way.ask(&world).await;
    let mut both = [id_of(&ada.device), id_of(&spare)];
    both.sort();
    let mut listed = named(&asked.options["publicKey"]["allowCredentials"]);
    listed.sort_unstable();
    assert_eq!(listed, both);

    let path = format!("/v1/me/factors/{}", ada.factor);
    let removed = world.delete(&path).by(&ada.session.access).send().await;
    ada.session.access = access_of(&removed.expect(200));
    for door in Door::ALL {
        let way = ada.way(&world, door).await;
        let asked = way.ask(&world).await;
        if door != Door::SignIn {
            let listed = named(&asked.options["publicKey"]["allowCredentials"]);
            assert_eq!(listed, [id_of(&spare)]);
        }
        let signed = asked.signed(&mut ada.device);
        way.refuses(&world, &signed, "a removed passkey").await;
        let way = ada.way(&world, door).await;
        let answer = way.pass(&world, &mut spare).await.expect(200);
        assert_eq!(
            claims_of(&access_of(&answer))["sub"],
            claims_of(&ada.session.access)["sub"]
        );
    }
    assert_eq!(ada.recovery_codes.len(), 10);
    let listed = world.factors(&ada.session.access).await;
    assert_eq!(listed.len(), 2, "{listed:?}");
}

#[tokio::test]
async fn a_passkey_stands_beside_an_authenticator_app() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    // Somebody without a passkey is not asked for one.
    let token = world.begin_login(&ada.email).await;
    let form = json!({ "mfa_token": token });
    let none = world.post("/v1/auth/passkey/options", &form).send().await;
    none.refused(404, "not_found");

    let mut device = Authenticator::new(ISSUER);
    world.add_passkey(&ada.session.access, &mut device).await;
    let first = world.try_login(&ada.email, PASSWORD).await.expect(200);
    let methods = &first.json()["methods"];
    assert_eq!(*methods, json!(["passkey", "totp", "recovery_code"]));
    let way = Door::SecondFactor;
    let way = way.approach(&world, &ada.email, &ada.session).await;
    way.pass(&world, &mut device).await.expect(200);
    ada.login(&world).await;
}
