//! Requests that come when they are due, whether or not earlier ones have been
//! answered, over a bounded number of connections, all on one thread.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::task::{LocalSet, spawn_blocking};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::Outcome;
use crate::http::Connection;
use crate::load::{Target, User};
use crate::machine::Meter;
use crate::statistics::{millis, pass};
use crate::users::{Refreshing, Repeating};

/// Connections of the storm. What finds none free is counted as not sent: it
/// would only measure a queue of the generator's own.
const CONNECTIONS: usize = 128;
/// Refreshes and checks of access tokens a second, of each.
const BESIDE_A_SECOND: f64 = 100.0;
/// How long the storm blows before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long an answer may take; the service promises more.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of it. Times are in milliseconds, from when a request was due.
#[derive(Default)]
pub struct Tally {
    /// Logins answered 200.
    pub right: Vec<f64>,
    /// Logins answered 401.
    pub wrong: Vec<f64>,
    /// Logins answered 429 or 503.
    pub surplus: Vec<f64>,
    /// How many of them 429.
    pub throttled: usize,
    /// How many of them did not say when to come again.
    pub without_retry_after: usize,
    /// Logins that found no connection free.
    pub unsent: usize,
    /// What other logins were answered.
    pub other: Vec<String>,
    /// Refreshes that succeeded.
    pub refreshes: Vec<f64>,
    /// Those that did not.
    pub not_refreshed: Vec<String>,
    /// Access tokens that were found good.
    pub verified: Vec<f64>,
    /// How long after they were due logins were sent.
    pub late: Vec<f64>,
    /// Who used the processors.
    pub shares: String,
    /// The share of all cores that others used.
    pub others: f64,
}

struct Storm {
    target: Target,
    begin: Instant,
    end: Instant,
    idle: RefCell<Vec<Connection>>,
    tally: RefCell<Tally>,
}

/// Sends `logins` in turn, so many a second, while sessions are refreshed one
/// after the other and an access token is checked.
pub async fn storm(
    target: &Target,
    logins: Arc<Vec<Vec<u8>>>,
    sessions: Vec<Refreshing>,
    check: Repeating,
    rate: f64,
    time: Duration,
) -> Outcome<Tally> {
    let target = target.clone();
    spawn_blocking(move || {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        LocalSet::new().block_on(&runtime, async {
            let begin = Instant::now() + WARM_UP;
            let storm = Rc::new(Storm {
                target,
                begin,
                end: begin + time,
                idle: RefCell::default(),
                tally: RefCell::default(),
            });
            storm.blow(logins, sessions, check, rate).await
        })
    })
    .await?
}

impl Storm {
    async fn blow(
        self: Rc<Self>,
        logins: Arc<Vec<Vec<u8>>>,
        sessions: Vec<Refreshing>,
        check: Repeating,
        rate: f64,
    ) -> Outcome<Tally> {
        for _ in 0..CONNECTIONS {
            let connection = Connection::open(self.target.address).await?;
            self.idle.borrow_mut().push(connection);
        }
        let refreshing = tokio::task::spawn_local(Rc::clone(&self).refresh(sessions));
        let checking = tokio::task::spawn_local(Rc::clone(&self).check(check));
        let metering = tokio::task::spawn_local(Rc::clone(&self).meter());
        let mut ticks = ticks(rate);
        for turn in 0.. {
            let due = ticks.tick().await;
            if due >= self.end {
                break;
            }
            let Some(connection) = self.idle.borrow_mut().pop() else {
                self.tally.borrow_mut().unsent += usize::from(due >= self.begin);
                continue;
            };
            let (storm, logins) = (Rc::clone(&self), Arc::clone(&logins));
            tokio::task::spawn_local(async move {
                let login = &logins[turn % logins.len()];
                storm.log_in(connection, login, due).await;
            });
        }
        refreshing.await??;
        checking.await??;
        metering.await?;
        // The last answers.
        let patient = Instant::now() + PATIENCE;
        while self.idle.borrow().len() < CONNECTIONS && Instant::now() < patient {
            pass(Duration::from_millis(20)).await;
        }
        Ok(self.tally.take())
    }

