//! From a message of the log to mails.

mod account;

use std::sync::Arc;
use std::time::Duration;

use countersign_events::{AccountEvent, AccountId, Position, Timestamp};
use countersign_log::{Claim, Claims, Delivery, Held, Log};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::compose::{Mail, compose};
use crate::config::{Retry, Sender};
use crate::health::{Counters, count};
use crate::letter::Written;
use crate::plan::plan;
use crate::token::ActionTokens;
use crate::transport::{Opened, Out};
use crate::trouble::{Failure, Trouble};
use crate::words;

use account::{Addressed, Situation};

pub(crate) type Clock = dyn Fn() -> Timestamp + Send + Sync;

/// What turns messages into mails.
pub(crate) struct Post {
    pub(crate) log: Log,
    pub(crate) claims: Claims,
    pub(crate) tokens: ActionTokens,
    pub(crate) sender: Sender,
    pub(crate) out: Out,
    pub(crate) retry: Retry,
    pub(crate) clock: Box<Clock>,
    pub(crate) counters: Arc<Counters>,
}

/// What became of one mail.
enum Outcome {
    /// There is nothing left to do.
    Done,
    /// It has to be tried again.
    Later(Trouble),
}

/// After so long a claim that was not settled belongs to a process that is
/// gone: no conversation takes that long.
const ABANDONED: Duration = Duration::from_mins(10);
/// What has happened so long ago is not told as news. Claims are kept for
/// longer than that, so nothing is ever told twice.
const OLD: Duration = Duration::from_hours(72);
/// How long an outcome may be tried to be written down.
const SETTLING: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(250);

impl Post {
    /// Deals with one delivery, whatever becomes of it.
    pub(crate) async fn handle(&self, delivery: &Delivery) -> Verdict {
        let position = delivery.message.position;
        let Err(trouble) = self.mails(delivery).await else {
            return Verdict::Done;
        };
        self.counters.failed(&trouble);
        let delay = self.retry.delay(delivery.tries);
        let since = self.first_try(delivery);
        let next = (self.clock)().plus(delay);
        if since.distance(next) > self.retry.give_up_after {
            count(&self.counters.given_up);
            tracing::error!(%position, tries = delivery.tries, %trouble, "a mail was given up");
            return Verdict::GiveUp;
        }
        count(&self.counters.retried);
        tracing::warn!(%position, tries = delivery.tries, %trouble, ?delay, "a mail has to wait");
        Verdict::Later(delay)
    }

    /// When its event happened; now, if even that cannot be read.
    fn first_try(&self, delivery: &Delivery) -> Timestamp {
        let envelope = delivery.message.envelope();
        envelope.map_or_else(|_| (self.clock)(), |envelope| envelope.header().occurred_at)
    }

    /// All mails of a message. An error says that some have to be tried again.
    async fn mails(&self, delivery: &Delivery) -> Result<(), Trouble> {
        let message = &delivery.message;
        let envelope = message.envelope().map_err(|_| Trouble::Unreadable)?;
        let events: Vec<AccountEvent> = envelope.events().map_err(|_| Trouble::Unreadable)?;
        let planned = plan(&events);
        if planned.is_empty() {
            return Ok(());
        }
        let header = envelope.header();
        let now = (self.clock)();
        if header.occurred_at.distance(now) > OLD {
            count(&self.counters.given_up);
            tracing::error!(position = %message.position, "an event is too old to be told by mail");
            return Ok(());
        }
        let account = AccountId::from_uuid(message.subject.id);
        let Some(situation) = Situation::read(&self.log, account, message).await? else {
            return Ok(());
        };
        let mut put_off = None;
        for mail in situation.addressed(planned, now) {
            let mail = match mail {
                Ok(mail) => mail,
                Err(trouble) => {
                    self.give_up(message.position, &trouble);
                    continue;
                }
            };
            let id = format!("{}.{}.{}", header.id, mail.kind.word(), mail.to.word());
            let written = self.write(&situation, &mail, header.occurred_at)?;
            match self.send(message.position, id, &mail, &written, now).await {
                Outcome::Done => {}
                Outcome::Later(trouble) => put_off = Some(trouble),
            }
        }
        put_off.map_or(Ok(()), Err)
    }

