//! The published keys, as caches and clients meet them.

use super::{kid, publishes, rotate};
use crate::support::{Jwt, World, email};

const PATH: &str = "/.well-known/jwks.json";

#[tokio::test]
async fn the_set_is_kept_for_as_long_as_it_says_and_not_sent_twice() {
    let world = World::with(&[("jwks_cache_seconds", "120")]).await;
    let other = world.second_service().await;
    let answer = world.get(PATH).send().await.expect(200);
    assert_eq!(answer.header("cache-control"), "public, max-age=120");
    assert_eq!(answer.header("content-type"), "application/json");
    let tag = answer.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 16, "{tag}");
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        for service in [&*world, &other] {
            let again = service.get(PATH).header("if-none-match", &known);
            let again = again.send().await.expect(304);
            assert!(again.body.is_empty());
            assert_eq!(again.header("etag"), tag);
            assert_eq!(again.header("cache-control"), "public, max-age=120");
        }
    }
    let operator = world.operator().await;
    let first = world.app.signing_key().key_id().to_owned();
    let second = kid(&rotate(&world, &operator, false).await.expect(202));
    publishes(&other, &[&first, &second]).await;
    let changed = other.get(PATH).header("if-none-match", &tag);
    let changed = changed.send().await.expect(200);
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(changed.json()["keys"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn keys_of_another_algorithm_take_over() {
    let world = World::start().await;
    let other = world
        .second_service_with(&[("signing_algorithm", "EdDSA")])
        .await;
    let ada = world.register(&email("ada")).await;
    assert_eq!(Jwt::read(&ada.access).header["alg"], "ES256");
    let operator = world.operator().await;
    let answer = rotate(&other, &operator, true).await.expect(200);
    assert_eq!(answer.json()["algorithm"], "EdDSA");
    world.signs_with(&kid(&answer)).await;
    let grace = world.register(&email("grace")).await;
    assert_eq!(Jwt::read(&grace.access).header["alg"], "EdDSA");
    for service in [&*world, &other] {
        service.verify(&ada.access).await.expect(200);
        service.verify(&grace.access).await.expect(200);
    }
}
