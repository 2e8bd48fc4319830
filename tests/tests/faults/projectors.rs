//! Projectors come and go; the read models are complete all the same.
//! SECURITY.md R-07.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::deployment::Deployment;
use super::http::{Person, Service, get, logout, refresh};
use super::wait::{note, until};

/// A lost projector's shards are projected again within this time.
const TAKEN_OVER: Duration = Duration::from_secs(5);

/// A projector that stands still loses its shards when Postgres has heard
/// nothing of it for five seconds; the other one looks twice a second.
const TAKEN_FROM_SLEEPER: Duration = Duration::from_secs(10);

/// One person for each shard, by the shard of their position.
async fn one_a_shard(service: &Service) -> Vec<Person> {
    let mut found: Vec<Person> = Vec::new();
    for number in 0..200 {
        let person = service
            .register(&format!("shard.{number}@example.com"))
            .await;
        let shard = |person: &Person| person.position.split('.').next().map(str::to_owned);
        if found.iter().all(|other| shard(other) != shard(&person)) {
            found.push(person);
        }
        if found.len() == usize::from(super::deployment::SHARDS) {
            return found;
        }
    }
    panic!(
        "200 accounts do not fill {} shards",
        super::deployment::SHARDS
    );
}

/// Writes to every shard, and waits until the read models show it.
async fn shown(service: &Service, people: &mut [Person], patience: Duration) -> Duration {
    let started = Instant::now();
    for person in people.iter_mut() {
        let answer = service.ask(&refresh(&person.refresh)).await.expect(200);
        person.renew(&answer);
    }
    for person in people.iter() {
        let call = get("/v1/me/sessions")
            .bearer(&person.access)
            .at_least(&person.position);
        let left = patience
            .saturating_sub(started.elapsed())
            .max(Duration::from_millis(1));
        let (list, _) = until("the read model shows it", left, async || {
            service.wants(&call, 200).await
        })
        .await;
        let live = &list.body["items"][0];
        assert_eq!(
            live["generation"],
            super::http::generation_of(&person.refresh),
            "{live}"
        );
    }
    let took = started.elapsed();
    assert!(took <= patience, "{took:?}");
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn r_07_another_projector_takes_over() {
    let deployment = Deployment::start("takeover").await;
    let instance = deployment.serve().await;
    let service = &instance.service;
    // The first one gets all shards, as nobody else is there yet.
    let mut first = deployment.project().await;
    let mut people = one_a_shard(service).await;
    shown(service, &mut people, Duration::from_secs(20)).await;
    let mut second = deployment.project().await;
    shown(service, &mut people, TAKEN_OVER).await;

    first.kill();
    let took = shown(service, &mut people, TAKEN_OVER).await;
    note(&format!("killed: taken over in {took:?}"));

    // The second has them all; it is put to sleep, and when it wakes up it
    // must not write what is another's by now.
    let third = deployment.project().await;
    second.signal(Signal::STOP);
    let took = shown(service, &mut people, TAKEN_FROM_SLEEPER).await;
    note(&format!("stopped: taken over in {took:?}"));
    second.signal(Signal::CONT);
    for _ in 0..10 {
        shown(service, &mut people, TAKEN_OVER).await;
    }
    third.signal(Signal::TERM);
    let took = shown(service, &mut people, TAKEN_OVER).await;
    note(&format!("ended in good order: taken over in {took:?}"));
    verified(&deployment).await;
    second.stop().await;
    deployment.stop().await;
}

/// Fails unless a replay gives the same read models.
async fn verified(deployment: &Deployment) {
    let output = deployment.run(&["replay", "--verify"]).await;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {words}", output.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_killed_again_and_again_loses_nothing() {
    const ROUNDS: u32 = 20;
    let deployment = Deployment::start("projector-kills").await;
    let instance = deployment.serve().await;
    let done = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for number in 0..4 {
        let (service, done, written) = (
            instance.service.clone(),
            Arc::clone(&done),
            Arc::clone(&written),
        );
        writers.spawn(async move {
            let mut person = service
                .register(&format!("busy.{number}@example.com"))
                .await;
            while !done.load(Ordering::Relaxed) {
                person.renew(&service.ask(&refresh(&person.refresh)).await.expect(200));
                if written.fetch_add(1, Ordering::Relaxed).is_multiple_of(5) {
                    service.ask(&logout(&person.refresh)).await.expect(204);
                    person = service.login(&person.email).await;
                }
            }
            person
        });
    }
    let mut rounds = interval(Duration::from_millis(500));
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut projector = deployment.project().await;
    rounds.tick().await;
    for _ in 0..ROUNDS {
        rounds.tick().await;
        projector.kill();
        projector = deployment.project().await;
    }
    done.store(true, Ordering::Relaxed);
    let mut people = writers.join_all().await;
    let took = shown(&instance.service, &mut people, Duration::from_secs(10)).await;
    note(&format!(
        "{ROUNDS} kills, {} writes; caught up {took:?} after the last",
        written.load(Ordering::Relaxed)
    ));
    verified(&deployment).await;
    projector.stop().await;
    deployment.stop().await;
}
