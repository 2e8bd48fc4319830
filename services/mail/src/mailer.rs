//! Starting and stopping.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_events::{Noun, Timestamp};
use countersign_log::{Begin, Claims, Delivery, Log, LogError, Reactor, ReactorConfig};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{MailConfig, MailConfigError, Transport};
use crate::folder;
use crate::health::{Counters, Health};
use crate::post::{Post, Verdict};
use crate::token::ActionTokens;
use crate::transport::Out;

/// The name of the durable consumers, and of the bucket of claims.
const CONSUMER: &str = "mail";
const CLAIMS: &str = "MAILS";
/// Longer than anything is told after the fact, so that what was told once is
/// remembered for as long as it could come again.
const CLAIMS_KEPT: Duration = Duration::from_hours(7 * 24);
/// How many mails are on their way at once.
const HANDS: usize = 8;
/// A message of which nothing was heard for so long goes to another mailer.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// How often it is said that work goes on.
const BUSY: Duration = Duration::from_secs(10);
/// Messages that wait to be tried again count as well: a few domains that are
/// away must not keep everybody's mail.
const MAX_WAITING: u16 = 4_096;
/// How often NATS is asked again at the start.
const AGAIN: Duration = Duration::from_millis(500);
/// How often the backlog is counted.
const COUNTED: Duration = Duration::from_secs(10);

/// A mailer did not start.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Its configuration cannot work.
    #[error("mail: {0}")]
    Config(#[from] MailConfigError),
    /// The folder cannot be made.
    #[error("the mail folder: {0}")]
    Folder(std::io::Error),
    /// The log is not fit.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// What sends the mails of a deployment, together with all others of its kind.
pub struct Mailer {
    counters: Arc<Counters>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Mailer {
    /// Starts. When this returns, whatever is appended to the log from then on
    /// will be told; until NATS answers, it waits.
    pub async fn start(
        log: Log,
        tokens: ActionTokens,
        config: MailConfig,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self, MailError> {
        let sender = config.sender()?;
        let counters = Arc::new(Counters::default());
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let mailer = Self {
            counters: Arc::clone(&counters),
            stop: stop.clone(),
            tasks: tasks.clone(),
        };
        let Some(out) = Out::new(&config, &sender)? else {
            tasks.close();
            return Ok(mailer);
        };
        if let Transport::Folder(path) = &config.transport {
            let path = path.clone();
            let made = tokio::task::spawn_blocking(move || folder::prepare(&path)).await;
            made.map_err(|_| MailError::Folder(std::io::ErrorKind::Other.into()))?
                .map_err(MailError::Folder)?;
        }
        let (claims, reactors) = open(&log).await?;
        let post = Arc::new(Post {
            log: log.clone(),
            claims,
            tokens,
            sender,
            out,
            retry: config.retry,
            clock: Box::new(clock),
            counters: Arc::clone(&counters),
        });
        let hands = Arc::new(Semaphore::new(HANDS));
        for reactor in reactors {
            let worker = Worker {
                post: Arc::clone(&post),
                hands: Arc::clone(&hands),
                stop: stop.clone(),
                tasks: tasks.clone(),
            };
            tasks.spawn(worker.run(reactor));
        }
        let counting = count_backlog(log, counters);
        tasks.spawn(stop.run_until_cancelled_owned(counting));
        tasks.close();
        Ok(mailer)
    }

    /// Finishes what is on its way and stops. What waits is somebody else's,
    /// or waits for the next start.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        self.counters.health()
    }
}

/// Makes what is missing beside the log, however long NATS takes.
async fn open(log: &Log) -> Result<(Claims, Vec<Reactor>), LogError> {
    let mut ticks = interval(AGAIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match open_at_once(log).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "mail waits for NATS");
            }
            outcome => return outcome,
        }
    }
}

async fn open_at_once(log: &Log) -> Result<(Claims, Vec<Reactor>), LogError> {
    let claims = log.claims(CLAIMS, CLAIMS_KEPT).await?;
    let mut reactors = Vec::new();
    for shard in 0..log.shards() {
        let config = ReactorConfig {
            name: CONSUMER,
            noun: Noun::Account,
            ack_wait: ACK_WAIT,
            max_waiting: MAX_WAITING,
            begin: Begin::WithWhatIsNew,
        };
        reactors.push(log.reactor(config, shard).await?);
    }
    Ok((claims, reactors))
}

/// Takes the messages of one shard.
struct Worker {
    post: Arc<Post>,
    hands: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Worker {
    async fn run(self, mut reactor: Reactor) {
        while let Some(next) = self.stop.run_until_cancelled(reactor.next()).await {
            let delivery = match next {
                Ok(delivery) => delivery,
                Err(error) => {
                    tracing::error!(%error, "a mailer stopped");
                    self.post.counters.note(error.to_string());
                    return;
                }
            };
            let hand = Arc::clone(&self.hands).acquire_owned();
            let hand = self
                .stop
                .run_until_cancelled(while_busy(&delivery, hand))
                .await;
            let Some(Ok(hand)) = hand else {
                delivery.later(Duration::ZERO).await;
                break;
            };
            let post = Arc::clone(&self.post);
            self.tasks.spawn(async move {
                let verdict = while_busy(&delivery, post.handle(&delivery)).await;
                match verdict {
                    Verdict::Done => delivery.done().await,
                    Verdict::Later(after) => delivery.later(after).await,
                    Verdict::GiveUp => delivery.give_up().await,
                }
                drop(hand);
            });
        }
        reactor.leave().await;
    }
}

/// Says again and again that the message is being worked on.
async fn while_busy<T>(delivery: &Delivery, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(outcome) = tokio::time::timeout(BUSY, &mut work).await {
            return outcome;
        }
        delivery.still_busy().await;
    }
}

async fn count_backlog(log: Log, counters: Arc<Counters>) {
    let mut ticks = interval(COUNTED);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut waiting = Some(0);
        for shard in 0..log.shards() {
            let backlog = log.reactor_backlog(CONSUMER, shard).await;
            waiting = waiting.zip(backlog.ok()).map(|(sum, more)| sum + more);
        }
        if let Some(waiting) = waiting {
            counters.waiting.store(waiting, Ordering::Relaxed);
        }
    }
}
