//! The messages about one entity up to a moment, readable.

use std::collections::{BTreeSet, HashMap};

use countersign_events::{
    AccountId, AnyEvent, EntityId, Envelope, Position, Sealed, SessionId, Timestamp,
};
use countersign_log::{DataKey, HISTORY_MAX, LogError, RawMessage};
use countersign_views::session::AsOf;
use countersign_views::{account, session};
use serde::Serialize;
use tokio::task::coop::consume_budget;

use super::causes::{Causes, Fields};
use crate::app::App;
use crate::denied::Denied;
use crate::routes::show;

/// One message, decoded.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) position: Position,
    pub(super) header: Envelope<()>,
    pub(super) events: Vec<AnyEvent>,
}

impl Told {
    fn of(message: &RawMessage) -> Result<Self, Denied> {
        let envelope = message.envelope()?;
        let events = envelope.any_events().map_err(|error| LogError::Decode {
            position: message.position,
            subject: message.subject,
            error,
        })?;
        Ok(Self {
            position: message.position,
            header: envelope.header().clone(),
            events,
        })
    }
}

/// Messages in the order of the log, and the keys that open them.
pub(super) struct Story {
    told: Vec<Told>,
    keys: HashMap<AccountId, DataKey>,
}

/// The one field of a session that is its account's.
#[derive(Serialize)]
struct Address<'a> {
    email: Option<&'a str>,
}