    async fn log_in(&self, mut connection: Connection, login: &[u8], due: Instant) {
        let counts = due >= self.begin;
        let sent = Instant::now();
        let outcome = tokio::time::timeout(PATIENCE, connection.exchange(login)).await;
        let took = millis(due.elapsed());
        let tally = &mut *self.tally.borrow_mut();
        if counts {
            tally.late.push(millis(sent.saturating_duration_since(due)));
        }
        let answer = match outcome {
            Ok(Ok(answer)) => answer,
            // The connection is not used again: whoever misses it is counted.
            Ok(Err(error)) => return tally.other.push(format!("a login: {error}")),
            Err(_) => return tally.other.push("a login was not answered".to_owned()),
        };
        if counts {
            match answer.status {
                200 => tally.right.push(took),
                401 => tally.wrong.push(took),
                status @ (429 | 503) => {
                    tally.surplus.push(took);
                    tally.throttled += usize::from(status == 429);
                    tally.without_retry_after +=
                        usize::from(answer.header("retry-after").is_none());
                }
                status => tally.other.push(format!("a login was answered {status}")),
            }
        }
        self.idle.borrow_mut().push(connection);
    }

    async fn refresh(self: Rc<Self>, mut sessions: Vec<Refreshing>) -> Outcome<()> {
        let mut connection = Connection::open(self.target.address).await?;
        let (mut ticks, count) = (ticks(BESIDE_A_SECOND), sessions.len());
        for turn in 0.. {
            let due = ticks.tick().await;
            if due >= self.end {
                break;
            }
            let session = &mut sessions[turn % count];
            let outcome = exchange(&mut connection, session).await;
            let is_broken = outcome.is_err();
            match outcome.unwrap_or_else(Err) {
                // What fails counts from the beginning: a session that is lost
                // in the first second is lost.
                Err(finding) => self.tally.borrow_mut().not_refreshed.push(finding),
                Ok(()) if due >= self.begin => {
                    let took = millis(due.elapsed());
                    self.tally.borrow_mut().refreshes.push(took);
                }
                Ok(()) => {}
            }
            if is_broken {
                connection = Connection::open(self.target.address).await?;
            }
        }
        Ok(())
    }

    async fn check(self: Rc<Self>, mut check: Repeating) -> Outcome<()> {
        let mut connection = Connection::open(self.target.address).await?;
        let mut ticks = ticks(BESIDE_A_SECOND);
        loop {
            let due = ticks.tick().await;
            if due >= self.end {
                return Ok(());
            }
            exchange(&mut connection, &mut check).await??;
            if due >= self.begin {
                let took = millis(due.elapsed());
                self.tally.borrow_mut().verified.push(took);
            }
        }
    }

    async fn meter(self: Rc<Self>) {
        let meter = &self.target.meter;
        pass(self.begin.saturating_duration_since(Instant::now())).await;
        let before = meter.read();
        pass(self.end.saturating_duration_since(Instant::now())).await;
        let after = meter.read();
        let mut tally = self.tally.borrow_mut();
        tally.shares = meter.shares(&before, &after);
        tally.others = Meter::others(&before, &after);
    }
}

/// Sends a user's next request: what the user says of the answer, or an error
/// after which the connection must not be used again.
async fn exchange(
    connection: &mut Connection,
    user: &mut impl User,
) -> Result<Result<(), String>, String> {
    let exchange = connection.exchange(user.request());
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(Ok(answer)) => Ok(user.answer(&answer)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}

/// When requests are due. What the machine held up is sent later, not left out.
fn ticks(rate: f64) -> Interval {
    let mut ticks = interval_at(Instant::now(), Duration::from_secs_f64(1.0 / rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}
