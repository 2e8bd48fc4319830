//! Guessing passwords, and getting round what makes it slow. SECURITY.md N5,
//! N19.

mod device;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use countersign_events::{AccountId, FactorKind};
use countersign_throttle::{Target, Throttle, ThrottleConfig, Try};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, PASSWORD, SignedIn, World, email, soon};

const WRONG: &str = "wrong-horse-battery";

/// Consecutive failures at a factor of an account, as every service that
/// starts now would count them. One more than there were when it was asked.
async fn failures(world: &World, account: uuid::Uuid, factor: FactorKind) -> u32 {
    let config = ThrottleConfig::default();
    let throttle = soon(Throttle::open(&world.log, config)).await;
    let throttle = throttle.expect("a throttle");
    let attempt = Try {
        ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        target: Target::Account {
            account: AccountId::from_uuid(account),
            factor,
        },
        device: None,
    };
    let admitted = throttle.admit(&attempt, world.now()).await;
    let admitted = admitted.expect("no wait is that long");
    admitted.failed().await.expect("counted").consecutive
}

/// Spellings that are one address: letters are small, large or wide, and
/// there is white space around.
fn spelling(address: &str, number: usize) -> String {
    let (local, domain) = address.split_once('@').expect("an address");
    let letter = |(index, letter): (usize, char)| match (number >> (index % 5)) % 2 {
        0 => letter,
        // The full-width form, which NFKC folds back.
        _ if letter.is_ascii_lowercase() && index.is_multiple_of(3) => {
            char::from_u32(u32::from(letter) + 0xfee0).expect("a letter")
        }
        _ => letter.to_ascii_uppercase(),
    };
    let local: String = local.chars().enumerate().map(letter).collect();
    let domain = match number % 2 {
        0 => domain.to_owned(),
        _ => domain.to_uppercase(),
    };
    let around = ["", " ", "\t", "\u{a0}"][number % 4];
    format!("{around}{local}@{domain}{around}")
}

#[tokio::test]
async fn ab_70_five_hundred_tries_at_once_in_many_spellings_count_on_one_account() {
    let world = World::start().await;
    let address = email("ada");
    let ada = world.register(&address).await;
    // They are spellings of the account's, or this would count on nobody.
    for number in [1, 7, 14, 31] {
        let spelled = spelling(&address, number);
        assert_ne!(spelled, address);
        world.try_login(&spelled, PASSWORD).await.expect(200);
    }
    let tries = (0..500).map(|number| {
        let spelled = spelling(&address, number);
        let world = &world;
        async move { world.try_login(&spelled, WRONG).await }
    });
    let answers = join_all(tries).await;
    let count = |status, code: &str| {
        let these = answers.iter();
        let these = these.filter(|answer| (answer.status, &*answer.code()) == (status, code));
        these.count()
    };
    let checked = count(401, "invalid_credentials");
    let waiting = count(429, "rate_limited");
    assert_eq!(checked + waiting, 500, "none was answered otherwise");
    for answer in answers.iter().filter(|answer| answer.status == 429) {
        assert_ne!(answer.header("retry-after"), "", "{answer:?}");
    }
    assert!(checked >= 5, "the free ones were checked: {checked}");
    // Of an account without failures so many are let in side by side; after
    // that the waits are longer than this takes.
    assert!(checked <= 16, "{checked} were checked");
    world.later(Duration::from_hours(2));
    let counted = failures(&world, ada.account, FactorKind::Password).await;
    assert_eq!(counted as usize, checked + 1, "none was checked uncounted");
    world.later(Duration::from_hours(2));
    world.try_login(&address, PASSWORD).await.expect(200);
}

async fn with_header(world: &World, header: (&str, &[u8])) -> Answer {
    let form = json!({ "email": email("nobody"), "password": WRONG });
    let call = world.post("/v1/auth/login", &form);
    call.header_bytes(header.0, header.1).send().await
}

#[tokio::test]
async fn ab_71_what_a_stranger_says_of_its_address_is_not_believed() {
    let world = World::with(&[("failed_logins_per_minute", "5")]).await;
    let hops = vec!["203.0.113.9"; 1_000].join(", ");
    let headers: [(&str, &[u8]); 12] = [
        ("x-forwarded-for", b"203.0.113.1"),
        ("x-real-ip", b"203.0.113.2"),
        ("forwarded", b"for=203.0.113.3;proto=https"),
        ("x-forwarded-for", b"a"),
        ("x-forwarded-for", b"::1, 2001:db8::1, [2001:db8::2]:4711"),
        ("x-forwarded-for", hops.as_bytes()),
        ("x-forwarded-for", b",,, ,"),
        ("x-forwarded-for", b"\xff\xfe"),
        (
            "forwarded",
            b"for=\"[2001:db8::3]\", for=unknown, for=_hidden",
        ),
        ("true-client-ip", b"203.0.113.4"),
        ("cf-connecting-ip", b"203.0.113.5"),
        ("x-client-ip", b"203.0.113.6"),
    ];
    let mut statuses = Vec::new();
    for header in headers {
        statuses.push(with_header(&world, header).await.status);
    }
    let expected: Vec<u16> = [401; 5].into_iter().chain([429; 7]).collect();
    assert_eq!(statuses, expected);
    // And what is kept of a session is where it came from.
    world.later(Duration::from_secs(61));
    let form = json!({ "email": email("ada"), "password": PASSWORD });
    let call = world.post("/v1/auth/register", &form);
    let call = call.header("x-forwarded-for", "203.0.113.7");
    let call = call.header("x-real-ip", "203.0.113.7");
    let ada = SignedIn::of(&call.send().await.expect(201));
    let own = world.get("/v1/me/sessions").by(&ada.access);
    let own = own.at(&ada.position).send().await.items();
    assert_eq!(own[0]["ip"], "127.0.0.1");
}

#[tokio::test]
async fn ab_71_behind_a_trusted_proxy_the_stranger_counts_and_not_the_proxy() {
    let world = World::with(&[
        ("failed_logins_per_minute", "5"),
        ("trusted_proxies", "127.0.0.1"),
    ])
    .await;
    // What stands left of what the proxy saw is the stranger's invention.
    for invented in 0..6 {
        let hops = format!("198.51.100.{invented}, 203.0.113.1");
        let answer = with_header(&world, ("x-forwarded-for", hops.as_bytes())).await;
        let expected = if invented < 5 { 401 } else { 429 };
        assert_eq!(answer.status, expected, "{invented}");
    }
    let other = with_header(&world, ("x-forwarded-for", b"203.0.113.2")).await;
    other.refused(401, "invalid_credentials");
}
