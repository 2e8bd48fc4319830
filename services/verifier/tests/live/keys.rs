//! Fetching keys: seldom enough, and soon enough.

use crate::service::{jwks, signing_key};
use crate::support::{World, check, eventually};
use countersign_verifier::Refusal;
use countersign_verifier::live::Rejection;
use futures_util::future::join_all;
use serde_json::json;

const UNKNOWN: Result<countersign_verifier::Claims, Rejection> =
    Err(Rejection::Token(Refusal::UnknownKey));

#[tokio::test]
async fn many_unknown_keys_lead_to_one_fetch_in_ten_seconds() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    assert_eq!(world.service.lock().jwks_fetches, 1);
    let stranger = signing_key();
    let token = stranger.mint(&world.claims()).expect("a token");
    let checks = join_all((0..50).map(|_| check(&verifier, &token))).await;
    assert!(checks.iter().all(|one| *one == UNKNOWN));
    assert_eq!(world.service.lock().jwks_fetches, 2);
    for _ in 0..20 {
        let token = signing_key().mint(&world.claims()).expect("a token");
        assert_eq!(check(&verifier, &token).await, UNKNOWN);
    }
    assert_eq!(world.service.lock().jwks_fetches, 2);
}

#[tokio::test]
async fn all_who_meet_a_new_key_at_once_share_a_fetch_and_believe_it() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    let new = signing_key();
    world.service.lock().jwks = jwks(&[&world.key, &new]);
    let token = new.mint(&world.claims()).expect("a token");
    let checks = join_all((0..50).map(|_| check(&verifier, &token))).await;
    assert!(checks.iter().all(Result::is_ok));
    assert_eq!(world.service.lock().jwks_fetches, 2);
}

#[tokio::test]
async fn who_gives_up_does_not_stop_the_fetch_for_others() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    let new = signing_key();
    world.service.lock().jwks = jwks(&[&world.key, &new]);
    let token = new.mint(&world.claims()).expect("a token");
    {
        let mut gone = Box::pin(check(&verifier, &token));
        assert!(futures_util::poll!(&mut gone).is_pending());
    }
    assert!(check(&verifier, &token).await.is_ok());
    assert_eq!(world.service.lock().jwks_fetches, 2);
}

#[tokio::test]
async fn a_change_that_is_told_is_fetched_at_once() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    let new = signing_key();
    world.service.lock().jwks = jwks(&[&world.key, &new]);
    world
        .service
        .tell(json!([{"at": 1, "keys": "changed"}]))
        .await;
    let keys = verifier.verifier().keys();
    eventually(async || keys.current().get(new.key_id()).is_some()).await;
    // And once more, for a service that had not heard of it.
    eventually(async || world.service.lock().jwks_fetches == 3).await;
}

#[tokio::test]
async fn a_revoked_key_stays_refused_whatever_is_published() {
    let world = World::new().await;
    let verifier = world.caught_up().await;
    let (token, _) = world.token();
    assert!(check(&verifier, &token).await.is_ok());
    let kid = world.key.key_id();
    world.service.tell(json!([{"at": 1, "key": kid}])).await;
    eventually(async || check(&verifier, &token).await == Err(Refusal::Revoked.into())).await;
    world
        .service
        .tell(json!([{"at": 2, "keys": "changed"}]))
        .await;
    eventually(async || world.service.lock().jwks_fetches >= 2).await;
    assert_eq!(check(&verifier, &token).await, Err(Refusal::Revoked.into()));
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_stay_as_they_are() {
    let too_large = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(256 * 1024));
    for (status, document) in [
        (Some(500), ""),
        (Some(302), ""),
        (None, "no JSON"),
        (None, r#"{"keys":[]}"#),
        (None, too_large.as_str()),
    ] {
        let world = World::new().await;
        let verifier = world.caught_up().await;
        {
            let mut inner = world.service.lock();
            inner.jwks_status = status;
            document.clone_into(&mut inner.jwks);
        }
        // An unknown key now tells of an outage, not of a bad token.
        let token = signing_key().mint(&world.claims()).expect("a token");
        assert_eq!(check(&verifier, &token).await, Err(Rejection::Keys));
        let (token, _) = world.token();
        assert!(check(&verifier, &token).await.is_ok());
    }
}
