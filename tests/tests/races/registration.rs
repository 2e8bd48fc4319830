//! One address, registered by many at the same time.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Client, PASSWORD, SignedIn, World, email};

/// Spellings of one address.
fn spellings(address: &str) -> Vec<String> {
    let wide: String = address
        .chars()
        .map(|c| match c {
            'a'..='z' => char::from_u32(u32::from(c) - 0x61 + 0xff41).expect("a letter"),
            c => c,
        })
        .collect();
    let title: String = address
        .split('.')
        .map(|part| part[..1].to_uppercase() + &part[1..] + ".")
        .collect();
    vec![
        address.to_owned(),
        address.to_uppercase(),
        format!(" {address} "),
        title.trim_end_matches('.').to_owned(),
        wide,
    ]
}

async fn race(world: &World, services: &[&Client], racers: usize) {
    let address = email("ada");
    let spellings = spellings(&address);
    let racing = (0..racers).map(|racer| {
        let form = json!({ "email": spellings[racer % spellings.len()], "password": PASSWORD });
        let call = services[racer % services.len()].post("/v1/auth/register", &form);
        call.send()
    });
    let answers = join_all(racing).await;
    let mut winners = Vec::new();
    for answer in &answers {
        match (answer.status, answer.code().as_str()) {
            (201, _) => winners.push(SignedIn::of(answer)),
            (409, "email_taken") | (503, "overloaded" | "unavailable") => {}
            _ => panic!("{}", answer.text()),
        }
    }
    // Whoever was shed comes back and learns that the address is taken, or
    // gets it.
    for spelling in &spellings {
        let form = json!({ "email": spelling, "password": PASSWORD });
        let answer = world.post("/v1/auth/register", &form).send().await;
        match answer.status {
            201 => winners.push(SignedIn::of(&answer)),
            _ => drop(answer.refused(409, "email_taken")),
        }
    }
    assert_eq!(winners.len(), 1, "one account");
    for spelling in &spellings {
        assert_eq!(world.login(spelling).await.account, winners[0].account);
    }
    world.projected().await;
    let found = world
        .read_models()
        .await
        .count("select count(*) from countersign.accounts")
        .await;
    let mut accounts = BTreeSet::new();
    for (shard, end) in (0u8..).zip(world.ends().await) {
        let mut from = 1;
        while from <= end {
            let range = world.log.range(shard, from, end + 1).await;
            for message in range.expect("the log answers") {
                from = message.position.sequence + 1;
                let envelope = message.envelope().expect("readable");
                if envelope
                    .raw_events()
                    .any(|(name, _, _)| name == "registered")
                {
                    accounts.insert(message.subject.id);
                }
            }
        }
    }
    assert_eq!(i64::try_from(accounts.len()), Ok(found));
    assert!(accounts.contains(&winners[0].account));
    assert_eq!(found, 1, "nothing else was registered here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ab_83_one_address_in_several_spellings_is_one_account() {
    let world = World::with(&[("password_workers", "32")]).await;
    race(&world, &[&world.client], 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ab_83_one_account_also_if_two_services_are_asked() {
    let world = World::with(&[("password_workers", "8")]).await;
    let other = world.second_service().await;
    race(&world, &[&world.client, &other.client], 60).await;
}
