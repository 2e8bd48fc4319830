//! What keeps a child running: a thread that starts it, waits for it, and
//! starts it again.
//!
//! The kernel kills a child when the *thread* that started it ends, so each
//! child has a thread of its own that lives exactly as long as the stack.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::child::Program;
use super::{Child, Pids, Signal, StackError, logs, processes};

/// The first wait before a child is started again; it doubles from there.
const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// The longest wait before a child is started again.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A child that ran so long is trusted again.
const BACKOFF_RESET: Duration = Duration::from_secs(10);

/// How long a child may take to end by itself when asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// The same when nobody waits for a good end.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the log's length is looked at.
const LOG_CHECK: Duration = Duration::from_secs(30);

/// Orders are few and answered at once.
const ORDERS_MAX: usize = 8;

/// How a child has fared so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    /// How often it ended without having been told to.
    pub(super) endings: u32,
    /// How it ended the last time.
    pub(super) last: String,
}

/// What the thread is told; each order is answered when it has been carried
/// out.
enum Order {
    Signal(Signal, oneshot::Sender<()>),
    HoldDown(oneshot::Sender<()>),
    Release(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

/// The handle on the thread. Dropping it ends the child.
#[derive(Debug)]
pub(super) struct Supervisor {
    child: Child,
    orders: Option<mpsc::Sender<Order>>,
    life: watch::Receiver<Life>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Supervisor {
    /// Starts the thread, which prepares and then runs the child; returns
    /// when it has prepared.
    pub(super) async fn start<Prepare>(
        program: Program,
        prepare: Prepare,
        pids: Arc<watch::Sender<Pids>>,
    ) -> Result<Self, StackError>
    where
        Prepare: AsyncFnOnce() -> Result<(), StackError> + Send + 'static,
    {
        let child = program.child;
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        let (life, life_seen) = watch::channel(Life::default());
        let (prepared, preparation) = oneshot::channel();
        let named = thread::Builder::new().name(format!("stack-{child}"));
        let path = program.binary.clone();
        let thread = named
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                match runtime {
                    Ok(runtime) => {
                        let supervised = Supervised {
                            program,
                            orders: received,
                            life,
                            pids,
                        };
                        runtime.block_on(supervised.run(prepare, prepared));
                    }
                    Err(error) => {
                        let error = StackError::io("supervise", &program.binary)(error);
                        drop(prepared.send(Err(error)));
                    }
                }
            })
            .map_err(StackError::io("start a thread for", &path))?;
        let (orders, thread) = (Some(orders), Some(thread));
        let supervisor = Self {
            child,
            orders,
            life: life_seen,
            thread,
        };
        preparation
            .await
            .map_err(|_| StackError::SupervisorGone { child })??;
        Ok(supervisor)
    }

    /// How the child fares.
    pub(super) fn life(&self) -> watch::Receiver<Life> {
        self.life.clone()
    }

    pub(super) async fn signal(&self, signal: Signal) -> Result<(), StackError> {
        self.order(|done| Order::Signal(signal, done)).await
    }

    pub(super) async fn hold_down(&self) -> Result<(), StackError> {
        self.order(Order::HoldDown).await
    }

    pub(super) async fn release(&self) -> Result<(), StackError> {
        self.order(Order::Release).await
    }

    pub(super) async fn stop(&self) -> Result<(), StackError> {
        self.order(Order::Stop).await
    }

    async fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<()>) -> Order,
    ) -> Result<(), StackError> {
        let gone = StackError::SupervisorGone { child: self.child };
        let (done, answer) = oneshot::channel();
        let Some(orders) = &self.orders else {
            return Err(gone);
        };
        if orders.send(order(done)).await.is_err() || answer.await.is_err() {
            return Err(gone);
        }
        Ok(())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Without anyone to take orders from, the thread ends the child.
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(child = %self.child, "the supervisor had panicked");
        }
    }
}

/// What to do next.
enum Next {
    Run,
    Wait(Duration),
    Hold,
    End,
}

/// The thread's side.
struct Supervised {
    program: Program,
    orders: mpsc::Receiver<Order>,
    life: watch::Sender<Life>,
    pids: Arc<watch::Sender<Pids>>,
}

impl Supervised {
    async fn run<Prepare>(
        mut self,
        prepare: Prepare,
        prepared: oneshot::Sender<Result<(), StackError>>,
    ) where
        Prepare: AsyncFnOnce() -> Result<(), StackError>,
    {
        let outcome = tokio::select! {
            outcome = prepare() => outcome,
            // Nobody gives orders before the handle is out: it was dropped.
            _ = self.orders.recv() => return self.program.sweep().await,
        };
        let failed = outcome.is_err();
        if prepared.send(outcome).is_err() || failed {
            return;
        }
        let mut backoff = Backoff::default();
        let mut next = Next::Run;
        loop {
            next = match next {
                Next::Run => self.run_once(&mut backoff).await,
                Next::Wait(time) => self.idle(Some(Instant::now() + time)).await,
                Next::Hold => self.idle(None).await,
                Next::End => return self.program.sweep().await,
            };
        }
    }

