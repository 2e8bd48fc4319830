//! The messages about one entity up to a moment, readable.

use std::collections::{BTreeSet, HashMap};

use countersign_events::{
    AccountId, AnyEvent, EntityId, Envelope, Position, Sealed, SessionId, Timestamp,
};
use countersign_log::{DataKey, HISTORY_MAX, LogError, RawMessage};
use countersign_views::session::AsOf;
use countersign_views::{account, session};

use super::causes::Causes;
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
        messages.iter().map(Told::of).collect()
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
    pub(super) fn account(&self, id: AccountId) -> Result<Option<account::Account>, Denied> {
        let mut past = account::Past::new(id);
        for told in &self.told {
            let open = self.opener(&told.header);
            past.add(told.position, &told.header, &told.events, open)?;
        }
        Ok(past.account().cloned())
    }

    /// What it makes of a session.
    pub(super) fn session(
        &self,
        id: SessionId,
        account: AccountId,
    ) -> Result<Option<session::Session>, Denied> {
        let mut past = session::Past::new(id, account);
        for told in &self.told {
            let open = self.opener(&told.header);
            past.add(told.position, &told.header, &told.events, open)?;
        }
        Ok(past.session())
    }

    /// The event that gave each field of an account the value it is shown with.
    pub(super) fn account_causes(&self, id: AccountId) -> Result<Causes, Denied> {
        self.causes(&account::Past::new(id), |past, told, events| {
            let open = self.opener(&told.header);
            past.add(told.position, &told.header, events, open)?;
            Ok(past.account().cloned().map(show::account))
        })
    }

    /// The same of a session, with its state as it is at `at`.
    pub(super) fn session_causes(
        &self,
        id: SessionId,
        account: AccountId,
        at: Timestamp,
    ) -> Result<Causes, Denied> {
        self.causes(&session::Past::new(id, account), |past, told, events| {
            let open = self.opener(&told.header);
            past.add(told.position, &told.header, events, open)?;
            Ok(past.session().map(|row| show::session(row, at)))
        })
    }

    /// Folds message by message, and each event by event, so that of several
    /// events of one decision the right one is named. A message is folded
    /// whole in the end: its events count together.
    fn causes<P: Clone, T: serde::Serialize>(
        &self,
        nothing: &P,
        fold: impl Fn(&mut P, &Told, &[AnyEvent]) -> Result<Option<T>, Denied>,
    ) -> Result<Causes, Denied> {
        let mut causes = Causes::default();
        let mut past = nothing.clone();
        for told in &self.told {
            let mut folded = past.clone();
            for (index, event) in told.events.iter().enumerate() {
                folded = past.clone();
                let shown = fold(&mut folded, told, &told.events[..=index])?;
                causes.changed(told, event, shown.as_ref())?;
            }
            past = folded;
        }
        Ok(causes)
    }
}

#[cfg(test)]
mod tests {
    use countersign_events::Subject;
    use countersign_openapi::ProblemCode;

    use super::*;
    use crate::http::Problem;

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
