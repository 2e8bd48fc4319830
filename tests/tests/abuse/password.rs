//! Passwords: short, long, in other spellings.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;

use crate::support::{Answer, World, email};

async fn register(world: &World, email: &str, password: &str) -> Answer {
    let form = json!({ "email": email, "password": password });
    world.post("/v1/auth/register", &form).send().await
}

/// Letters that nobody would guess, as many as asked for.
fn letters(count: usize) -> String {
    let alphabet: Vec<char> = "qzWvK7pXjR2mTb9Lc4HdYf8Ns3Gg6".chars().collect();
    (0..count)
        .map(|index| alphabet[(index * index + 7 * index) % alphabet.len()])
        .collect()
}

#[tokio::test]
async fn ab_13_a_password_counts_whole_from_eight_to_256_code_points() {
    let world = World::start().await;
    for (count, accepted) in [
        (7, false),
        (8, true),
        (14, true),
        (15, true),
        (64, true),
        (65, true),
        (256, true),
        (257, false),
    ] {
        let (address, password) = (email("ada"), letters(count));
        assert_eq!(password.chars().count(), count);
        let answer = register(&world, &address, &password).await;
        if !accepted {
            answer.refused(400, "password_weak");
            world
                .try_login(&address, &password)
                .await
                .refused(401, "invalid_credentials");
            continue;
        }
        answer.expect(201);
        world.try_login(&address, &password).await.expect(200);
        let last = password.len() - 1;
        for changed in [
            password[..last].to_owned(),
            format!("{}#", &password[..last]),
            format!("{password}#"),
        ] {
            world
                .try_login(&address, &changed)
                .await
                .refused(401, "invalid_credentials");
        }
        if count > 65 {
            let mut changed = password.clone();
            changed.replace_range(65..66, "#");
            world
                .try_login(&address, &changed)
                .await
                .refused(401, "invalid_credentials");
        }
    }
    // Code points, not bytes: four of them each.
    let (address, password) = (email("ada"), "𝄞🜁🂡🝢𐎀𐤀🀄🃏".repeat(32));
    assert_eq!((password.chars().count(), password.len()), (256, 1_024));
    register(&world, &address, &password).await.expect(201);
    world.try_login(&address, &password).await.expect(200);
    let cut: String = password.chars().take(255).collect();
    world
        .try_login(&address, &cut)
        .await
        .refused(401, "invalid_credentials");
}

#[tokio::test]
async fn ab_14_a_long_address_leaves_no_password_out() {
    let world = World::start().await;
    for length in [52, 72, 254] {
        let unique = email("x");
        let local = unique.split('@').next().expect("a local part");
        let domain: String = (local.len() + 1..length)
            .map(|at| {
                if at % 30 == 29 && at + 1 < length {
                    '.'
                } else {
                    'a'
                }
            })
            .collect();
        let address = format!("{local}@{domain}");
        assert_eq!(address.len(), length);
        let password = letters(20);
        register(&world, &address, &password).await.expect(201);
        world.try_login(&address, &password).await.expect(200);
        for wrong in [letters(19), letters(21), letters(20).to_uppercase()] {
            world
                .try_login(&address, &wrong)
                .await
                .refused(401, "invalid_credentials");
        }
    }
}

#[tokio::test]
async fn ab_15_an_endless_password_costs_no_hash() {
    let world = World::alone().await;
    let address = email("ada");
    world.register(&address).await;
    let mut times = Vec::new();
    let huge = json!({ "email": address, "password": "x".repeat(1 << 20) });
    let huge = Bytes::from(huge.to_string());
    for _ in 0..100 {
        let began = Instant::now();
        let call = world.call("POST", "/v1/auth/login");
        let answer = call.body("application/json", huge.clone()).try_send().await;
        times.push(began.elapsed());
        // It may hang up before everything was sent.
        if let Some(answer) = answer {
            answer.refused(413, "payload_too_large");
        }
    }
    times.sort_unstable();
    assert!(times[50] < Duration::from_millis(50), "{:?}", times[50]);
    // What a hash takes here and now.
    let mut hashed = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        world.login(&address).await;
        hashed.push(began.elapsed());
    }
    hashed.sort_unstable();
    // Within the body's bound, beyond the password's.
    for (length, status, code) in [
        (60_000, 400, "validation_failed"),
        (1_025, 400, "validation_failed"),
        (1_024, 401, "invalid_credentials"),
    ] {
        let mut times = Vec::new();
        for _ in 0..20 {
            let began = Instant::now();
            world
                .try_login(&address, &"x".repeat(length))
                .await
                .refused(status, code);
            times.push(began.elapsed());
        }
        times.sort_unstable();
        assert!(
            times[10] < hashed[10] / 2,
            "{length}: {:?} of {:?}",
            times[10],
            hashed[10]
        );
    }
}

#[tokio::test]
async fn ab_16_a_passphrase_works_however_its_accents_are_typed() {
    let world = World::start().await;
    let composed = "Jalapeño-crème-Zürich-Ångström";
    let decomposed = "Jalapen\u{303}o-cre\u{300}me-Zu\u{308}rich-A\u{30a}ngstro\u{308}m";
    assert_ne!(composed, decomposed);
    for (set, others) in [
        (composed, [decomposed, composed]),
        (decomposed, [composed, decomposed]),
    ] {
        let address = email("ada");
        register(&world, &address, set).await.expect(201);
        for typed in others {
            world.try_login(&address, typed).await.expect(200);
        }
        let plain = "Jalapeno-creme-Zurich-Angstrom";
        world
            .try_login(&address, plain)
            .await
            .refused(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn ab_17_a_password_that_anybody_would_guess_is_refused_with_a_reason() {
    let world = World::start().await;
    let address = email("lovelace.ada");
    for weak in [
        "password",
        "12345678",
        "qwertyuiop",
        "countersign",
        "aaaaaaaaaaaa",
        address.as_str(),
    ] {
        let answer = register(&world, &address, weak)
            .await
            .refused(400, "password_weak");
        assert!(answer.json()["detail"].is_string(), "{weak}");
        assert!(
            !answer.text().contains(&address),
            "the password is not repeated"
        );
    }
    register(&world, &address, "velvet-Anchor-41-lantern")
        .await
        .expect(201);
}
