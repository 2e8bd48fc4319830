//! What time ends.

use std::time::Duration;

use crate::support::{World, claims_of, email};

const DAY: Duration = Duration::from_hours(24);
const MINUTE: Duration = Duration::from_mins(1);

fn less(long: Duration, short: Duration) -> Duration {
    long.saturating_sub(short)
}

#[tokio::test]
async fn an_access_token_lives_for_a_quarter_of_an_hour() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    world.later(Duration::from_secs(14 * 60 + 58));
    world.verify(&ada.access).await.expect(200);
    // The leeway for clocks that differ.
    world.later(Duration::from_secs(13));
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_expired");
    let me = world
        .get("/v1/me")
        .by(&ada.access)
        .send()
        .await
        .refused(401, "token_expired");
    assert!(
        me.header("www-authenticate").contains("invalid_token"),
        "{me:?}"
    );
    let ada = ada.renewed(&world.refresh(&ada.refresh).await);
    world.verify(&ada.access).await.expect(200);
}

#[tokio::test]
async fn a_session_that_lies_unused_expires() {
    let world = World::start().await;
    let operator_email = email("operator");
    let ada = world.register(&operator_email).await;
    world.later(less(7 * DAY, MINUTE));
    let kept = ada.renewed(&world.refresh(&ada.refresh).await);
    world.later(less(7 * DAY, MINUTE));
    let kept = kept.renewed(&world.refresh(&kept.refresh).await);
    world.later(7 * DAY);
    let before = world.ends().await;
    world
        .refresh(&kept.refresh)
        .await
        .refused(401, "refresh_expired");
    world
        .refresh(&ada.refresh)
        .await
        .refused(401, "refresh_expired");
    assert_eq!(world.ends().await, before, "an expiry is no event");
    let back = world.login(&operator_email).await;
    let list = world
        .get("/v1/me/sessions")
        .by(&back.access)
        .at(&back.position)
        .send()
        .await;
    assert_eq!(list.items()[0]["state"], "active");
    assert_eq!(list.items()[1]["state"], "expired");
    assert_eq!(list.items()[1]["ended"], serde_json::Value::Null);
}

#[tokio::test]
async fn no_session_lives_longer_than_thirty_days_however_often_it_is_refreshed() {
    let world = World::start().await;
    let mut ada = world.register(&email("ada")).await;
    let end = claims_of(&ada.access)["iat"].as_u64().expect("a time") + 30 * 86_400;
    for _ in 0..4 {
        world.later(6 * DAY);
        ada = ada.renewed(&world.refresh(&ada.refresh).await);
    }
    world.later(less(6 * DAY, 5 * MINUTE));
    let answer = world.refresh(&ada.refresh).await;
    ada = ada.renewed(&answer);
    let claims = claims_of(&ada.access);
    assert!(claims["exp"].as_u64().expect("a time") <= end, "{claims}");
    let expires_in = answer.json()["expires_in"].as_u64().expect("seconds");
    assert!(expires_in <= 300, "{expires_in}");
    world.later(Duration::from_mins(5));
    world
        .refresh(&ada.refresh)
        .await
        .refused(401, "refresh_expired");
    world.later(Duration::from_secs(11));
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_expired");
}

#[tokio::test]
async fn what_has_expired_can_still_be_left() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    world.later(Duration::from_hours(1));
    world
        .post_nothing("/v1/auth/logout")
        .by(&ada.access)
        .send()
        .await
        .refused(401, "token_expired");
    world.logout(&ada.refresh).await.expect(204);
    world
        .refresh(&ada.refresh)
        .await
        .refused(401, "session_revoked");
    // Leaving twice is leaving.
    world.logout(&ada.refresh).await.expect(204);
}
