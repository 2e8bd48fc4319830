//! Carrying out an order: every session it is about, by its own end.
//!
//! Nothing is kept of how far it came but the ends themselves. Whoever takes
//! an order over goes through all of it again, and finds what is done: an end
//! has the id that follows from the order and the session, so it is appended
//! once, and whoever repeats it counts it as the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_domain::{
    AccountCommand, AccountRefusal, RevocationCommand, RevocationRefusal, SessionCommand,
    SessionRefusal,
};
use countersign_events::{
    AccountId, Actor, EndReason, MessageId, RevocationCancelled, RevocationCompleted,
    RevocationCounted, SessionId,
};
use countersign_log::{ExecuteError, LogError, Meta, random};
use countersign_views::revocation::ended_by;
use countersign_views::session::{
    AsOf, Outcome, Selected, Selecting, Selection, StateFilter, select, totals,
};
use futures_util::{FutureExt, TryStreamExt, stream};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use super::{Order, Terms};
use crate::app::App;
use crate::denied::Denied;

/// How many sessions one instance ends at the same time, for all orders.
pub(super) const ENDS: usize = 64;

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
}

/// What has become of one session.
enum Done {
    Ended,
    AlreadyOver,
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
    let (sender, receiver) = mpsc::channel(usize::from(PAGE));
    let asking = ask(app, order.message, (selection, as_of), sender).boxed();
    let end = |selected: Selected| async move {
        let hand = hands.acquire().await;
        let _hand = hand.map_err(|_| Denied::Broken("the hands are gone".into()))?;
        let known = app.orders.recent(order.id).await;
        if !known.map_err(Denied::from)?.state.is_open() {
            return Err(Stopped::Cancelled);
        }
        match settle(app, order, &selected).await {
            Ok(Done::Ended) => tally.count(&tally.ended),
            Ok(Done::AlreadyOver) => tally.count(&tally.already_over),
            Err(Denied::Log(error)) if error.is_transient() => {
                tally.unsure.fetch_add(1, Ordering::Relaxed);
                if tally.in_a_row.fetch_add(1, Ordering::Relaxed) >= FAILURES_MOST {
                    return Err(Denied::Log(error).into());
                }
            }
            // Not about this session: the whole log is so.
            Err(Denied::Log(error @ LogError::ReadOnly(_))) => {
                return Err(Denied::Log(error).into());
            }
            Err(error) => {
                tracing::error!(session = %selected.id, %error, "a session was not ended");
                tally.count(&tally.failed);
            }
        }
        Ok(())
    };
    let ending = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|one| (one, receiver))
    });
    let ending = ending.try_for_each_concurrent(ENDS, end).boxed();
    tokio::try_join!(asking, ending).map(|_| ())
}

/// Hands on what is selected, and asks for a page while the one before is
/// worked on.
async fn ask(
    app: &App,
    cause: MessageId,
    (selection, as_of): (&Selection, &AsOf),
    hands: mpsc::Sender<Result<Selected, Stopped>>,
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
        for row in rows {
            if hands.send(Ok(row)).await.is_err() {
                return Ok(());
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Ends one session, unless the read models know that it is over for good.
async fn settle(app: &App, order: &Order, selected: &Selected) -> Result<Done, Denied> {
    match selected.outcome {
        Outcome::Ended => Ok(Done::Ended),
        Outcome::AlreadyOver if !selected.with_account => Ok(Done::AlreadyOver),
        // It ended with all of its account and may be the one that goes on.
        Outcome::AlreadyOver => end(app, order, selected).await.map(|_| Done::AlreadyOver),
        Outcome::Open => end(app, order, selected).await,
    }
}

async fn end(app: &App, order: &Order, selected: &Selected) -> Result<Done, Denied> {
    let meta = meta(app, order, selected.id.uuid(), Some(selected.account));
    let command = SessionCommand::End {
        reason: EndReason::RevokedByOperator,
        note: None,
    };
    let ended = match app.sessions.execute(selected.id, &meta, &command).await {
        // The log has forgotten it.
        Err(ExecuteError::Refused(SessionRefusal::Unknown)) => return Ok(Done::AlreadyOver),
        other => other.map_err(Denied::from)?,
    };
    app.revoke_locally(selected.id, meta.now)?;
    // By this call or by one before it, here or elsewhere.
    let is_ours = ended.state.last_message == Some(meta.message);
    Ok(if is_ours {
        Done::Ended
    } else {
        Done::AlreadyOver
    })
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

/// The circumstances of what an order does to an entity. The id follows from
/// both, so that nothing is done twice whoever does it.
fn meta(app: &App, order: &Order, entity: Uuid, account: Option<AccountId>) -> Meta {
    Meta {
        message: message_of(order.message, entity),
        now: app.clock.now(),
        actor: order.by,
        account,
        correlation: order.correlation,
        causation: Some(order.message),
        trace_parent: None,
    }
}

/// The time of the order's message, and the random bits of both mixed: as hard
/// to meet by chance as any other id.
fn message_of(order: MessageId, entity: Uuid) -> MessageId {
    let mut bytes = *order.uuid().as_bytes();
    let entity = entity.as_bytes();
    // The version and the variant stay as they are.
    bytes[6] ^= entity[6] & 0x0f;
    bytes[8] ^= entity[8] & 0x3f;
    for index in [7, 9, 10, 11, 12, 13, 14, 15] {
        bytes[index] ^= entity[index];
    }
    MessageId::from_uuid(Uuid::from_bytes(bytes))
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use countersign_events::Timestamp;

    use super::*;

    #[test]
    fn the_id_of_an_end_follows_from_the_order_and_the_session() {
        let at = Timestamp::from_millis(1_795_356_187_000);
        let orders = [1, 2].map(|seed| MessageId::generate(at, [seed; 10]));
        let account = AccountId::generate(at, [3; 10]);
        let mut seen = HashSet::new();
        for order in orders {
            for seed in 0..=255 {
                let session = SessionId::generate(account, at, [seed; 10]);
                let id = message_of(order, session.uuid());
                assert_eq!(id, message_of(order, session.uuid()));
                assert_eq!(id.uuid().get_version_num(), 7);
                assert_eq!(id.uuid().get_variant(), uuid::Variant::RFC4122);
                seen.insert(id);
            }
        }
        assert_eq!(seen.len(), 2 * 256);
    }
}