    async fn run_once(&mut self, backoff: &mut Backoff) -> Next {
        self.program.sweep().await;
        let started = Instant::now();
        let mut process = match self.program.spawn() {
            Ok(process) => process,
            Err(error) => {
                let wait = backoff.after(Duration::ZERO);
                return self.ended(&format!("cannot be started: {error}"), wait);
            }
        };
        let number = process.id().unwrap_or_default();
        self.pids.send_modify(|pids| match self.program.child {
            Child::Nats => pids.nats = number,
            Child::Postgres => pids.postgres = number,
        });
        tracing::debug!(child = %self.program.child, pid = number, "started");
        let mut log_check = tokio::time::interval(LOG_CHECK);
        log_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let status = loop {
            let order = tokio::select! {
                status = process.wait() => break status,
                order = self.orders.recv() => order,
                _ = log_check.tick() => {
                    if let Err(error) = logs::rotate_if_long(&self.program.log) {
                        tracing::warn!(child = %self.program.child, %error, "log not rotated");
                    }
                    continue;
                }
            };
            match order {
                None => {
                    self.program
                        .end(process, self.program.abort, ABORT_TIMEOUT)
                        .await;
                    return Next::End;
                }
                Some(Order::Stop(done)) => {
                    self.program
                        .end(process, self.program.stop, STOP_TIMEOUT)
                        .await;
                    answer(done);
                    return Next::End;
                }
                Some(Order::HoldDown(done)) => {
                    self.program
                        .end(process, self.program.stop, STOP_TIMEOUT)
                        .await;
                    answer(done);
                    return Next::Hold;
                }
                Some(Order::Release(done)) => answer(done),
                Some(Order::Signal(signal, done)) => {
                    let pids = self.program.send(&process, signal);
                    if signal == Signal::STOP {
                        processes::frozen(&pids).await;
                    }
                    if signal == Signal::KILL {
                        let status = process.wait().await;
                        // On purpose: this says nothing about its health.
                        *backoff = Backoff::default();
                        answer(done);
                        break status;
                    }
                    answer(done);
                }
            }
        };
        let how = match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let wait = backoff.after(started.elapsed());
        self.ended(&how, wait)
    }

    /// Waits for orders while the child is down.
    async fn idle(&mut self, until: Option<Instant>) -> Next {
        loop {
            let order = match until {
                Some(until) => match tokio::time::timeout_at(until, self.orders.recv()).await {
                    Ok(order) => order,
                    Err(_) => return Next::Run,
                },
                None => self.orders.recv().await,
            };
            let (done, next) = match order {
                None => return Next::End,
                Some(Order::Stop(done)) => (done, Next::End),
                Some(Order::HoldDown(done)) => (done, Next::Hold),
                Some(Order::Release(done)) => (done, Next::Run),
                // There is nobody to signal.
                Some(Order::Signal(_, done)) => {
                    answer(done);
                    continue;
                }
            };
            self.program.sweep().await;
            answer(done);
            return next;
        }
    }

    fn ended(&self, how: &str, wait: Duration) -> Next {
        let restart_ms = wait.as_millis();
        tracing::warn!(child = %self.program.child, how, restart_ms, "ended, is restarted");
        self.life.send_modify(|life| {
            life.endings = life.endings.saturating_add(1);
            how.clone_into(&mut life.last);
        });
        Next::Wait(wait)
    }
}

/// Whoever asked may have gone away meanwhile, which is nobody's fault.
fn answer(done: oneshot::Sender<()>) {
    let _ = done.send(());
}

/// The rising wait between restarts.
#[derive(Default)]
struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    fn after(&mut self, ran: Duration) -> Duration {
        let wait = match self.last {
            Some(last) if ran < BACKOFF_RESET => (last * 2).min(BACKOFF_MAX),
            _ => BACKOFF_MIN,
        };
        self.last = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_rises_and_is_forgotten_after_a_good_run() {
        let mut backoff = Backoff::default();
        let short = Duration::from_secs(1);
        let waits: Vec<u128> = (0..8).map(|_| backoff.after(short).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.after(BACKOFF_RESET), BACKOFF_MIN);
        assert_eq!(backoff.after(short), BACKOFF_MIN * 2);
    }
}
