//! Who is registered, suspended or locked out is nobody's business.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use countersign_api::EmailAddress;
use countersign_domain::{AccountCommand, FactorCommand};
use countersign_events::{AccountId, FactorKind};
use countersign_throttle::{Target, Throttle, ThrottleConfig, Try};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::support::{Answer, Enrolled, PASSWORD, World, email, soon};

/// Tries of each, one after the other: no account may fail a hundred times.
const TRIES: u32 = 40;

/// Tries before there are waits.
const FREE: u32 = 5;

const LONGEST_WAIT: u64 = 3_600;

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

/// All that an answer says to whoever asked.
type Said = (u16, BTreeMap<String, String>, Value);

fn said(answer: &Answer) -> Said {
    (answer.status, headers(&answer.headers), body(answer))
}

fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// Somebody whose login fails, and why.
struct Person {
    about: &'static str,
    email: String,
    /// What is typed: where nobody is let in, the right password, too.
    password: String,
    /// How long their checked tries took, and those that had to wait.
    times: [Vec<Duration>; 2],
}

impl Person {
    fn new(about: &'static str, email: &str, password: &str) -> Self {
        Self {
            about,
            email: email.to_owned(),
            password: password.to_owned(),
            times: [Vec::new(), Vec::new()],
        }
    }

    async fn try_login(&mut self, world: &World, kind: usize) -> Said {
        let began = Instant::now();
        let answer = world.try_login(&self.email, &self.password).await;
        self.times[kind].push(began.elapsed());
        said(&answer)
    }
}

const WRONG: &str = "wrong-horse-battery";

/// Everybody there is.
async fn people(world: &World) -> Vec<Person> {
    let known = email("known");
    world.register(&known).await;
    let suspended = email("suspended");
    let account = world.register(&suspended).await.account;
    let suspend = AccountCommand::Suspend { note: None };
    command(world, account, &suspend).await;
    let locked = email("locked");
    let account = world.register(&locked).await.account;
    let id = AccountId::from_uuid(account);
    let state = world.app.accounts.current(id).await.expect("an account");
    let disable = AccountCommand::Factor(FactorCommand::Disable {
        kind: FactorKind::Password,
        credential: state.state.password.expect("a password"),
        failures: 100,
    });
    command(world, account, &disable).await;
    let enrolled = Enrolled::new(world, "enrolled").await;
    let erased = email("erased");
    let gone = world.register(&erased).await;
    let erase = world.delete("/v1/me").by(&gone.access).send().await;
    erase.expect(204);
    vec![
        Person::new("nobody", &email("unknown"), WRONG),
        Person::new("known", &known, WRONG),
        Person::new("suspended", &suspended, WRONG),
        Person::new("locked", &locked, WRONG),
        Person::new("with a second factor", &enrolled.email, WRONG),
        Person::new("erased", &erased, WRONG),
    ]
}

async fn command(world: &World, account: uuid::Uuid, command: &AccountCommand) {
    let meta = world.meta(None);
    let id = AccountId::from_uuid(account);
    let done = world.app.accounts.execute(id, &meta, command);
    done.await.expect("done");
}

/// Has everybody try, in the free tries and in the waits after them, and
/// compares what they are told.
async fn all_alike(world: &World, people: &mut [Person], rounds: u32) {
    for round in 0..rounds {
        let mut told: Option<(Said, Option<Said>)> = None;
        // Whoever comes first in a round is another each time.
        let turn = round as usize % people.len();
        let (later, sooner) = people.split_at_mut(turn);
        for person in sooner.iter_mut().chain(later) {
            let checked = person.try_login(world, 0).await;
            assert_eq!(checked.0, 401, "{} in round {round}", person.about);
            assert_eq!(checked.2["code"], "invalid_credentials");
            let mut waiting = None;
            if round + 1 >= FREE {
                let wait = 1_u64 << (round + 1 - FREE).min(20);
                let limited = person.try_login(world, 1).await;
                assert_eq!(limited.0, 429, "{} in round {round}", person.about);
                let wait = wait.min(LONGEST_WAIT).to_string();
                assert_eq!(limited.1["retry-after"], wait, "{}", person.about);
                waiting = Some(limited);
            }
            let now = (checked, waiting);
            let first = told.get_or_insert_with(|| now.clone());
            assert_eq!(*first, now, "{} in round {round}", person.about);
        }
        if round + 1 >= FREE {
            world.later(Duration::from_secs(LONGEST_WAIT + 1));
        }
    }
}

