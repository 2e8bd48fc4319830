//! Who is registered is nobody's business.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::support::{Answer, World, email};

const TRIES: usize = 60;

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let own = |name: &str| !matches!(name, "date" | "countersign-request-id");
    let entries = headers.iter().filter(|(name, _)| own(name.as_str()));
    entries
        .map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()))
        .collect()
}

fn body(answer: &Answer) -> Value {
    let mut body = answer.json();
    body.as_object_mut()
        .expect("an object")
        .remove("request_id");
    body
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// How far the medians are apart, and how far they may be: 5 ms, or on a
/// machine so busy that a login takes long, a twentieth of that.
async fn measure(world: &World, known: &str) -> (Duration, Duration) {
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    let unknown = email("nobody");
    for round in 0..TRIES {
        let password = format!("wrong-horse-battery-{round}");
        let began = Instant::now();
        let first = world.try_login(known, &password).await;
        of_known.push(began.elapsed());
        let began = Instant::now();
        let second = world.try_login(&unknown, &password).await;
        of_unknown.push(began.elapsed());
        for answer in [&first, &second] {
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (401, "invalid_credentials")
            );
        }
        assert_eq!(body(&first), body(&second));
        assert_eq!(headers(&first.headers), headers(&second.headers));
    }
    let (known, unknown) = (median(of_known), median(of_unknown));
    (
        known.abs_diff(unknown),
        Duration::from_millis(5).max(unknown / 20),
    )
}

#[tokio::test]
async fn ab_10_an_unknown_address_and_a_wrong_password_are_answered_alike_and_as_fast() {
    let world = World::alone().await;
    let known = email("ada");
    world.register(&known).await;
    let before = world.ends().await;
    let (mut difference, mut bound) = measure(&world, &known).await;
    // A machine with other things to do is asked again.
    for _ in 0..2 {
        if difference > bound {
            (difference, bound) = measure(&world, &known).await;
        }
    }
    assert!(
        difference <= bound,
        "the medians are {difference:?} apart, {bound:?} allowed"
    );
    assert_eq!(world.ends().await, before, "a failed login is no event");
}
