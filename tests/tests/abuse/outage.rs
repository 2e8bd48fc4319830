//! What protects a login is never left out because it does not answer.

use async_nats::jetstream;
use futures_util::future::join_all;

use crate::support::{Enrolled, PASSWORD, World, email};

#[tokio::test]
async fn ab_79_without_the_vault_a_login_is_503_at_every_step() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let bob = Enrolled::new(&world, "bob").await;
    // It has cached nothing of either.
    let other = world.second_service().await;
    let token = world.begin_login(&bob.email).await;
    let vault = format!("KV_{}_VAULT", world.log.prefix());
    let context = jetstream::new(world.log.client().clone());
    context.delete_stream(vault).await.expect("it was there");
    let before = world.ends().await;
    for email in [&address, &bob.email] {
        let answer = other.try_login(email, PASSWORD).await;
        answer.refused(503, "unavailable");
    }
    // The password was right, and whether the code is cannot be known.
    let code = bob.next_code(&world);
    for service in [&*world, &other] {
        let answer = service.mfa(&token, "totp", &code).await;
        answer.refused(503, "unavailable");
    }
    assert_eq!(world.ends().await, before, "nobody came in");
}

#[tokio::test]
async fn ab_79_a_full_queue_of_hashes_lets_nobody_in_unchecked() {
    let world = World::with(&[("password_workers", "1")]).await;
    let strangers: Vec<String> = (0..80).map(|_| email("nobody")).collect();
    let wrong = strangers.iter().map(|one| world.try_login(one, PASSWORD));
    let mut shed = 0;
    for answer in join_all(wrong).await {
        match answer.status {
            503 => {
                answer.refused(503, "overloaded");
                shed += 1;
            }
            429 => drop(answer.refused(429, "rate_limited")),
            _ => drop(answer.refused(401, "invalid_credentials")),
        }
    }
    assert!(shed > 0, "the queue was never full");
}
