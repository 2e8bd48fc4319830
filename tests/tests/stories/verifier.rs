//! The verifier that others embed, over the real service.

use std::time::Duration;

use async_nats::jetstream;
use countersign_verifier::Refusal;
use countersign_verifier::live::{
    ClientCredentials, LiveConfig, LiveVerifier, NatsCredentials, Rejection, Requirement, Source,
    WhenStale,
};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{
    ISSUER, PATIENCE, Registered, SignedIn, World, email, eventually, soon, stack,
};

/// For how long these verifiers trust themselves.
const TRUSTED: Duration = Duration::from_secs(3);

async fn client(world: &World, operator: &SignedIn) -> Registered {
    let ours = ["countersign"];
    let scopes = ["revocations:read"];
    world.client_of(operator, &ours, &ours, &scopes).await
}

fn credentials(client: &Registered) -> ClientCredentials {
    ClientCredentials {
        client_id: client.id.clone(),
        client_secret: client.secret.clone().into(),
    }
}

fn over_http(world: &World, client: &Registered) -> Source {
    Source::Sse {
        base_url: world.client.url.clone(),
        credentials: credentials(client),
    }
}

fn over_nats(prefix: &str) -> Source {
    Source::Nats {
        url: stack().endpoints.nats_url.expose_secret().to_owned().into(),
        prefix: prefix.to_owned(),
        credentials: NatsCredentials::Url,
    }
}

fn follow(world: &World, source: Source) -> LiveConfig {
    LiveConfig::new(ISSUER, "countersign", source)
        .with_jwks_url(format!("{}/.well-known/jwks.json", world.client.url))
        .with_max_staleness(TRUSTED)
}

async fn check(verifier: &LiveVerifier, token: &str) -> Result<(), Rejection> {
    let checked = verifier.check(token, &Requirement::new()).await;
    checked.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_whose_client_was_disabled_soon_lets_nobody_in() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = client(&world, &operator).await;
    let verifier = LiveVerifier::start(follow(&world, over_http(&world, &client)));
    let verifier = verifier.expect("settings");
    soon(verifier.caught_up()).await;
    let ada = world.register(&email("ada")).await;
    assert_eq!(check(&verifier, &ada.access).await, Ok(()));
    let path = format!("/v1/admin/clients/{}/disable", client.id);
    let disable = world.post(&path, &json!({"reason": "leaked"}));
    let answer = disable.by(&operator.access).send().await;
    assert!(answer.status < 300, "{}", answer.text());
    let refuses = async || check(&verifier, &ada.access).await == Err(Rejection::Stale);
    eventually(TRUSTED + Duration::from_secs(3), refuses).await;
    // It hears nothing any more, also not of this.
    world.logout(&ada.refresh).await.expect(204);
    assert!(check(&verifier, &ada.access).await.is_err());
    verifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_whose_consumer_was_deleted_makes_another() {
    let world = World::start().await;
    let source = over_nats(world.log.prefix());
    let verifier = LiveVerifier::start(follow(&world, source)).expect("settings");
    soon(verifier.caught_up()).await;
    let context = jetstream::new(world.log.client().clone());
    let name = format!("{}_REVOCATIONS", world.log.prefix());
    let stream = context.get_stream(name).await.expect("the stream");
    let mut consumers = stream.consumer_names();
    let mut deleted = 0;
    while let Some(name) = futures_util::StreamExt::next(&mut consumers).await {
        stream
            .delete_consumer(&name.expect("a name"))
            .await
            .expect("deleted");
        deleted += 1;
    }
    assert!(deleted > 0, "it follows by a consumer");
    let ada = world.register(&email("ada")).await;
    let accepts = async || check(&verifier, &ada.access).await == Ok(());
    eventually(PATIENCE, accepts).await;
    world.logout(&ada.refresh).await.expect(204);
    let revoked = Err(Rejection::Token(Refusal::Revoked));
    let refuses = async || check(&verifier, &ada.access).await == revoked;
    eventually(PATIENCE, refuses).await;
    verifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_that_knows_nothing_does_what_the_route_says() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = client(&world, &operator).await;
    // Nobody writes there, so it can never be proven to know everything.
    let config = follow(&world, over_nats("nobody"))
        .with_introspection(world.client.url.clone(), credentials(&client));
    let verifier = LiveVerifier::start(config).expect("settings");
    let ada = world.register(&email("ada")).await;
    let ask = async |policy| {
        let requirement = Requirement::new().when_stale(policy);
        let checked = verifier.check(&ada.access, &requirement).await;
        checked.map(|claims| claims.sub)
    };
    // Its keys may still be on their way.
    eventually(PATIENCE, async || ask(WhenStale::Accept).await.is_ok()).await;
    assert_eq!(ask(WhenStale::Refuse).await, Err(Rejection::Stale));
    assert_eq!(ask(WhenStale::Introspect).await, Ok(ada.account));
    world.logout(&ada.refresh).await.expect(204);
    let revoked = Err(Rejection::Token(Refusal::Revoked));
    assert_eq!(ask(WhenStale::Introspect).await, revoked);
    assert_eq!(ask(WhenStale::Refuse).await, Err(Rejection::Stale));
    // What the owner of the route has asked for.
    assert_eq!(ask(WhenStale::Accept).await, Ok(ada.account));
    verifier.stop().await;
}
