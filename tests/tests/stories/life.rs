//! One account's life.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{PATIENCE, World, email, eventually};

/// The bound within which a revoked token is refused everywhere.
const BOUND: Duration = Duration::from_millis(250);

#[tokio::test]
async fn somebody_comes_looks_around_and_leaves() {
    let world = World::start().await;
    let address = email("ada");
    let laptop = world.register(&address).await;

    let me = world
        .get("/v1/me")
        .by(&laptop.access)
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(me["id"], laptop.account.to_string());
    assert_eq!(me["email"], address);
    assert_eq!(me["display_name"], "Ada");
    assert_eq!(me["roles"], json!(["user"]));

    let renewed = world.refresh(&laptop.refresh).await;
    let laptop = laptop.renewed(&renewed);
    let form = json!({ "display_name": "Ada L." });
    let renamed = world
        .patch("/v1/me", &form)
        .by(&laptop.access)
        .send()
        .await
        .expect(200);
    assert_eq!(renamed.json()["display_name"], "Ada L.");

    let form = json!({ "email": address.to_uppercase(), "password": crate::support::PASSWORD });
    let answer = world
        .post("/v1/auth/login", &form)
        .agent("phone/1")
        .send()
        .await
        .expect(200);
    let phone = crate::support::SignedIn::of(&answer);
    assert_eq!(phone.account, laptop.account);
    assert_eq!(answer.json()["account"]["display_name"], "Ada L.");

    let list = world
        .get("/v1/me/sessions")
        .by(&laptop.access)
        .at(&phone.position)
        .send()
        .await;
    let sessions = list.items();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert_eq!(sessions[0]["id"], phone.session.to_string());
    assert_eq!(sessions[0]["user_agent"], "phone/1");
    assert_eq!(sessions[0]["current"], false);
    assert_eq!(sessions[1]["id"], laptop.session.to_string());
    assert_eq!(sessions[1]["current"], true);
    assert_eq!(sessions[1]["generation"], 2);
    assert_eq!(sessions[1]["ip"], "127.0.0.1");

    let path = format!("/v1/me/sessions/{}", phone.session);
    let ended = world
        .delete(&path)
        .by(&laptop.access)
        .send()
        .await
        .expect(204);
    let began = Instant::now();
    eventually(BOUND, || async {
        world.verify(&phone.access).await.code() == "token_revoked"
    })
    .await;
    assert!(began.elapsed() < BOUND);
    world
        .refresh(&phone.refresh)
        .await
        .refused(401, "session_revoked");
    let list = world
        .get("/v1/me/sessions")
        .by(&laptop.access)
        .at(&ended.position())
        .send()
        .await;
    assert_eq!(list.items()[0]["state"], "revoked");
    assert_eq!(list.items()[0]["ended"]["reason"], "ended_by_owner");
    assert_eq!(list.items()[0]["ended"]["by"], laptop.account.to_string());

    world.logout(&laptop.refresh).await.expect(204);
    world
        .get("/v1/me")
        .by(&laptop.access)
        .send()
        .await
        .refused(401, "token_revoked");

    let again = world.login(&address).await;
    let other = world.login(&address).await;
    world
        .post_nothing("/v1/auth/logout-all")
        .by(&again.access)
        .send()
        .await
        .expect(204);
    for gone in [&again, &other] {
        eventually(BOUND, || async {
            world.verify(&gone.access).await.code() == "token_revoked"
        })
        .await;
        world
            .refresh(&gone.refresh)
            .await
            .refused(401, "session_revoked");
    }
    let back = world.login(&address).await;
    let list = world
        .get("/v1/me/sessions")
        .by(&back.access)
        .at(&back.position)
        .send()
        .await;
    let states: Vec<_> = list
        .items()
        .iter()
        .map(|row| row["state"].clone())
        .collect();
    assert_eq!(
        states,
        ["active", "revoked", "revoked", "revoked", "revoked"]
    );
    let mut models = world.read_models().await;
    assert_eq!(
        models.session(laptop.session).await,
        Some((2, Some("logout".into())))
    );
    eventually(PATIENCE, || async {
        world.verify(&back.access).await.status == 200
    })
    .await;
}
