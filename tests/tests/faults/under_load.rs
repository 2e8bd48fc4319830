//! Nothing that was acknowledged is lost, whatever is killed and when.
//! SECURITY.md R-01.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign::stack::{Child, Signal};
use tokio::task::JoinSet;

use super::deployment::{Deployment, Instance, free_port, ready};
use super::http::Service;
use super::journal::Journal;
use super::wait::{Chance, note, until};
use super::writers::Writer;

/// After a kill commands are acknowledged again within this time. A server
/// that died often waits up to five seconds before it is started again.
const BACK: Duration = Duration::from_secs(30);

const WRITERS: u64 = 6;

#[derive(Debug, Clone, Copy)]
enum Victim {
    Serve,
    Project,
    Nats,
    Postgres,
}

/// Whom to kill, in an order by chance: of 200 kills, 100 are of our own
/// programs, 50 of nats-server, 50 of Postgres.
fn victims(kills: usize, chance: &mut Chance) -> Vec<Victim> {
    let cycle = [
        Victim::Serve,
        Victim::Nats,
        Victim::Project,
        Victim::Postgres,
    ];
    let mut victims: Vec<Victim> = cycle.into_iter().cycle().take(kills).collect();
    chance.shuffle(&mut victims);
    victims
}

async fn more(journal: &Journal, commands: u64) {
    let goal = journal.count() + commands;
    until("commands are acknowledged", BACK, async || {
        let count = journal.count();
        if count >= goal {
            Ok(())
        } else {
            Err(format!("{count} of {goal}; {:#?}", journal.faults()))
        }
    })
    .await;
}

/// Starts the service as a service manager does: again, if it ended because
/// NATS died while it was starting. Says how often that was.
async fn supervised(deployment: &Deployment, port: u16) -> (Instance, usize) {
    let mut tries = 0;
    loop {
        match deployment.try_serve_on(port).await {
            Ok(instance) => return (instance, tries),
            Err(why) => {
                note(&format!("a start did not work: {why}"));
                tries += 1;
                assert!(tries < 5 && why.contains("unavailable"), "{why}");
            }
        }
    }
}

async fn kills_under_load(kills: usize) {
    let mut chance = Chance::new("r_01");
    let deployment = Deployment::with("r-01", true).await;
    let port = free_port();
    let mut instance = deployment.serve_on(port).await;
    ready(&instance.service).await;
    let mut projector = deployment.project().await;
    deployment.operator(&instance.service).await;
    let journal = Arc::new(Journal::default());
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let writer = Writer {
            number,
            // Of their own, so that what one connection suffers stays there.
            service: Service::new(&instance.service.url),
            journal: Arc::clone(&journal),
            chance: chance.fork(),
            done: Arc::clone(&done),
        };
        writers.spawn(writer.run());
    }
    more(&journal, 50).await;
    let started = Instant::now();
    let mut again = 0;
    for victim in victims(kills, &mut chance) {
        more(&journal, 10 + chance.below(80)).await;
        match victim {
            Victim::Serve => {
                instance.process.kill();
                let (started, tries) = supervised(&deployment, port).await;
                instance = started;
                again += tries;
            }
            Victim::Project => {
                projector.kill();
                projector = deployment.project().await;
            }
            Victim::Nats => deployment.signal(Child::Nats, Signal::KILL).await,
            Victim::Postgres => deployment.signal(Child::Postgres, Signal::KILL).await,
        }
    }
    more(&journal, 50).await;
    done.store(true, Ordering::Relaxed);
    writers.join_all().await;
    let (took, commands) = (started.elapsed(), journal.count());
    let (sessions, doubtful) = journal.sessions();
    note(&format!(
        "r_01: {kills} kills in {took:?}, {commands} commands acknowledged, {sessions} sessions, \
         {doubtful} of them answered too late, {again} starts did not work at once"
    ));
    assert!(
        again * 20 <= kills,
        "starts that meet a dying server should wait for it"
    );
    assert!(doubtful * 20 <= sessions, "too many were taken for stolen");

    // A fresh instance, which has to know everything from the log.
    for child in [Child::Nats, Child::Postgres] {
        deployment
            .stack
            .ready(child)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let last = deployment.serve().await;
    let operator = deployment.sign_in_operator(&last.service).await;
    journal.check(&last.service, &operator).await;
    let faults = journal.faults();
    assert!(
        faults.is_empty(),
        "{} faults:\n  {}",
        faults.len(),
        faults.join("\n  ")
    );
    let forged = journal.forged();
    forged.check(&last.service, &operator).await;
    assert_eq!(forged.faults().len(), 1, "a broken promise is noticed");
    instance.process.stop().await;
    projector.stop().await;
    let verified = deployment.run(&["replay", "--verify"]).await;
    let words = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success(), "{}: {words}", verified.status);
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_01_kill_9_under_load() {
    kills_under_load(12).await;
}

/// The long version, by `make soak`.
#[tokio::test(flavor = "multi_thread")]
async fn r_01_kill_9_under_load_soak() {
    if std::env::var_os("COUNTERSIGN_SOAK").is_none() {
        note("COUNTERSIGN_SOAK is not set: 12 kills instead of 200 must do");
        return;
    }
    kills_under_load(200).await;
}