/// What a list makes of it: one whose history is too long is left out, and the
/// others are answered.
pub(super) fn unless_too_long<T>(told: Result<T, Denied>) -> Result<Option<T>, Denied> {
    match told {
        Ok(told) => Ok(Some(told)),
        Err(Denied::Log(error @ LogError::TooLong { .. })) => {
            tracing::warn!(%error, "left out of a list as of a moment");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl App {
    async fn told<I: EntityId>(&self, id: I, as_of: &AsOf) -> Result<Vec<Told>, Denied> {
        let subject = self.log.subject_of(id);
        let last = as_of.fence.get(usize::from(subject.shard));
        let last = last.copied().unwrap_or_default();
        let messages = self.log.history_until(subject, last, HISTORY_MAX).await?;
        let mut told = Vec::with_capacity(messages.len());
        for message in &messages {
            consume_budget().await;
            told.push(Told::of(message)?);
        }
        Ok(told)
    }

    /// What is told of an account.
    pub(super) async fn account_story(&self, id: AccountId, as_of: &AsOf) -> Result<Story, Denied> {
        let told = self.told(id, as_of).await?;
        self.story(told).await
    }

    /// What is told of a session and its account, and whose it is. None of a
    /// session that nobody had begun.
    pub(super) async fn session_story(
        &self,
        id: SessionId,
        as_of: &AsOf,
    ) -> Result<Option<(AccountId, Story)>, Denied> {
        let mut told = self.told(id, as_of).await?;
        let Some(account) = told.iter().find_map(|told| session::owner(&told.events)) else {
            return Ok(None);
        };
        told.extend(self.told(account, as_of).await?);
        // Both are in the same shard, in one order.
        told.sort_by_key(|told| told.position.sequence);
        Ok(Some((account, self.story(told).await?)))
    }

    async fn story(&self, told: Vec<Told>) -> Result<Story, Denied> {
        let accounts = told.iter().filter_map(|told| told.header.account);
        let accounts: Vec<AccountId> = accounts.collect::<BTreeSet<_>>().into_iter().collect();
        let keys = self.log.vault().data_keys(&accounts).await?;
        Ok(Story { told, keys })
    }
}

impl Story {
    /// How many messages it has.
    pub(super) fn messages(&self) -> usize {
        self.told.len()
    }

    /// Opens what is sealed in a message. A key that is gone leaves nothing.
    fn opener<'a>(
        &'a self,
        header: &'a Envelope<()>,
    ) -> impl FnMut(&Sealed, &'static str) -> Result<Option<String>, Denied> + 'a {
        move |sealed, field| {
            let account = header.account.ok_or_else(|| {
                Denied::Broken("a message holds sealed fields and does not say whose".into())
            })?;
            let key = self.keys.get(&account);
            let text = key.map(|key| key.open(sealed, account, header.id, field));
            Ok(text.transpose()?)
        }
    }

    /// What it makes of an account.
    pub(super) async fn account(&self, id: AccountId) -> Result<Option<account::Account>, Denied> {
        let mut past = account::Past::new(id);
        for told in &self.told {
            consume_budget().await;
            let open = self.opener(&told.header);
            past.add(told.position, &told.header, &told.events, open)?;
        }
        Ok(past.account().cloned())
    }

    /// What it makes of a session.
    pub(super) async fn session(
        &self,
        id: SessionId,
        account: AccountId,
    ) -> Result<Option<session::Session>, Denied> {
        let mut past = session::Past::new(id, account);
        for told in &self.told {
            consume_budget().await;
            let open = self.opener(&told.header);
            past.add(told.position, &told.header, &told.events, open)?;
        }
        Ok(past.session())
    }

    /// What it makes of an account, with the event that gave each field the
    /// value it is shown with.
    pub(super) async fn account_told(
        &self,
        id: AccountId,
    ) -> Result<Option<(account::Account, Fields)>, Denied> {
        let mut causes = Causes::default();
        let fold = |past: &mut account::Past, told: &Told, events: &[AnyEvent]| {
            let open = self.opener(&told.header);
            past.add(told.position, &told.header, events, open)
        };
        let past = self.each_event(account::Past::new(id), fold, |past, told, event| {
            let shown = past.account().cloned().map(show::account);
            causes.changed(told, event, shown.as_ref())
        });
        let row = past.await?.account().cloned();
        Ok(row.map(|row| (row, causes.into_fields())))
    }

    /// The same of a session, with its state as it is at `at`. Its address was
    /// there before it, so the cause of that is what gave it to the account.
    pub(super) async fn session_told(
        &self,
        id: SessionId,
        account: AccountId,
        at: Timestamp,
    ) -> Result<Option<(session::Session, Fields)>, Denied> {
        let (mut causes, mut address) = (Causes::default(), Causes::default());
        let fold = |past: &mut session::Past, told: &Told, events: &[AnyEvent]| {
            let open = self.opener(&told.header);
            past.add(told.position, &told.header, events, open)
        };
        let nothing = session::Past::new(id, account);
        let past = self.each_event(nothing, fold, |past, told, event| {
            let email = past.account().map(|account| Address {
                email: account.email.as_deref(),
            });
            address.changed(told, event, email.as_ref())?;
            let shown = past.session().map(|row| show::session(row, at));
            causes.changed(told, event, shown.as_ref())
        });
        let row = past.await?.session();
        let mut causes = causes.into_fields();
        for (field, cause) in address.into_fields() {
            if let Some(shown) = causes.get_mut(&field) {
                *shown = cause;
            }
        }
        Ok(row.map(|row| (row, causes)))
    }

    /// Folds message by message, and shows what there is after each event, so
    /// that of several events of one decision the right one is named. A message
    /// is folded whole in the end: its events count together.
    ///
    /// There may be thousands, and whoever signs in has the same threads: every
    /// so many messages the others have their turn.
    async fn each_event<P: Clone>(
        &self,
        mut past: P,
        fold: impl Fn(&mut P, &Told, &[AnyEvent]) -> Result<(), Denied>,
        mut show: impl FnMut(&P, &Told, &AnyEvent) -> Result<(), Denied>,
    ) -> Result<P, Denied> {
        for told in &self.told {
            consume_budget().await;
            let Some((last, before)) = told.events.split_last() else {
                continue;
            };
            for (index, event) in before.iter().enumerate() {
                let mut part = past.clone();
                fold(&mut part, told, &told.events[..=index])?;
                show(&part, told, event)?;
            }
            fold(&mut past, told, &told.events)?;
            show(&past, told, last)?;
        }
        Ok(past)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use countersign_events::{Actor, MessageId, Subject};
    use countersign_openapi::ProblemCode;

    use uuid::Uuid;

    use super::*;
    use crate::http::Problem;

    #[tokio::test]
    async fn a_long_story_lets_others_have_their_turn() {
        let id = AccountId::generate(Timestamp::from_millis(1), [0; 10]);
        let told = |sequence| Told {
            position: Position { shard: 0, sequence },
            header: Envelope {
                id: MessageId::from_uuid(Uuid::nil()),
                subject_id: id.uuid(),
                occurred_at: Timestamp::from_millis(1),
                actor: Actor::System,
                account: None,
                correlation: Uuid::nil(),
                causation: None,
                trace_parent: None,
                events: Vec::new(),
                state: None,
            },
            events: Vec::new(),
        };
        let story = Story {
            told: (1..=1_000).map(told).collect(),
            keys: HashMap::new(),
        };
        let of = SessionId::from_uuid(id.uuid());
        let (mut alone, mut causes) = (
            pin!(story.session(of, id)),
            pin!(story.session_told(of, id, Timestamp::from_millis(2))),
        );
        assert!(futures_util::poll!(&mut alone).is_pending());
        assert!(futures_util::poll!(&mut causes).is_pending());
        assert!(matches!(alone.await, Ok(None)));
        assert!(matches!(causes.await, Ok(None)));
    }

    #[test]
    fn what_is_too_long_to_tell_is_left_out_of_lists_and_refused_alone() {
        let id = AccountId::generate(Timestamp::from_millis(1), [0; 10]);
        let too_long = || {
            Denied::Log(LogError::TooLong {
                subject: Subject::of(id, 1),
                max: HISTORY_MAX,
            })
        };
        assert!(matches!(unless_too_long(Ok(7)), Ok(Some(7))));
        let left_out = unless_too_long::<u8>(Err(too_long()));
        assert!(matches!(left_out, Ok(None)));
        let away = Denied::Log(LogError::Unavailable("away".into()));
        assert!(unless_too_long::<u8>(Err(away)).is_err());

        let problem = Problem::from(too_long());
        assert_eq!(problem.code(), ProblemCode::ValidationFailed);
        let errors = problem.details(None).errors;
        let parameters: Vec<_> = errors.iter().map(|error| &error.parameter).collect();
        assert_eq!(parameters, [&Some("as_of".to_owned())]);
    }
}
