//! What happens when revocations may be missing.

use crate::support::{World, eventually};
use countersign_verifier::Refusal;
use countersign_verifier::live::{LiveVerifier, Rejection, Requirement, WhenStale};
use serde_json::{Value, json};
use std::time::Duration;

/// A verifier whose reports are no longer answered, although the feed still
/// brings beats.
async fn stale() -> (World, LiveVerifier) {
    let world = World::new().await;
    let config = world
        .config()
        .with_max_staleness(Duration::from_millis(1_200));
    let verifier = LiveVerifier::start(config).expect("good settings");
    crate::support::soon(verifier.caught_up()).await;
    world.service.lock().report_status = Some(503);
    eventually(async || {
        world.service.beat().await;
        !verifier.is_ready()
    })
    .await;
    (world, verifier)
}

#[tokio::test]
async fn beats_alone_make_nothing_fresh_and_each_route_says_what_then() {
    let (world, verifier) = stale().await;
    let staleness = verifier.staleness().expect("it was proven once");
    assert!(staleness > Duration::from_millis(1_200), "{staleness:?}");
    let (token, claims) = world.token();
    let when = |policy| Requirement::new().when_stale(policy);
    let refused = verifier.check(&token, &when(WhenStale::Refuse)).await;
    assert_eq!(refused, Err(Rejection::Stale));
    let accepted = verifier.check(&token, &when(WhenStale::Accept)).await;
    assert_eq!(accepted, Ok(claims.clone()));

    // What is known to be revoked is refused by every policy.
    let set = verifier.verifier().revocations();
    set.revoke_session(claims.sid, u64::MAX).expect("a place");
    for policy in [WhenStale::Refuse, WhenStale::Introspect, WhenStale::Accept] {
        let refused = verifier.check(&token, &when(policy)).await;
        assert_eq!(refused, Err(Refusal::Revoked.into()));
    }
    assert_eq!(world.service.lock().introspections, 0);

    // And once it is proven again, it is as if nothing had been.
    world.service.lock().report_status = None;
    eventually(async || verifier.is_ready()).await;
}

#[tokio::test]
async fn introspection_believes_only_a_yes_about_this_token() {
    let (world, verifier) = stale().await;
    let (token, claims) = world.token();
    let ask = Requirement::new().when_stale(WhenStale::Introspect);
    let yes = json!({"active": true, "sub": claims.sub, "exp": claims.exp, "scope": "x"});
    let with = |name: &str, value: Value| {
        let mut answer = yes.clone();
        answer[name] = value;
        Some(answer)
    };
    let revoked = Err(Refusal::Revoked.into());
    for (answer, expected) in [
        (Some(yes.clone()), Ok(claims.clone())),
        (Some(json!({"active": false})), revoked.clone()),
        (with("active", json!(false)), revoked),
        (with("active", json!("true")), Err(Rejection::Stale)),
        (with("active", json!(null)), Err(Rejection::Stale)),
        (with("sub", json!("x")), Err(Rejection::Stale)),
        (with("sub", json!(null)), Err(Rejection::Stale)),
        (with("exp", json!(1)), Err(Rejection::Stale)),
        (Some(json!({"active": true})), Err(Rejection::Stale)),
        (Some(json!([])), Err(Rejection::Stale)),
        (None, Err(Rejection::Stale)),
    ] {
        let shown = format!("{answer:?}");
        world.service.lock().introspection = answer;
        assert_eq!(verifier.check(&token, &ask).await, expected, "{shown}");
    }
    assert_eq!(world.service.lock().introspections, 11);
}

#[tokio::test]
async fn who_began_after_what_matters_is_never_ready() {
    let world = World::new().await;
    world.service.lock().since = 0;
    let verifier = world.start();
    eventually(async || world.service.lock().reports.len() > 3).await;
    assert_eq!(verifier.staleness(), None);
    assert_eq!(verifier.position(), None);
    world.service.lock().since = 1;
    eventually(async || verifier.is_ready()).await;
}