/// What tells somebody from the first by time: 5 ms in the median, or on a
/// machine so busy that it takes long, a twentieth of that. Tries of one round
/// are compared with each other, so that the machine was as busy for both.
fn told_by_time(people: &[Person]) -> Vec<String> {
    let micros = |time: &Duration| i64::try_from(time.as_micros()).expect("not that long");
    let (first, others) = people.split_first().expect("somebody");
    let mut told = Vec::new();
    for kind in 0..2 {
        if first.times[kind].is_empty() {
            continue;
        }
        let usual = median(first.times[kind].iter().map(micros));
        let bound = 5_000.max(usual / 20);
        for person in others {
            let pairs = person.times[kind].iter().zip(&first.times[kind]);
            let difference = median(pairs.map(|(one, other)| micros(one) - micros(other)));
            if difference.abs() > bound {
                let about = person.about;
                told.push(format!("{about}: {difference} µs beside {usual} µs"));
            }
        }
    }
    told
}

#[tokio::test]
async fn ab_10_failed_logins_are_answered_alike_and_as_fast_whoever_it_is() {
    let world = World::alone().await;
    let mut told = Vec::new();
    // A machine with other things to do is asked again.
    for _ in 0..3 {
        let mut people = people(&world).await;
        let before = world.ends().await;
        all_alike(&world, &mut people, TRIES).await;
        assert_eq!(world.ends().await, before, "a failed login is no event");
        told = told_by_time(&people);
        if told.is_empty() {
            return;
        }
    }
    panic!("{told:?}");
}

#[tokio::test]
async fn ab_10_the_right_password_of_whoever_is_not_let_in_is_as_good_as_a_wrong_one() {
    let world = World::alone().await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let mut people = people(&world).await;
        people.retain(|person| matches!(person.about, "nobody" | "suspended" | "locked"));
        for person in &mut people {
            PASSWORD.clone_into(&mut person.password);
        }
        all_alike(&world, &mut people, TRIES).await;
        told = told_by_time(&people);
        if told.is_empty() {
            return;
        }
    }
    panic!("{told:?}");
}

/// Counts a hundred failures, as another service would.
async fn fail_a_hundred_times(world: &World, target: Target) {
    let config = ThrottleConfig::default();
    let throttle = soon(Throttle::open(&world.log, config)).await;
    let throttle = throttle.expect("a throttle");
    let attempt = Try {
        ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        target,
        device: None,
    };
    for _ in 0..100 {
        world.later(Duration::from_secs(LONGEST_WAIT + 1));
        let admitted = throttle.admit(&attempt, world.now()).await;
        admitted.expect("admitted").failed().await.expect("counted");
    }
}

#[tokio::test]
async fn ab_10_after_a_hundred_failures_nobody_and_somebody_are_still_alike() {
    let world = World::alone().await;
    let (known, unknown) = (email("known"), email("unknown"));
    let account = world.register(&known).await.account;
    let address = EmailAddress::parse(&unknown).expect("an address");
    fail_a_hundred_times(
        &world,
        Target::Account {
            account: AccountId::from_uuid(account),
            factor: FactorKind::Password,
        },
    )
    .await;
    fail_a_hundred_times(&world, Target::Address(world.app.blind_index.of(&address))).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        // The right one of the one, as it happens, and the wrong one of both.
        let mut people = vec![
            Person::new("nobody", &unknown, PASSWORD),
            Person::new("known", &known, PASSWORD),
            Person::new("known, wrong", &known, WRONG),
        ];
        for _ in 0..TRIES {
            let mut first = None;
            for person in &mut people {
                let now = person.try_login(&world, 0).await;
                assert_eq!(now.0, 401, "{}", person.about);
                let first = first.get_or_insert_with(|| now.clone());
                assert_eq!(*first, now, "{}", person.about);
            }
        }
        told = told_by_time(&people);
        if told.is_empty() {
            return;
        }
    }
    panic!("{told:?}");
}
