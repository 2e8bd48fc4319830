//! Passkeys that are not what they should be. Every rule is tried at every
//! door: the sign-in, the second step of a login, and the step-up.

mod challenge;
mod form;
mod offer;
mod owner;

use serde_json::Value;

use crate::support::{Authenticator, Door, ISSUER, Keyed, Quirks, World, email};

/// What a device, or the browser before it, can do wrong.
fn quirks() -> Vec<(&'static str, Quirks)> {
    let quirk = |change: fn(&mut Quirks)| {
        let mut quirks = Quirks::default();
        change(&mut quirks);
        quirks
    };
    vec![
        (
            "an evil origin",
            quirk(|it| it.origin = Some("https://evil-example.com".into())),
        ),
        (
            "a name that goes on",
            quirk(|it| it.origin = Some("https://id.people.example.evil.example".into())),
        ),
        (
            "a sibling",
            quirk(|it| it.origin = Some("https://www.id.people.example".into())),
        ),
        (
            "another port",
            quirk(|it| it.origin = Some(format!("{ISSUER}:8443"))),
        ),
        (
            "no TLS",
            quirk(|it| it.origin = Some("http://id.people.example".into())),
        ),
        ("a foreign frame", quirk(|it| it.cross_origin = true)),
        (
            "another relying party",
            quirk(|it| it.rp_id = Some("people.example".into())),
        ),
        (
            "another challenge",
            quirk(|it| it.challenge = Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into())),
        ),
        ("an absent user", quirk(|it| it.absent = true)),
        ("an unverified user", quirk(|it| it.unverified = true)),
        ("a wrong signature", quirk(|it| it.wrong_signature = true)),
    ]
}

#[tokio::test]
async fn ab_30_what_a_passkey_signs_wrongly_is_refused_at_every_door() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    for door in Door::ALL {
        for (why, quirks) in quirks() {
            let way = ada.way(&world, door).await;
            ada.device.quirks = quirks;
            let signed = way.ask(&world).await.signed(&mut ada.device);
            ada.device.quirks = Quirks::default();
            way.refuses(&world, &signed, why).await;
        }
        // The same device without a quirk is let in.
        let way = ada.way(&world, door).await;
        way.pass(&world, &mut ada.device).await.expect(200);
    }
}

#[tokio::test]
async fn ab_30_what_a_passkey_signs_wrongly_is_not_registered() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    for (why, quirks) in quirks() {
        // A registration has no signature.
        if quirks.wrong_signature {
            continue;
        }
        let mut device = Authenticator::new(ISSUER);
        device.quirks = quirks;
        let offer = world.offer_passkey(&ada.access).send().await.expect(200);
        let offer = offer.json();
        let made = device.register(&offer["options"]);
        let confirm = world.confirm_passkey(&ada.access, &offer, &made);
        let answer = confirm.send().await;
        let told = (answer.status, answer.code());
        assert_eq!(told, (401, "mfa_invalid".to_owned()), "{why}");
    }
    assert_eq!(world.factors(&ada.access).await, [Value::Null; 0]);
    let mut device = Authenticator::new(ISSUER);
    world.add_passkey(&ada.access, &mut device).await;
}

#[tokio::test]
async fn ab_30_a_counter_that_does_not_rise_is_refused_at_every_door() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    ada.device.counter = 40;
    ada.sign_in(&world).await.expect(200);
    let other = world.second_service().await;
    for door in Door::ALL {
        let seen = ada.device.counter;
        // The copy has signed less often, or as often; or it never counts.
        for copied in [0, seen - 2, seen - 1] {
            ada.device.counter = copied;
            let way = ada.way(&world, door).await;
            let signed = way.ask(&world).await.signed(&mut ada.device);
            way.refuses(&world, &signed, "a copy").await;
            way.refuses(&other, &signed, "a copy elsewhere").await;
        }
        ada.device.counts = false;
        ada.device.counter = 0;
        let way = ada.way(&world, door).await;
        let signed = way.ask(&world).await.signed(&mut ada.device);
        way.refuses(&world, &signed, "a copy that does not count")
            .await;
        ada.device.counts = true;

        ada.device.counter = seen;
        let way = ada.way(&world, door).await;
        way.pass(&other, &mut ada.device).await.expect(200);
    }
    // A service that starts later has it from the log.
    let seen = ada.device.counter;
    ada.device.counter = seen - 1;
    let late = world.second_service().await;
    let way = ada.way(&late, Door::SignIn).await;
    let signed = way.ask(&late).await.signed(&mut ada.device);
    way.refuses(&late, &signed, "a copy after a restart").await;
}

#[tokio::test]
async fn ab_20_a_wrong_passkey_counts_as_a_try_of_its_login() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let way = ada.way(&world, Door::SecondFactor).await;
    let good = way.ask(&world).await.signed(&mut ada.device);
    ada.device.quirks.wrong_signature = true;
    for _ in 0..5 {
        let signed = way.ask(&world).await.signed(&mut ada.device);
        way.refuses(&world, &signed, "a wrong signature").await;
    }
    ada.device.quirks = Quirks::default();
    let spent = way.show(&world, &good).send().await;
    spent.refused(401, "mfa_token_invalid");
    let spent = way.options(&world).send().await;
    spent.refused(401, "mfa_token_invalid");
    // Another login is another five tries.
    let way = ada.way(&world, Door::SecondFactor).await;
    way.pass(&world, &mut ada.device).await.expect(200);
}
