//! An event that nobody understands.

use async_nats::HeaderMap;
use async_nats::jetstream;
use countersign_events::Subject;
use serde_json::{Value, json};

use crate::support::{PATIENCE, World, email, eventually};

async fn projections(world: &World, by: &str) -> Vec<Value> {
    world
        .get("/v1/admin/projections")
        .by(by)
        .send()
        .await
        .items()
}

#[tokio::test]
async fn r_13_an_unknown_event_stops_its_shard_loudly_and_nothing_else() {
    let world = World::with(&[("position_wait_millis", "300")]).await;
    let operator = world.operator().await;
    world.projected().await;
    // A newer program's event, put there past this one.
    let id = world.new_account_id();
    let subject: Subject = world.log.subject_of(id);
    let message = json!({
        "envelope": 1, "id": uuid::Uuid::from_u128(5), "noun": "account", "subject_id": id,
        "occurred_at": world.now().as_millis(), "actor": { "kind": "system" },
        "correlation": uuid::Uuid::nil(),
        "events": [{ "name": "exploded", "v": 1, "data": {} }],
    });
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
    let publishing = jetstream::new(world.log.client().clone());
    let publishing = publishing.publish_with_headers(
        subject.with_prefix(world.log.prefix()),
        headers,
        message.to_string().into(),
    );
    let stored = publishing.await.expect("sent").await.expect("stored");
    let stuck = format!("{}.{}", subject.shard, stored.sequence);

    eventually(PATIENCE, || async {
        let shard = &projections(&world, &operator.access).await[usize::from(subject.shard)];
        shard["state"] == "stopped"
    })
    .await;
    for shard in projections(&world, &operator.access).await {
        if shard["shard"] == subject.shard {
            assert_eq!(shard["fault"]["position"], stuck, "{shard}");
            let message = shard["fault"]["message"].as_str().expect("text");
            assert!(message.contains("exploded"), "{message}");
        } else {
            assert_eq!(shard["state"], "running", "{shard}");
            assert_eq!(shard["fault"], Value::Null);
        }
    }
    // Appends go on, in that shard too, and so does all that needs no list.
    let (mut there, mut elsewhere) = (0, 0);
    while there < 2 || elsewhere < 2 {
        let address = email("ada");
        let ada = world.register(&address).await;
        let ada = ada.renewed(&world.refresh(&ada.refresh).await);
        let list = world
            .get("/v1/me/sessions")
            .by(&ada.access)
            .at(&ada.position)
            .send_once()
            .await;
        if ada.position.starts_with(&format!("{}.", subject.shard)) {
            there += 1;
            list.refused(503, "position_not_reached");
        } else {
            elsewhere += 1;
            assert_eq!(list.items()[0]["generation"], 2);
        }
        world.logout(&ada.refresh).await.expect(204);
        world
            .verify(&ada.access)
            .await
            .refused(401, "token_revoked");
        let other = world.login(&address).await;
        world.verify(&other.access).await.expect(200);
    }
    // Told to, it tries again at once, and stops again.
    let fault = |shards: &[Value]| shards[usize::from(subject.shard)]["fault"].clone();
    let since = fault(&projections(&world, &operator.access).await)["since"].clone();
    let repair = world.post("/v1/admin/projections/repair", &json!({}));
    let repaired = repair.by(&operator.access).send().await.expect(200);
    assert_eq!(repaired.json()["shards"], json!([subject.shard]));
    eventually(PATIENCE, || async {
        fault(&projections(&world, &operator.access).await)["since"] != since
    })
    .await;
    // Made anew, it stops the rebuild, which says so; what serves goes on.
    let rebuild = world.post_nothing("/v1/admin/projections/rebuild");
    rebuild.by(&operator.access).send().await.expect(202);
    eventually(PATIENCE, || async {
        let all = projections(&world, &operator.access).await;
        let failed = all.get(usize::from(world.log.shards()));
        failed.is_some_and(|failed| {
            let message = failed["fault"]["message"].as_str().unwrap_or_default();
            failed["state"] == "stopped" && message.contains("exploded")
        })
    })
    .await;
    // It is not skipped, however long it takes.
    let shard = &projections(&world, &operator.access).await[usize::from(subject.shard)];
    assert_eq!(shard["state"], "stopped");
    assert_eq!(
        shard["position"],
        format!("{}.{}", subject.shard, stored.sequence - 1)
    );
    assert!(shard["lag_events"].as_u64().expect("a number") > 2);
}

#[tokio::test]
async fn r_13_revocation_goes_on_although_an_event_is_not_understood() {
    let world = World::start().await;
    let other = world.second_service().await;
    for shard in 0..world.log.shards() {
        let id = std::iter::repeat_with(|| world.new_account_id())
            .find(|id| world.log.subject_of(*id).shard == shard)
            .expect("a place in the shard");
        let subject = world.log.subject_of(id).with_prefix(world.log.prefix());
        let message = json!({
            "envelope": 1, "id": uuid::Uuid::from_u128(u128::from(shard) + 9), "noun": "account", "subject_id": id,
            "occurred_at": world.now().as_millis(), "actor": { "kind": "system" },
            "correlation": uuid::Uuid::nil(),
            "events": [{ "name": "exploded", "v": 1, "data": {} }],
        });
        let publishing = jetstream::new(world.log.client().clone());
        let stored = publishing
            .publish(subject, message.to_string().into())
            .await
            .expect("sent");
        stored.await.expect("stored");
    }
    for _ in 0..6 {
        let ada = world.register(&email("ada")).await;
        other.verify(&ada.access).await.expect(200);
        world.logout(&ada.refresh).await.expect(204);
        let bound = std::time::Duration::from_millis(250);
        // Refused, or admitted to be unknown: never believed.
        let refused = async || {
            let answer = other.verify(&ada.access).await;
            answer.code() == "token_revoked" || answer.status == 503
        };
        eventually(bound, refused).await;
    }
}
