//! Whose passkey it is.

use serde_json::json;

use crate::support::{Answer, Authenticator, Door, ISSUER, Keyed, SignedIn, World, email};

/// The account that the answer lets in.
#[track_caller]
fn account(answer: &Answer) -> uuid::Uuid {
    SignedIn::of(answer).account
}

#[tokio::test]
async fn ab_30_a_passkey_opens_nobody_elses_account() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let mut eve = Keyed::new(&world, "eve").await;
    let handle = ada.session.account.as_bytes().to_vec();
    for door in Door::ALL {
        for named in [
            None,
            Some(handle.clone()),
            Some(Vec::new()),
            Some(vec![7; 64]),
        ] {
            // At the door of the sign-in, her own handle would be her own login.
            if door == Door::SignIn && named.is_none() {
                continue;
            }
            let way = ada.way(&world, door).await;
            let asked = way.ask(&world).await;
            eve.device.quirks.user_handle = named;
            let signed = asked.signed(&mut eve.device);
            way.refuses(&world, &signed, "the passkey of another").await;
            // The other's credential id over her own signature.
            let mut posing = signed.clone();
            let own = asked.signed(&mut ada.device);
            for id in ["id", "rawId"] {
                posing["credential"][id] = own["credential"][id].clone();
            }
            let way = ada.way(&world, door).await;
            way.refuses(&world, &posing, "the id of another").await;
        }
    }
    eve.device.quirks.user_handle = None;
    let answer = eve.sign_in(&world).await.expect(200);
    assert_eq!(account(&answer), eve.session.account);
    // Nobody is signed in who is not named.
    ada.device.quirks.nameless = true;
    let way = ada.way(&world, Door::SignIn).await;
    let signed = way.ask(&world).await.signed(&mut ada.device);
    way.refuses(&world, &signed, "a nameless passkey").await;
}

/// A credential id is no secret, so somebody can register a key under it.
#[tokio::test]
async fn ab_30_a_credential_id_that_two_accounts_have_leads_to_the_right_one() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let mut copy = Authenticator::new(ISSUER);
    copy.id.clone_from(&ada.device.id);
    let mut eve = Keyed::with(&world, "eve", copy).await;
    for _ in 0..2 {
        let answer = ada.sign_in(&world).await.expect(200);
        assert_eq!(account(&answer), ada.session.account);
        let answer = eve.sign_in(&world).await.expect(200);
        assert_eq!(account(&answer), eve.session.account);
    }
    eve.device.quirks.user_handle = Some(ada.session.account.as_bytes().to_vec());
    for door in Door::ALL {
        let way = ada.way(&world, door).await;
        let signed = way.ask(&world).await.signed(&mut eve.device);
        way.refuses(&world, &signed, "a key under a known id").await;
    }
}

#[tokio::test]
async fn ab_30_an_unknown_and_a_removed_passkey_are_refused_at_every_door() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let mut spare = Authenticator::new(ISSUER);
    let added = world.add_passkey(&ada.session.access, &mut spare).await;
    ada.session.access = crate::support::access_of(&added);
    let mut stranger = Authenticator::new(ISSUER);
    stranger.quirks.user_handle = Some(ada.session.account.as_bytes().to_vec());
    let path = format!("/v1/me/factors/{}", ada.factor);

    let mut before = Vec::new();
    for door in [Door::SignIn, Door::SecondFactor] {
        let way = ada.way(&world, door).await;
        let signed = way.ask(&world).await.signed(&mut ada.device);
        before.push((way, signed));
    }
    let removed = world.delete(&path).by(&ada.session.access).send().await;
    ada.session.access = crate::support::access_of(&removed.expect(200));
    // Signed while it was one, shown when it is none any more.
    for (way, signed) in &before {
        let answer = way.show(&world, signed).send().await;
        assert_eq!(answer.status, 401, "{:?}: {}", way.door, answer.text());
    }
    for door in Door::ALL {
        for device in [&mut ada.device, &mut stranger] {
            let way = door.approach(&world, &ada.email, &ada.session).await;
            let signed = way.ask(&world).await.signed(device);
            way.refuses(&world, &signed, "no passkey of the account")
                .await;
        }
        let way = door.approach(&world, &ada.email, &ada.session).await;
        way.pass(&world, &mut spare).await.expect(200);
    }
}

#[tokio::test]
async fn ab_59_a_suspended_or_erased_account_is_open_to_no_passkey() {
    let world = World::start().await;
    let operator = world.operator().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let eve = Keyed::new(&world, "eve").await;
    let admin = |verb: &str, person: &Keyed| {
        let path = format!("/v1/admin/accounts/{}/{verb}", person.session.account);
        let form = json!({ "reason": "a test" });
        world.post(&path, &form).by(&operator.access).send()
    };
    let before = async |person: &mut Keyed| {
        let mut signed = Vec::new();
        for door in Door::ALL {
            let way = person.way(&world, door).await;
            let asked = way.ask(&world).await;
            signed.push((way, asked.signed(&mut person.device)));
        }
        signed
    };
    let shut = async |signed: &[(crate::support::Way, serde_json::Value)]| {
        for (way, signed) in signed {
            let answer = way.show(&world, signed).send().await;
            assert_eq!(answer.status, 401, "{:?}: {}", way.door, answer.text());
            // A stranger learns nothing of why.
            if way.door == Door::SignIn {
                assert_eq!(answer.code(), "invalid_credentials");
            }
        }
    };

    let signed = before(&mut ada).await;
    admin("suspend", &ada).await.expect(204);
    shut(&signed).await;
    ada.sign_in(&world)
        .await
        .refused(401, "invalid_credentials");
    admin("reinstate", &ada).await.expect(204);
    let answer = ada.sign_in(&world).await.expect(200);
    assert_eq!(account(&answer), ada.session.account);

    let mut eve = eve;
    let signed = before(&mut eve).await;
    let erased = world.delete("/v1/me").by(&eve.session.access).send().await;
    erased.expect(204);
    shut(&signed).await;
    eve.sign_in(&world)
        .await
        .refused(401, "invalid_credentials");
    let late = world.second_service().await;
    eve.sign_in(&late).await.refused(401, "invalid_credentials");
}

/// AB-10: nothing tells a stranger whether an account is there, or what it has.
#[tokio::test]
async fn ab_10_all_that_is_refused_at_the_sign_in_is_refused_alike() {
    let world = World::start().await;
    let ada = Keyed::new(&world, "ada").await;
    let plain = world.register(&email("eve")).await;
    let way = ada.way(&world, Door::SignIn).await;
    let mut texts = Vec::new();
    for account in [ada.session.account, plain.account, uuid::Uuid::nil()] {
        let mut stranger = Authenticator::new(ISSUER);
        stranger.quirks.user_handle = Some(account.as_bytes().to_vec());
        let signed = way.ask(&world).await.signed(&mut stranger);
        let answer = way.show(&world, &signed).send().await;
        let mut body = answer.refused(401, "invalid_credentials").json();
        body["request_id"] = serde_json::Value::Null;
        texts.push(body);
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
}
