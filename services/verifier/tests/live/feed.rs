//! Following the feed over server-sent events, and reporting.

use crate::support::{World, check, eventually, soon};
use countersign_verifier::Refusal;
use countersign_verifier::live::{LiveConfig, LiveVerifier, NatsCredentials, Rejection, Source};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

const FOREVER: u64 = 4_000_000_000;

#[tokio::test]
async fn a_revoked_session_and_account_are_refused_and_reported() {
    let world = World::new().await;
    let (early, claims) = world.token();
    let old = json!([{"at": 1, "session": claims.sid, "until": FOREVER}]);
    world.service.tell(old).await;
    let verifier = world.caught_up().await;
    // What was told before it started.
    assert_eq!(check(&verifier, &early).await, Err(Refusal::Revoked.into()));

    let (token, claims) = world.token();
    let (other, other_claims) = world.token();
    assert_eq!(check(&verifier, &token).await, Ok(claims.clone()));
    let records = json!([
        {"at": 2, "session": claims.sid, "until": FOREVER},
        {"at": 2, "account": other_claims.sub, "epoch": 2, "until": FOREVER},
    ]);
    world.service.tell(records).await;
    eventually(async || check(&verifier, &token).await.is_err()).await;
    assert_eq!(check(&verifier, &token).await, Err(Refusal::Revoked.into()));
    assert_eq!(check(&verifier, &other).await, Err(Refusal::Revoked.into()));

    // It says so, long before the second is over.
    eventually(async || {
        let inner = world.service.lock();
        let cursor = inner
            .reports
            .iter()
            .rev()
            .find_map(|one| one.cursor.clone());
        cursor == Some(vec![2, 0])
    })
    .await;
    assert_eq!(verifier.position(), Some(vec![2, 0]));
    let inner = world.service.lock();
    let report = inner.reports.last().expect("a report");
    assert_eq!(
        (report.name.as_str(), report.leaving),
        ("orders-test", false)
    );
    assert_eq!(report.kids, [world.key.key_id()]);
    assert_eq!(report.id, verifier.id());
    assert_eq!(inner.tokens, 1, "its own token is kept");
}

#[tokio::test]
async fn it_says_good_bye() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    soon(verifier.stop()).await;
    let last = world.service.lock().reports.pop().expect("a report");
    assert!(last.leaving);
    assert_eq!(last.id, verifier.id());
}

#[tokio::test]
async fn the_last_clone_ends_it() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    let other = verifier.clone();
    drop(verifier);
    assert!(other.is_ready());
    drop(other);
    eventually(async || {
        world
            .service
            .lock()
            .reports
            .last()
            .is_some_and(|one| one.leaving)
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_resumed_where_it_ended() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    let (token, claims) = world.token();
    eventually(async || !world.service.lock().resumed_from.is_empty()).await;
    let pages = world.service.lock().pages.len();
    world.service.hang_up();
    let records = json!([{"at": 1, "session": claims.sid, "until": FOREVER}]);
    world.service.tell(records).await;
    eventually(async || check(&verifier, &token).await.is_err()).await;
    let inner = world.service.lock();
    assert_eq!(inner.resumed_from[0], "7.1");
    assert_eq!(inner.resumed_from[1], "7.1");
    assert_eq!(inner.pages.len(), pages, "nothing is read twice");
}

#[tokio::test]
async fn it_reads_all_pages_in_order() {
    let world = World::new().await;
    let (token, claims) = world.token();
    for _ in 0..4 {
        world.service.beat().await;
    }
    let records = json!([{"at": 1, "session": claims.sid, "until": FOREVER}]);
    world.service.tell(records).await;
    let verifier = world.caught_up().await;
    assert_eq!(check(&verifier, &token).await, Err(Refusal::Revoked.into()));
    assert_eq!(world.service.lock().pages, [None, Some(2), Some(4)]);
}

#[tokio::test]
async fn a_gap_leads_to_another_reading() {
    for gap in [
        "event: gap\ndata: {\"from\":2,\"to\":4}\n\n",
        "id: 7.9\nevent: beat\ndata: {\"v\":1,\"cursor\":[9,9],\"genesis\":false}\n\n",
        "id: 7.2\nevent: revocations\ndata: {\"v\":1,\"shard\":0,\"from\":5,\"to\":6,\"records\":[]}\n\n",
        "id: 7.2\nevent: beat\ndata: what\n\n",
        // It would be the next one, were it of this stream.
        "id: 8.2\nevent: beat\ndata: {\"v\":1,\"cursor\":[9,9],\"genesis\":false}\n\n",
        "id: 2\nevent: beat\ndata: {\"v\":1,\"cursor\":[9,9],\"genesis\":false}\n\n",
    ] {
        let world = World::new().await;
        let verifier = world.caught_up().await;
        eventually(async || !world.service.lock().resumed_from.is_empty()).await;
        world.service.send_raw(gap).await;
        eventually(async || world.service.lock().pages == [None, None]).await;
        eventually(async || verifier.is_ready()).await;
    }
}

/// The feed is lost and made again while the reader is away, and is longer by
/// then. What the reader would skip is a revocation.
#[tokio::test]
async fn another_stream_is_read_from_its_start_however_long_it_is() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    let (token, claims) = world.token();
    eventually(async || !world.service.lock().resumed_from.is_empty()).await;
    let beat = json!({"v": 1, "cursor": [1, 0], "genesis": true});
    let revoked = json!({
        "v": 1, "shard": 0, "from": 0, "to": 1,
        "records": [{"at": 1, "session": claims.sid, "until": FOREVER}],
    });
    let reports = world.service.lock().reports.len();
    world.service.remake(vec![revoked, beat.clone(), beat]);
    world.service.lock().cursor = vec![1, 0];
    // An answer of the new one proves nothing of the old.
    eventually(async || world.service.lock().reports.len() > reports + 1).await;
    world.service.hang_up();
    eventually(async || check(&verifier, &token).await == Err(Refusal::Revoked.into())).await;
    eventually(async || verifier.position() == Some(vec![1, 0])).await;
}

