//! Bodies that are no answer of any authenticator.

use serde_json::{Value, json};

use crate::support::{Answer, Door, Keyed, World};

/// What was sent in place of a credential, each as a client might.
fn garbage(good: &Value) -> Vec<Value> {
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).expect("a member") = value;
        changed
    };
    let mut all = vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1e300),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
        json!([good]),
        json!({ "type": "public-key" }),
        json!({ "id": "AbCd", "rawId": "AbCd", "type": "public-key", "response": {} }),
        with("/type", json!("password")),
        with("/response", Value::Null),
        with("/rawId", json!("")),
        with("/rawId", json!("A".repeat(1_500))),
        with("/clientExtensionResults", json!([[[[1]]]])),
    ];
    for member in good["response"].as_object().expect("members").keys() {
        let pointer = format!("/response/{member}");
        let values = [
            Value::Null,
            json!(1),
            json!(""),
            json!("A"),
            json!("AAAA"),
            json!("\u{0}\u{202e}"),
            json!("/+/+=="),
            json!({}),
        ];
        // The handle and the transports may be left out, and so be null; some
        // clients make an empty handle of a missing one.
        let optional = ["userHandle", "transports"].contains(&member.as_str());
        let absent = [Value::Null, json!("")];
        let values = values
            .into_iter()
            .filter(|value| !optional || !absent.contains(value));
        all.extend(values.map(|value| with(&pointer, value)));
    }
    // {} as client data, and nothing but a length in the authenticator's data.
    all.push(with("/response/clientDataJSON", json!("e30")));
    all
}

#[track_caller]
fn refused(answer: &Answer, sent: &Value) {
    let (status, text) = (answer.status, answer.text());
    let start: String = sent.to_string().chars().take(200).collect();
    assert!((400..500).contains(&status), "{status} {text}: {start}");
    answer.problem();
}

#[tokio::test]
async fn ab_65_what_is_no_credential_is_refused_and_never_a_fault() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    for door in Door::ALL {
        let mut way = ada.way(&world, door).await;
        for index in 0.. {
            // A login has five tries.
            if door == Door::SecondFactor && index % 4 == 0 {
                way = ada.way(&world, door).await;
            }
            // All but the one member is right.
            let mut form = way.ask(&world).await.signed(&mut ada.device);
            let mut all = garbage(&form["credential"]);
            if index >= all.len() {
                break;
            }
            form["credential"] = all.swap_remove(index);
            let answer = way.show(&world, &form).send().await;
            refused(&answer, &form);
        }
        let way = ada.way(&world, door).await;
        way.pass(&world, &mut ada.device).await.expect(200);
    }
    let offer = world.offer_passkey(&ada.session.access).send().await;
    let offer = offer.expect(200).json();
    let mut other = crate::support::Authenticator::new(crate::support::ISSUER);
    let made = other.register(&offer["options"]);
    for credential in garbage(&made) {
        let call = world.confirm_passkey(&ada.session.access, &offer, &credential);
        refused(&call.send().await, &credential);
    }
    // None of it has used the offer up.
    let call = world.confirm_passkey(&ada.session.access, &offer, &made);
    call.send().await.expect(200);
}

#[tokio::test]
async fn ab_65_what_is_too_large_is_refused_and_so_is_what_is_missing() {
    let world = World::start().await;
    let mut ada = Keyed::new(&world, "ada").await;
    for door in Door::ALL {
        let way = ada.way(&world, door).await;
        let good = way.ask(&world).await.signed(&mut ada.device);
        let with = |member: &str, value: Value| {
            let mut form = good.clone();
            form[member] = value;
            form
        };
        let mut padded = good["credential"].clone();
        padded["padding"] = json!("x".repeat(16 * 1024));
        let answer = way.show(&world, &with("credential", padded)).send().await;
        let answer = answer.refused(401, door.refusal());
        assert!(answer.text().len() < 1_024);
        let token = json!(format!("csc_{}", "A".repeat(16 * 1024)));
        let answer = way
            .show(&world, &with("challenge_token", token))
            .send()
            .await;
        answer.refused(400, "validation_failed");
        let huge = json!("x".repeat(65 * 1024));
        let answer = way.show(&world, &with("credential", huge)).send().await;
        answer.refused(413, "payload_too_large");
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        refused(
            &way.show(&world, &with("credential", deep)).send().await,
            &Value::Null,
        );
        for member in ["credential", "challenge_token"] {
            let mut form = good.clone();
            form.as_object_mut().expect("an object").remove(member);
            let answer = way.show(&world, &form).send().await;
            answer.refused(400, "validation_failed");
        }
        let unknown = with("admin", json!(true));
        let answer = way.show(&world, &unknown).send().await;
        answer.refused(400, "validation_failed");
        let way = ada.way(&world, door).await;
        way.pass(&world, &mut ada.device).await.expect(200);
    }
}

#[tokio::test]
async fn a_method_without_its_proof_is_refused() {
    let world = World::start().await;
    let ada = Keyed::new(&world, "ada").await;
    let token = world.begin_login(&ada.email).await;
    for form in [
        json!({ "mfa_token": token, "method": "passkey" }),
        json!({ "mfa_token": token, "method": "passkey", "code": "123456" }),
        json!({ "mfa_token": token, "method": "passkey", "passkey": null }),
        json!({ "mfa_token": token, "method": "passkey", "passkey": [] }),
    ] {
        let answer = world.post("/v1/auth/mfa", &form).send().await;
        answer.refused(400, "validation_failed");
        let mut form = form;
        form.as_object_mut().expect("an object").remove("mfa_token");
        let call = world.post("/v1/auth/step-up", &form);
        let answer = call.by(&ada.session.access).send().await;
        answer.refused(400, "validation_failed");
    }
    for token in ["x", "csm_", "csm_AAAA"] {
        let form = json!({ "mfa_token": token });
        let call = world.post("/v1/auth/passkey/options", &form);
        // What the mfa_token says counts, not the access token beside it.
        let answer = call.by(&ada.session.access).send().await;
        answer.refused(401, "mfa_token_invalid");
    }
    let bad = world.post("/v1/auth/passkey/options", &json!({}));
    let bad = bad.by("nonsense").send().await;
    bad.refused(401, "token_invalid");
}
