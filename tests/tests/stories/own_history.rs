//! What people read about themselves.

use std::time::Duration;

use serde_json::json;

use crate::support::{Enrolled, PASSWORD, SignedIn, World, access_of, email};

const OTHER: &str = "copper-Meadow-73-whistle";

/// Somebody whose cursors could be taken for those of another.
async fn in_shard_of(world: &World, other: &SignedIn) -> SignedIn {
    let shard = |of: &SignedIn| of.position.split('.').next().map(str::to_owned);
    for _ in 0..60 {
        let eve = world.register(&email("eve")).await;
        if shard(&eve) == shard(other) {
            return eve;
        }
    }
    panic!("nobody came to the same shard")
}

#[tokio::test]
async fn everybody_reads_their_own_history_and_nobody_elses() {
    let world = World::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    let eve = in_shard_of(&world, &ada).await;
    let form = json!({ "email": address, "password": PASSWORD });
    let call = world.post("/v1/auth/login", &form).agent("phone/1");
    let call = call.header("x-forwarded-for", "198.51.100.7");
    let phone = SignedIn::of(&call.send().await.expect(200));
    let changed = world.change_password(&ada.access, Some(PASSWORD), OTHER);
    let access = access_of(&changed.await.expect(200));
    world.projected().await;
    let all = world.get("/v1/me/events?limit=200").by(&access);
    let all = all.send().await.items();
    let names: Vec<&str> = all.iter().filter_map(|one| one["name"].as_str()).collect();
    for name in [
        "account.registered",
        "account.device_added",
        "account.credential_set",
        "account.sessions_ended",
        "session.started",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert_eq!(names.last(), Some(&"account.registered"), "newest first");
    let started = all.iter().find(|one| {
        one["name"] == "session.started" && one["session_id"] == phone.session.to_string()
    });
    let started = started.expect("the phone's sign-in");
    assert_eq!(started["ip"], "198.51.100.7");
    assert_eq!(started["user_agent"], "phone/1");
    assert!(all.iter().all(|one| one["by_other"] == false), "{all:#?}");

    for limit in [1, 2, 3, 5] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.get(&format!("/v1/me/events?limit={limit}{cursor}"));
            let page = page.by(&access).send().await;
            assert!(page.items().len() <= limit);
            found.extend(page.items());
            match page.next() {
                None => break,
                Some(next) => cursor = format!("&after={next}"),
            }
        }
        assert_eq!(found, all, "by {limit}");
    }
    let of_eve = world.get("/v1/me/events?limit=200").by(&eve.access);
    let of_eve = of_eve.send().await.items();
    assert!(!of_eve.is_empty());
    for one in &of_eve {
        assert!(!all.iter().any(|other| other["position"] == one["position"]));
    }
    // A cursor is a place, not a key.
    let cursor = all[0]["position"].as_str().expect("a position");
    let page = world.get(&format!("/v1/me/events?limit=200&after={cursor}.0"));
    let page = page.by(&eve.access).send().await.items();
    assert!(page.iter().all(|one| of_eve.contains(one)));
    let bad = world
        .get("/v1/me/events?after=3.x")
        .by(&access)
        .send()
        .await;
    bad.refused(400, "validation_failed");
}

#[tokio::test]
async fn an_export_is_all_of_ones_own_and_no_secret() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    let eve = world.register(&email("eve")).await;
    let second = ada.login(&world).await;
    world.projected().await;
    let export = world.get("/v1/me/export").by(&second.access);
    let export = export.send().await.expect(200);
    let body = export.json();
    assert_eq!(body["account"]["email"], ada.email);
    assert_eq!(body["account"]["id"], second.account.to_string());
    assert_eq!(body["truncated"], false);
    let ids = |name: &str, field: &str| -> Vec<String> {
        let all = body[name].as_array().expect("a list").iter();
        all.filter_map(|one| one[field].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(ids("factors", "kind"), ["totp", "recovery_code"]);
    let mut sessions = ids("sessions", "id");
    sessions.sort();
    let mut expected = [second.session, ada.session.session].map(|id| id.to_string());
    expected.sort();
    assert_eq!(sessions, expected);
    let events = world.get("/v1/me/events?limit=200").by(&second.access);
    assert_eq!(body["events"], json!(events.send().await.items()));
    let text = export.text();
    for foreign in [eve.account.to_string(), eve.session.to_string()] {
        assert!(!text.contains(&foreign));
    }
    let seed = ada.seed.to_base32();
    for secret in ada
        .recovery_codes
        .iter()
        .map(String::as_str)
        .chain([seed.as_str(), "$argon2"])
    {
        assert!(!text.contains(secret), "{secret}");
    }
    world.later(Duration::from_secs(301));
    let stale = world.get("/v1/me/export").by(&second.access).send().await;
    stale.refused(401, "insufficient_user_authentication");
}
