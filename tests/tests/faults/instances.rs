//! Several instances of the service: one goes, the others go on.
//! SECURITY.md R-15.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use tokio::task::JoinSet;

use super::deployment::{Deployment, ready};
use super::http::{Answer, Call, Person, Service, refresh, verify};
use super::wait::{note, until};

/// Whether nobody listened: the one failure after which a client may simply
/// ask somebody else, as nothing was sent.
fn is_refused(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Asks one, and the other if nobody listens at the first.
async fn ask_either(services: &[Service; 2], first: usize, call: &Call) -> Result<Answer, String> {
    let mut last = String::new();
    for turn in [first, 1 - first] {
        match services[turn].try_ask(call).await {
            Ok(answer) => return Ok(answer),
            Err(error) if is_refused(&error) => last = "refused by both".into(),
            Err(error) => return Err(format!("cut: {error:?}")),
        }
    }
    Err(last)
}

/// What the clients of a test have seen.
#[derive(Default)]
struct Seen {
    done: AtomicBool,
    answers: AtomicU64,
    faults: std::sync::Mutex<Vec<String>>,
}

impl Seen {
    fn fault(&self, text: String) {
        self.faults
            .lock()
            .expect("nobody panics with it")
            .push(text);
    }

    fn count(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Waits until so many more answers came.
    async fn more(&self, answers: u64) {
        let goal = self.count() + answers;
        until("answers come", Duration::from_secs(30), async || {
            let count = self.count();
            if count >= goal {
                Ok(())
            } else {
                Err(format!("{count} of {goal}: {:?}", self.faults))
            }
        })
        .await;
    }
}

/// Refreshes and verifies at either instance until told to stop.
async fn client(services: [Service; 2], mut person: Person, number: usize, seen: Arc<Seen>) {
    let mut turn = number;
    while !seen.done.load(Ordering::Relaxed) {
        turn += 1;
        let rotates = turn.is_multiple_of(3);
        let call = if rotates {
            refresh(&person.refresh)
        } else {
            verify(&person.access)
        };
        match ask_either(&services, turn % 2, &call).await {
            Ok(answer) if answer.status == 200 => {
                seen.answers.fetch_add(1, Ordering::Relaxed);
                if rotates {
                    person.renew(&answer);
                }
            }
            Ok(answer) => seen.fault(format!("{}: {answer:?}", call.path)),
            Err(error) => seen.fault(format!("{}: {error}", call.path)),
        }
    }
}

/// R-15, small: instances are replaced one after the other, in good order, and
/// no client notices.
#[tokio::test(flavor = "multi_thread")]
async fn r_15_a_graceful_stop_drops_next_to_nothing() {
    const RESTARTS: usize = 6;
    let deployment = Deployment::start("graceful").await;
    let mut instances = [deployment.serve().await, deployment.serve().await];
    let services =
        [0, 1].map(|index: usize| Service::without_keep_alive(&instances[index].service.url));
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for number in 0..8 {
        let person = services[0]
            .register(&format!("rolling.{number}@example.com"))
            .await;
        clients.spawn(client(services.clone(), person, number, Arc::clone(&seen)));
    }
    seen.more(100).await;
    let mut slowest = Duration::ZERO;
    for restart in 0..RESTARTS {
        let instance = &mut instances[restart % 2];
        slowest = slowest.max(instance.process.stop().await);
        seen.more(50).await;
        let port = instance.port;
        *instance = deployment.serve_on(port).await;
        ready(&instance.service).await;
        seen.more(50).await;
    }
    seen.done.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let faults = seen.faults.lock().expect("nobody panics with it").clone();
    note(&format!(
        "{RESTARTS} restarts, {} answers, the slowest stop {slowest:?}",
        seen.count()
    ));
    assert!(slowest <= Duration::from_secs(10), "{slowest:?}");
    // Whoever connects in the very instant in which the listener closes is
    // reset by the kernel, and no program can prevent it. Before the last
    // connections were taken in, it was one in four hundred.
    assert!(
        faults.len() as u64 <= 1 + seen.count() / 1_000,
        "{} of {}: {faults:#?}",
        faults.len(),
        seen.count()
    );
    deployment.stop().await;
}

/// Connections that are kept open are told to close, not cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_finishes_what_is_under_way() {
    let deployment = Deployment::start("graceful-kept").await;
    let mut one = deployment.serve().await;
    let mut logins = JoinSet::new();
    let emails: Vec<_> = (0..6)
        .map(|number| format!("slow.{number}@example.com"))
        .collect();
    // Of one account, only some would be looked at side by side.
    for email in &emails {
        one.service.register(email).await;
    }
    // Each takes a while, as a password is hashed.
    for email in emails {
        let service = one.service.clone();
        logins.spawn(async move {
            let login = super::http::login(&email, super::http::PASSWORD);
            service.try_ask(&login).await
        });
    }
    let first = logins
        .join_next()
        .await
        .expect("one")
        .expect("no panic")
        .expect("an answer");
    assert_eq!(first.status, 200, "{first:?}");
    one.process.signal(Signal::TERM);
    while let Some(login) = logins.join_next().await {
        let answer = login.expect("no panic").expect("it was under way");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let (status, took) = one.process.ended(Duration::from_secs(10)).await;
    assert!(status.success(), "{status} after {took:?}");
    deployment.stop().await;
}

/// One of two is killed without warning; whoever talks to the other notices
/// nothing, and whoever talked to it goes on there.
#[tokio::test(flavor = "multi_thread")]
async fn one_instance_is_killed_and_the_other_goes_on() {
    let deployment = Deployment::start("one-killed").await;
    let mut doomed = deployment.serve().await;
    let other = deployment.serve().await;
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for number in 0..4 {
        let service = other.service.clone();
        let person = service
            .register(&format!("here.{number}@example.com"))
            .await;
        clients.spawn(client(
            [service.clone(), service],
            person,
            number,
            Arc::clone(&seen),
        ));
    }
    let mut moving = Vec::new();
    for number in 0..4 {
        let service = &doomed.service;
        let mut person = service
            .register(&format!("there.{number}@example.com"))
            .await;
        person.renew(&service.ask(&refresh(&person.refresh)).await.expect(200));
        moving.push(person);
    }
    seen.more(50).await;
    // Their answers are lost on the way.
    let mut cut = JoinSet::new();
    for person in &moving {
        let (service, call) = (doomed.service.clone(), refresh(&person.refresh));
        cut.spawn(async move { service.try_ask(&call).await });
    }
    tokio::task::yield_now().await;
    doomed.process.kill();
    cut.join_all().await;
    for person in &mut moving {
        // Lost or not: the same token gets the same successor.
        let answer = other
            .service
            .ask(&refresh(&person.refresh))
            .await
            .expect(200);
        person.renew(&answer);
        other.service.ask(&verify(&person.access)).await.expect(200);
    }
    seen.more(200).await;
    seen.done.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let faults = seen.faults.lock().expect("nobody panics with it").clone();
    assert!(faults.is_empty(), "{faults:#?}");
    deployment.stop().await;
}
