//! Carrying out an order: every session it is about, by its own end.
//!
//! Nothing is kept of how far it came but the ends themselves. Whoever takes
//! an order over goes through all of it again, and finds what is done: an end
//! has the id that follows from the order and the session, so it is appended
//! once, and whoever repeats it counts it as the same.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_domain::{AccountCommand, AccountRefusal, RevocationCommand, RevocationRefusal};
use countersign_events::{
    Actor, EndReason, MessageId, RevocationCancelled, RevocationCompleted, RevocationCounted,
    SessionId,
};
use countersign_log::{ExecuteError, LogError, Meta, TOGETHER_MAX, random};
use countersign_views::revocation::ended_by;
use countersign_views::session::{
    AsOf, Selected, Selecting, Selection, StateFilter, select, totals,
};
use futures_util::{FutureExt, TryStreamExt, stream};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use super::end::{Done, meta, settle_all};
use super::{Order, Terms};
use crate::app::App;
use crate::denied::Denied;

/// How many shards' sessions one instance ends at the same time, for all
/// orders: so many times [`TOGETHER_MAX`].
pub(super) const HANDS: usize = 8;

/// Rows of a page. A list of all is never in memory.
const PAGE: u16 = 1_000;

/// How often what failed is tried again, and after how long.
const PASSES: u32 = 5;
const AGAIN: Duration = Duration::from_secs(1);

/// So many failures of the log one after the other are not about a session.
const FAILURES_MOST: u64 = 64;

/// What a pass over an order came to.
#[derive(Debug, Default)]
struct Tally {
    ended: AtomicU64,
    already_over: AtomicU64,
    /// Will fail again.
    failed: AtomicU64,
    /// May succeed when tried again.
    unsure: AtomicU64,
    /// Failures of the log since the last success.
    in_a_row: AtomicU64,
}

impl Tally {
    fn count(&self, what: &AtomicU64) {
        what.fetch_add(1, Ordering::Relaxed);
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    fn of(what: &AtomicU64) -> u64 {
        what.load(Ordering::Relaxed)
    }

    /// Takes in what became of a session; an error if it is not about that
    /// session.
    fn take(&self, session: SessionId, done: Result<Done, Denied>) -> Result<(), Stopped> {
        match done {
            Ok(Done::Ended) => self.count(&self.ended),
            Ok(Done::AlreadyOver) => self.count(&self.already_over),
            Err(Denied::Log(error)) if error.is_transient() => {
                self.unsure.fetch_add(1, Ordering::Relaxed);
                if self.in_a_row.fetch_add(1, Ordering::Relaxed) >= FAILURES_MOST {
                    return Err(Denied::Log(error).into());
                }
            }
            // The whole log is so.
            Err(Denied::Log(error @ LogError::ReadOnly(_))) => {
                return Err(Denied::Log(error).into());
            }
            Err(error) => {
                tracing::error!(%session, %error, "a session was not ended");
                self.count(&self.failed);
            }
        }
        Ok(())
    }
}

/// Why a pass stopped before its end.
enum Stopped {
    /// The order was given up.
    Cancelled,
    /// Something broke that is not about one session.
    Broken(Denied),
}

impl From<Denied> for Stopped {
    fn from(denied: Denied) -> Self {
        Self::Broken(denied)
    }
}

/// Carries an order out. An error means that it is to be tried again, which
/// repeats nothing. A session that the log fails on again and again does not
/// keep the order open for ever: it is counted as failed.
pub(super) async fn carry_out(app: &App, order: &Order, hands: &Semaphore) -> Result<(), Denied> {
    if order.finish.is_some() {
        return Ok(());
    }
    let Some(terms) = &order.terms else {
        // The operator was erased, and with them what they had said.
        let ended = ended_by(&app.views, order.message).await?;
        let command = RevocationCommand::Cancel(RevocationCancelled { ended });
        return note(app, order, Actor::System, &command).await;
    };
    app.reached_all(&order.fence).await?;
    if terms.whole_account && order.counted.is_none() {
        end_account(app, order, terms).await?;
    }
    let selection = terms.selection(StateFilter::Active)?;
    let as_of = order.as_of();
    if order.counted.is_none() {
        let nobodys = SessionId::from_uuid(Uuid::nil());
        let totals = totals(&app.views, &selection, &as_of, nobodys).await?;
        let matched = totals.matched;
        let command = RevocationCommand::Count(RevocationCounted { matched });
        note(app, order, order.by, &command).await?;
    }
    let mut ticks = tokio::time::interval(AGAIN);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut tally = Tally::default();
    for _ in 0..PASSES {
        ticks.tick().await;
        tally = Tally::default();
        match pass(app, order, (&selection, &as_of), hands, &tally).await {
            Err(Stopped::Cancelled) => return Ok(()),
            Err(Stopped::Broken(denied)) => return Err(denied),
            Ok(()) => {}
        }
        if Tally::of(&tally.unsure) == 0 {
            break;
        }
    }
    let unsure = Tally::of(&tally.unsure);
    let command = RevocationCommand::Complete(RevocationCompleted {
        ended: Tally::of(&tally.ended),
        already_over: Tally::of(&tally.already_over),
        failed: Tally::of(&tally.failed) + unsure,
    });
    note(app, order, order.by, &command).await
}

/// Goes through everything the order is about.
async fn pass(
    app: &App,
    order: &Order,
    (selection, as_of): (&Selection, &AsOf),
    hands: &Semaphore,
    tally: &Tally,
) -> Result<(), Stopped> {
    let (sender, receiver) = mpsc::channel(HANDS);
    let asking = ask(app, order.message, (selection, as_of), sender).boxed();
    let end = |sessions: Vec<Selected>| async move {
        let hand = hands.acquire().await;
        let _hand = hand.map_err(|_| Denied::Broken("the hands are gone".into()))?;
        let known = app.orders.recent(order.id).await;
        if !known.map_err(Denied::from)?.state.is_open() {
            return Err(Stopped::Cancelled);
        }
        for (id, done) in settle_all(app, order, &sessions).await {
            tally.take(id, done)?;
        }
        Ok(())
    };
    let ending = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|one| (Ok(one), receiver))
    });
    let ending = ending.try_for_each_concurrent(HANDS, end).boxed();
    tokio::try_join!(asking, ending).map(|_| ())
}

