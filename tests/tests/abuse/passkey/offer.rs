//! Offers of a passkey that somebody else, or nobody any more, may confirm.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Authenticator, ISSUER, PASSWORD, World, access_of, email};

#[tokio::test]
async fn ab_25_an_offer_is_for_whoever_asked_and_for_a_while() {
    let world = World::start().await;
    let (ada, eve) = (email("ada"), email("eve"));
    let (ada, eve) = (world.register(&ada).await, world.register(&eve).await);
    let mut device = Authenticator::new(ISSUER);
    let offer = async || {
        let offer = world.offer_passkey(&ada.access).send().await;
        offer.expect(200).json()
    };
    let confirm = async |access: &str, offer: &Value, made: &Value| {
        world.confirm_passkey(access, offer, made).send().await
    };

    // Another account, an unknown offer, one that was replaced, one of an app.
    let first = offer().await;
    let made = device.register(&first["options"]);
    let stolen = confirm(&eve.access, &first, &made).await;
    stolen.refused(404, "not_found");
    let nothing = json!({ "id": Uuid::nil() });
    let unknown = confirm(&ada.access, &nothing, &made).await;
    unknown.refused(404, "not_found");
    let second = offer().await;
    let replaced = confirm(&ada.access, &first, &made).await;
    replaced.refused(404, "not_found");
    let as_code = json!({ "id": second["id"], "code": "123456" });
    let as_code = world.post("/v1/me/factors/totp/confirm", &as_code);
    let as_code = as_code.by(&ada.access).send().await;
    as_code.refused(404, "not_found");
    // The right offer with what was made for another one.
    let crossed = confirm(&ada.access, &second, &made).await;
    crossed.refused(401, "mfa_invalid");
    assert_eq!(world.factors(&ada.access).await, [Value::Null; 0]);

    // It takes a new authentication, at both ends.
    world.later(Duration::from_secs(301));
    let made = device.register(&second["options"]);
    let needed = "insufficient_user_authentication";
    let stale = world.offer_passkey(&ada.access).send().await;
    stale.refused(401, needed);
    let stale = confirm(&ada.access, &second, &made).await;
    stale.refused(401, needed);
    // Ten minutes after the offer it is over, whoever comes how freshly.
    world.later(Duration::from_mins(5));
    let fresh = world.step_up(&ada.access, "password", PASSWORD).await;
    let fresh = access_of(&fresh.expect(200));
    let late = confirm(&fresh, &second, &made).await;
    late.refused(404, "not_found");

    let offer = world.offer_passkey(&fresh).send().await.expect(200).json();
    let made = device.register(&offer["options"]);
    let confirmed = confirm(&fresh, &offer, &made).await.expect(200);
    let access = access_of(&confirmed);
    let twice = confirm(&access, &offer, &made).await;
    twice.refused(404, "not_found");
    assert_eq!(world.factors(&access).await.len(), 2);
}
