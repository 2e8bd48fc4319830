//! Many users at once, each sending its next request when the last one is
//! answered, all on one thread.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::task::{LocalSet, spawn_blocking};

use crate::Outcome;
use crate::http::{Answer, Connection};
use crate::machine::Meter;
use crate::statistics::{millis, pass, percentiles};

/// Who sends requests over one connection.
pub trait User: Send + 'static {
    /// The next request.
    fn request(&mut self) -> &[u8];

    /// Takes the answer; an error ends the measurement.
    fn answer(&mut self, answer: &Answer<'_>) -> Result<(), String>;
}

/// What came of it.
pub struct Load {
    /// Answers a second.
    pub rate: f64,
    /// Each answer's time in milliseconds.
    pub times: Vec<f64>,
    /// Who used the processors.
    pub shares: String,
    /// The share of all cores that others used.
    pub others: f64,
    /// How many cores the service and its servers kept busy.
    pub cores_used: f64,
}

impl Load {
    pub fn percentiles(&mut self) -> String {
        percentiles(&mut self.times)
    }
}

/// What a load is put on.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub meter: Meter,
}

/// How long the users run before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// Lets the users work for `time`, after warming up.
pub async fn drive<U: User>(target: &Target, users: Vec<U>, time: Duration) -> Outcome<Load> {
    let target = target.clone();
    spawn_blocking(move || {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        LocalSet::new().block_on(&runtime, run(target, users, time))
    })
    .await?
}

async fn run<U: User>(target: Target, users: Vec<U>, time: Duration) -> Outcome<Load> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + time;
    let times = Rc::new(RefCell::new(Vec::new()));
    let mut tasks = Vec::new();
    for user in users {
        let connection = Connection::open(target.address).await?;
        let task = work(user, connection, (begin, end), Rc::clone(&times));
        tasks.push(tokio::task::spawn_local(task));
    }
    pass(begin.saturating_duration_since(Instant::now())).await;
    let before = target.meter.read();
    pass(end.saturating_duration_since(Instant::now())).await;
    let after = target.meter.read();
    for task in tasks {
        task.await??;
    }
    let times = times.take();
    Ok(Load {
        rate: times.len() as f64 / time.as_secs_f64(),
        times,
        shares: target.meter.shares(&before, &after),
        others: Meter::others(&before, &after),
        cores_used: Meter::cores_used(&before, &after),
    })
}

async fn work<U: User>(
    mut user: U,
    mut connection: Connection,
    (begin, end): (Instant, Instant),
    times: Rc<RefCell<Vec<f64>>>,
) -> Outcome<()> {
    loop {
        let start = Instant::now();
        let answer = connection.exchange(user.request()).await?;
        user.answer(&answer)?;
        let now = Instant::now();
        if now >= end {
            return Ok(());
        }
        if now >= begin {
            times.borrow_mut().push(millis(now - start));
        }
    }
}