/// Hands on what is selected, each time sessions of one shard, and asks for a
/// page while the one before is worked on.
async fn ask(
    app: &App,
    cause: MessageId,
    (selection, as_of): (&Selection, &AsOf),
    hands: mpsc::Sender<Vec<Selected>>,
) -> Result<(), Stopped> {
    let mut asked = Selecting {
        cause,
        outcome: None,
        after: None,
        limit: PAGE,
    };
    loop {
        let rows = select(&app.views, selection, as_of, &asked).await;
        let rows = rows.map_err(Denied::from)?;
        let is_last = rows.len() < usize::from(PAGE);
        asked.after = rows.last().map(|last| last.id);
        let mut shards: BTreeMap<u8, Vec<Selected>> = BTreeMap::new();
        for row in rows {
            let shard = app.log.subject_of(row.id).shard;
            let sessions = shards.entry(shard).or_default();
            sessions.push(row);
            if sessions.len() == TOGETHER_MAX && hands.send(mem::take(sessions)).await.is_err() {
                return Ok(());
            }
        }
        for sessions in shards.into_values().filter(|rest| !rest.is_empty()) {
            if hands.send(sessions).await.is_err() {
                return Ok(());
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Ends all of an account by one event, and waits until the read models know.
async fn end_account(app: &App, order: &Order, terms: &Terms) -> Result<(), Denied> {
    let Some(account) = terms.only_account() else {
        return Err(Denied::Broken("an order of no account".into()));
    };
    let meta = meta(app, order, account.uuid(), Some(account));
    let command = AccountCommand::EndSessions {
        reason: EndReason::RevokedByOperator,
        note: None,
    };
    let ended = match app.accounts.execute(account, &meta, &command).await {
        Err(ExecuteError::Refused(AccountRefusal::Unknown | AccountRefusal::Erased)) => {
            return Ok(());
        }
        other => other.map_err(Denied::from)?,
    };
    app.raise_epoch_locally(account, ended.state.state.min_epoch, meta.now)?;
    app.projected.reached(&app.views, ended.position).await
}

/// Notes something about the order itself.
async fn note(
    app: &App,
    order: &Order,
    actor: Actor,
    command: &RevocationCommand,
) -> Result<(), Denied> {
    let now = app.clock.now();
    let meta = Meta {
        message: MessageId::generate(now, random()?),
        now,
        actor,
        account: None,
        correlation: order.correlation,
        causation: Some(order.message),
        trace_parent: None,
    };
    match app.orders.execute(order.id, &meta, command).await {
        // It was given up meanwhile.
        Ok(_) | Err(ExecuteError::Refused(RevocationRefusal::Cancelled)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
