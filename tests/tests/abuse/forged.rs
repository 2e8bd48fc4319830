//! Refresh tokens and ids that were never handed out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use uuid::Uuid;

use crate::support::{World, email};

/// The token with other bytes inside.
fn changed(token: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let encoded = token.strip_prefix("csr_").expect("a refresh token");
    let mut bytes = URL_SAFE_NO_PAD.decode(encoded).expect("base64url");
    change(&mut bytes);
    format!("csr_{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[tokio::test]
async fn a_refresh_token_that_was_not_issued_is_refused_and_changes_nothing() {
    let world = World::start().await;
    let foreign = world.foreign().await;
    let ada = world.register(&email("ada")).await;
    let grace = world.register(&email("grace")).await;
    let stranger = foreign.register(&email("eve")).await;
    let token = ada.refresh.as_str();
    let mut forged = vec![
        stranger.refresh.clone(),
        "x".into(),
        "csr_".into(),
        token.to_uppercase(),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        token[4..].to_owned(),
        token[..token.len() - 1].to_owned(),
        // The generation, the session, the key id, the tag.
        changed(token, |bytes| bytes[23] += 1),
        changed(token, |bytes| bytes[20..24].fill(0)),
        changed(token, |bytes| {
            bytes[4..20].copy_from_slice(grace.session.as_bytes());
        }),
        changed(token, |bytes| bytes[0] ^= 1),
        changed(token, |bytes| bytes[40] ^= 1),
        changed(token, |bytes| bytes.truncate(24)),
        changed(token, |bytes| bytes.extend([0; 8])),
    ];
    forged.extend(
        (5..token.len())
            .step_by(9)
            .map(|cut| token[..cut].to_owned()),
    );
    let before = world.ends().await;
    for forged in &forged {
        for path in ["/v1/auth/refresh", "/v1/auth/logout"] {
            let form = json!({ "refresh_token": forged });
            let answer = world
                .post(path, &form)
                .send()
                .await
                .refused(401, "refresh_invalid");
            assert!(
                !answer.text().contains(forged.as_str()) || forged == "x",
                "{forged}"
            );
        }
    }
    for bad in [String::new(), "x".repeat(513), ada.access.clone()] {
        let answer = world.refresh(&bad).await.refused(400, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/refresh_token");
    }
    assert_eq!(world.ends().await, before, "nothing was written");
    world.verify(&ada.access).await.expect(200);
    let _ = ada.renewed(&world.refresh(&ada.refresh).await);
    foreign
        .verify(&ada.access)
        .await
        .refused(401, "token_invalid");
    world
        .verify(&stranger.access)
        .await
        .refused(401, "token_invalid");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_neither_is_what_is_somebody_elses() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let grace = world.register(&email("grace")).await;
    let before = world.ends().await;
    let unknown = Uuid::from_u128(0x0190_c7a2_5b1e_7a6e_9d5b_6b1f_3e2d_4c5a);
    for id in [
        unknown,
        grace.session,
        grace.account,
        Uuid::nil(),
        Uuid::max(),
    ] {
        let path = format!("/v1/me/sessions/{id}");
        world
            .delete(&path)
            .by(&ada.access)
            .send()
            .await
            .refused(404, "not_found");
    }
    for path in ["sessions", "accounts"] {
        let path = format!("/v1/admin/{path}/{unknown}");
        world
            .get(&path)
            .by(&operator.access)
            .send()
            .await
            .refused(404, "not_found");
    }
    for id in [
        "x",
        "1",
        "0190c7a2",
        "'; drop table sessions --",
        "%00",
        "..%2f..%2f",
    ] {
        let path = format!("/v1/me/sessions/{}", id.replace(' ', "%20"));
        let answer = world.delete(&path).by(&ada.access).send().await;
        assert!(
            [400, 404].contains(&answer.status),
            "{id}: {}",
            answer.text()
        );
        answer.problem();
    }
    for path in [
        "/",
        "/v1",
        "/v2/me",
        "/v1/me/",
        "/v1/admin",
        "/.env",
        "//v1/me",
        "/v1/me/sessions/x/y",
    ] {
        world
            .get(path)
            .by(&ada.access)
            .send()
            .await
            .refused(404, "not_found");
    }
    for (method, path) in [
        ("PUT", "/v1/me"),
        ("DELETE", "/v1/me/sessions"),
        ("GET", "/v1/auth/login"),
        ("TRACE", "/v1/me"),
        ("BREW", "/v1/me"),
    ] {
        let answer = world.call(method, path).by(&ada.access).send().await;
        answer.clone().refused(405, "method_not_allowed");
        assert!(!answer.header("allow").is_empty(), "{method} {path}");
    }
    assert_eq!(world.ends().await, before);
    world.verify(&grace.access).await.expect(200);
}
