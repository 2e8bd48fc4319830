//! Who carries orders out: every instance, each the orders it is given. An
//! order whose instance goes away is given to another.

use std::sync::Arc;
use std::time::Duration;

use countersign_events::{Noun, RevocationEvent, RevocationId};
use countersign_log::{Begin, Delivery, Reactor, ReactorConfig};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::carry::{HANDS, carry_out};
use crate::app::App;
use crate::denied::Denied;

/// How many orders one instance carries out at once.
const ORDERS: usize = 4;

/// An order of which nothing was heard for so long goes to another instance.
const ACK_WAIT: Duration = Duration::from_secs(10);

/// How often it is said that work goes on.
const BUSY: Duration = Duration::from_secs(3);

/// After how long something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What carries orders out, beside the service.
pub(crate) struct Runner {
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Worker {
    app: Arc<App>,
    orders: Arc<Semaphore>,
    ends: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Runner {
    /// Starts. When this returns, no order that is given from then on is
    /// missed.
    pub(crate) async fn start(app: &Arc<App>) -> Result<Self, Denied> {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let orders = Arc::new(Semaphore::new(ORDERS));
        let ends = Arc::new(Semaphore::new(HANDS));
        for shard in 0..app.log.shards() {
            let config = ReactorConfig {
                name: "revocation",
                noun: Noun::Revocation,
                ack_wait: ACK_WAIT,
                max_waiting: 1_024,
                begin: Begin::AtTheFirst,
            };
            let reactor = open(app, config, shard).await?;
            let worker = Worker {
                app: Arc::clone(app),
                orders: Arc::clone(&orders),
                ends: Arc::clone(&ends),
                stop: stop.clone(),
                tasks: tasks.clone(),
            };
            tasks.spawn(worker.run(reactor));
        }
        tasks.close();
        Ok(Self { stop, tasks })
    }

    /// Gives back what is under way and stops.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Worker {
    async fn run(self, mut reactor: Reactor) {
        while let Some(next) = self.stop.run_until_cancelled(reactor.next()).await {
            let delivery = match next {
                Ok(delivery) => delivery,
                Err(error) => {
                    tracing::error!(%error, "orders of a shard are not carried out here");
                    return;
                }
            };
            if !is_order(&delivery) {
                delivery.done().await;
                continue;
            }
            let turn = Arc::clone(&self.orders).acquire_owned();
            let turn = self
                .stop
                .run_until_cancelled(while_busy(&delivery, turn))
                .await;
            let Some(Ok(turn)) = turn else {
                delivery.later(Duration::ZERO).await;
                break;
            };
            let (app, ends) = (Arc::clone(&self.app), Arc::clone(&self.ends));
            let stop = self.stop.clone();
            self.tasks.spawn(async move {
                let work = while_busy(&delivery, Box::pin(handle(&app, &delivery, &ends)));
                match stop.run_until_cancelled(work).await {
                    Some(Ok(())) => delivery.done().await,
                    Some(Err(error)) => {
                        let position = delivery.message.position;
                        tracing::warn!(%position, %error, "an order is not carried out yet");
                        delivery.later(AGAIN).await;
                    }
                    None => delivery.later(Duration::ZERO).await,
                }
                drop(turn);
            });
        }
        reactor.leave().await;
    }
}

/// Joins in, however long NATS takes.
async fn open(app: &App, config: ReactorConfig, shard: u8) -> Result<Reactor, Denied> {
    let mut ticks = tokio::time::interval(AGAIN);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match app.log.reactor(config.clone(), shard).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(shard, %error, "revocations wait for NATS");
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// What became of an order needs nobody to do anything.
fn is_order(delivery: &Delivery) -> bool {
    let Ok(envelope) = delivery.message.envelope() else {
        return true;
    };
    let events = envelope.events::<RevocationEvent>().unwrap_or_default();
    let requested = |event: &RevocationEvent| matches!(event, RevocationEvent::Requested(_));
    events.is_empty() || events.iter().any(requested)
}

async fn handle(app: &App, delivery: &Delivery, ends: &Semaphore) -> Result<(), Denied> {
    let id = RevocationId::from_uuid(delivery.message.subject.id);
    let order = app.order(id).await?;
    let order = order.ok_or_else(|| Denied::Broken("an order that is not in the log".into()))?;
    carry_out(app, &order, ends).await
}

/// Says again and again that the order is being carried out.
async fn while_busy<T>(delivery: &Delivery, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(outcome) = tokio::time::timeout(BUSY, &mut work).await {
            return outcome;
        }
        delivery.still_busy().await;
    }
}
