use super::*;
use countersign_verifier::feed::FEED_VERSION;

fn report(id: u128, cursor: [u64; 2]) -> Report {
    Report {
        v: FEED_VERSION,
        id: Uuid::from_u128(id),
        name: format!("v{id}"),
        seq: Some(1),
        cursor: Some(cursor.to_vec()),
        kids: Vec::new(),
        staleness_ms: Some(3),
        max_staleness_ms: 10_000,
        leaving: false,
    }
}

/// Of a service that was started long ago.
fn collected() -> Receipts {
    let began = Instant::now().checked_sub(COLLECTED);
    Receipts {
        began: began.expect("up for long"),
        ..Receipts::default()
    }
}

fn names(applied: &Applied) -> Vec<&str> {
    applied.behind.iter().map(|one| one.name.as_str()).collect()
}

#[tokio::test]
async fn who_is_behind_is_named_and_who_is_silent_is_not_waited_for() {
    let receipts = collected();
    let now = Instant::now();
    let long_ago = now
        .checked_sub(Duration::from_secs(13))
        .expect("up for long");
    receipts.heard(&report(1, [5, 5]), None);
    receipts.heard_at(&report(2, [1, 1]), None, long_ago);
    let applied = receipts.applied(&[(0, 5)], Duration::from_mins(10)).await;
    assert_eq!((applied.verifiers, names(&applied)), (2, vec!["v2"]));
    assert_eq!(applied.behind[0].standing, Standing::Silent);
    receipts.heard(&report(3, [4, 9]), None);
    let applied = receipts.applied(&[(0, 5)], Duration::ZERO).await;
    assert_eq!(names(&applied), ["v2", "v3"]);
    let waiting = receipts.applied(&[(0, 5)], Duration::from_mins(10));
    let reporting = async { receipts.heard(&report(3, [5, 9]), None) };
    let (applied, ()) = futures_util::join!(waiting, reporting);
    assert_eq!(names(&applied), ["v2"]);
    let leaving = Report {
        leaving: true,
        ..report(2, [0, 0])
    };
    receipts.heard(&leaving, None);
    let applied = receipts.applied(&[(0, 5)], Duration::ZERO).await;
    assert_eq!((applied.verifiers, names(&applied)), (2, vec![]));
}

#[test]
fn a_position_on_an_unknown_shard_is_applied_by_nobody() {
    let receipts = collected();
    receipts.heard(&report(1, [5, 5]), None);
    let applied = receipts.applied_now(&[(2, 1)], Instant::now());
    assert_eq!(names(&applied), ["v1"]);
}

#[test]
fn the_table_is_bounded_and_forgets() {
    let receipts = Receipts::default();
    let long_ago = Instant::now().checked_sub(Duration::from_secs(13 + 600));
    let long_ago = long_ago.expect("up for long");
    receipts.heard_at(&report(0, [0, 0]), None, long_ago);
    for id in 1..=VERIFIERS_MAX as u128 + 5 {
        receipts.heard(&report(id, [0, 0]), None);
    }
    assert_eq!(receipts.list().len(), VERIFIERS_MAX);
    assert!(receipts.list().iter().all(|one| one.name != "v0"));
}

#[tokio::test]
async fn right_after_a_start_nobody_is_taken_for_nobody() {
    tokio::time::pause();
    let receipts = Receipts::default();
    let waiting = receipts.applied(&[(0, 5)], Duration::ZERO);
    let reporting = async {
        tokio::time::advance(Duration::from_secs(1)).await;
        receipts.heard(&report(1, [1, 1]), None);
    };
    let (applied, ()) = futures_util::join!(waiting, reporting);
    assert_eq!(names(&applied), ["v1"]);
}

#[tokio::test]
async fn nobody_reports_for_a_verifier_of_somebody_else() {
    let receipts = collected();
    receipts.heard(&report(1, [1, 1]), Some("orders"));
    let leaving = Report {
        leaving: true,
        ..report(1, [9, 9])
    };
    for client in [None, Some("stock")] {
        receipts.heard(&report(1, [9, 9]), client);
        receipts.heard(&leaving, client);
    }
    let applied = receipts.applied(&[(0, 5)], Duration::ZERO).await;
    assert_eq!(names(&applied), ["v1"]);
    receipts.heard(&report(1, [9, 9]), Some("orders"));
    let applied = receipts.applied(&[(0, 5)], Duration::ZERO).await;
    assert_eq!(names(&applied), [""; 0]);
}

#[tokio::test]
async fn whoever_finds_no_place_is_behind_without_a_name() {
    let receipts = collected();
    for id in 0..=OF_A_CLIENT_MAX as u128 {
        receipts.heard(&report(id, [9, 9]), Some("orders"));
    }
    assert_eq!(receipts.list().len(), OF_A_CLIENT_MAX);
    let applied = receipts.applied(&[(0, 5)], Duration::ZERO).await;
    assert_eq!(names(&applied), ["more than are kept in mind"]);
    // Others are not crowded out by it.
    receipts.heard(&report(9_999, [9, 9]), Some("stock"));
    assert_eq!(receipts.list().len(), OF_A_CLIENT_MAX + 1);
}