    fn write(
        &self,
        situation: &Situation,
        mail: &Addressed,
        at: Timestamp,
    ) -> Result<Written, Trouble> {
        let facts = words::Facts {
            account: situation.account,
            at,
            product: &self.sender.product,
            home: &self.sender.home,
            network: mail.network.clone(),
            agent: mail.agent.clone(),
        };
        let letter = words::letter(&mail.kind, &facts, &self.tokens);
        letter.write(
            mail.name.as_deref(),
            &self.sender.product,
            &self.sender.home,
        )
    }

    async fn send(
        &self,
        position: Position,
        id: String,
        mail: &Addressed,
        written: &Written,
        now: Timestamp,
    ) -> Outcome {
        let form = self.out.form();
        let composed = match compose(&self.sender, &mail.address, id, written, now, form) {
            Ok(composed) => composed,
            Err(trouble) => {
                self.give_up(position, &trouble);
                return Outcome::Done;
            }
        };
        let opened = match self.out.open().await {
            Ok(opened) => opened,
            Err(trouble) => return Outcome::Later(trouble),
        };
        let held = match self.claims.claim(&composed.id, now).await {
            Ok(Claim::Granted(held)) => held,
            Ok(Claim::Settled) => return Outcome::Done,
            Ok(Claim::Taken { since }) if since.distance(now) < ABANDONED => {
                return Outcome::Later(Trouble::Claimed);
            }
            Ok(Claim::Taken { .. }) => {
                self.unknown(position, &Trouble::Claimed);
                return Outcome::Done;
            }
            Err(error) => {
                tracing::debug!(%position, %error, "no claim on a mail");
                return Outcome::Later(Trouble::Log);
            }
        };
        self.deliver(position, opened, composed, &held).await
    }

    async fn deliver(
        &self,
        position: Position,
        opened: Opened,
        mail: Mail,
        held: &Held,
    ) -> Outcome {
        match opened.deliver(mail).await {
            Ok(()) => {
                count(&self.counters.sent);
                self.write_down(held, Fate::Settled).await;
            }
            Err(Failure::Never(trouble)) => {
                self.give_up(position, &trouble);
                self.write_down(held, Fate::Settled).await;
            }
            Err(Failure::Unknown(trouble)) => {
                self.unknown(position, &trouble);
                self.write_down(held, Fate::Settled).await;
            }
            Err(Failure::NotYet(trouble)) => {
                self.write_down(held, Fate::Open).await;
                return Outcome::Later(trouble);
            }
        }
        Outcome::Done
    }

    /// Insists for a while. What cannot be written down leaves the claim as it
    /// is: then the mail is not sent again.
    async fn write_down(&self, held: &Held, fate: Fate) {
        let began = Instant::now();
        let mut ticks = interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let written = match fate {
                Fate::Settled => self.claims.settle(held).await,
                Fate::Open => self.claims.release(held).await,
            };
            match written {
                Ok(()) => return,
                Err(error) if began.elapsed() >= SETTLING => {
                    tracing::error!(%error, "the outcome of a mail could not be written down");
                    return;
                }
                Err(_) => {}
            }
        }
    }

    fn give_up(&self, position: Position, trouble: &Trouble) {
        count(&self.counters.given_up);
        self.counters.failed(trouble);
        tracing::error!(%position, %trouble, "a mail was given up");
    }

    fn unknown(&self, position: Position, trouble: &Trouble) {
        count(&self.counters.unknown);
        self.counters.failed(trouble);
        tracing::error!(
            %position, %trouble,
            "nobody knows whether a mail was accepted; it is not sent again"
        );
    }
}

/// What becomes of a claim.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Settled,
    Open,
}

/// What to tell the log of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    Later(Duration),
    GiveUp,
}