#[tokio::test]
async fn the_age_of_an_answer_counts() {
    let world = World::new().await;
    world.service.lock().age_ms = 60_000;
    let verifier = world.start();
    eventually(async || verifier.staleness() > Some(Duration::from_mins(1))).await;
    assert!(!verifier.is_ready());
    world.service.lock().age_ms = 0;
    eventually(async || verifier.is_ready()).await;
}

#[tokio::test]
async fn the_end_of_its_token_is_no_trouble() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    eventually(async || !world.service.lock().resumed_from.is_empty()).await;
    world.service.lock().valid_from_token = 2;
    world
        .service
        .send_raw("event: end\ndata: expired\n\n")
        .await;
    eventually(async || world.service.lock().resumed_from.len() == 2).await;
    assert_eq!(world.service.lock().tokens, 2);
    assert!(verifier.is_ready());
}

#[tokio::test]
async fn who_has_no_place_for_a_revocation_trusts_itself_no_more() {
    let world = World::new().await;
    let config = world.config().with_max_entries(1);
    let verifier = LiveVerifier::start(config).expect("good settings");
    soon(verifier.caught_up()).await;
    let (token, _) = world.token();
    let one = |id| json!({"at": 1, "session": Uuid::from_u128(id), "until": FOREVER});
    world.service.tell(json!([one(1), one(2)])).await;
    eventually(async || check(&verifier, &token).await == Err(Rejection::Stale)).await;
    assert_eq!((verifier.staleness(), verifier.position()), (None, None));
    // It says so, so that nobody believes it has applied anything.
    eventually(async || {
        let inner = world.service.lock();
        let last = inner.reports.last();
        last.is_some_and(|one| one.cursor.is_none() && one.staleness_ms.is_none())
    })
    .await;
}

#[tokio::test]
async fn without_nats_it_is_never_ready_and_still_stops() {
    let world = World::new().await;
    let source = Source::Nats {
        url: "nats://127.0.0.1:1".into(),
        prefix: "x".into(),
        credentials: NatsCredentials::Url,
    };
    let config = LiveConfig::new(world.service.url.clone(), "orders", source);
    let verifier = LiveVerifier::start(config).expect("good settings");
    let (token, _) = world.token();
    eventually(async || check(&verifier, &token).await == Err(Rejection::Stale)).await;
    assert!(!verifier.is_ready());
    tokio::time::timeout(Duration::from_secs(5), verifier.stop())
        .await
        .expect("it stops");
}
