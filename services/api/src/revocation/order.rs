//! An order as the log has it.

use countersign_events::{
    AccountId, Actor, MessageId, Position, RevocationEvent, RevocationId, Timestamp,
};
use countersign_log::RawMessage;
use countersign_openapi as wire;
use countersign_views::session::{AsOf, Selection, StateFilter};
use uuid::Uuid;

use super::Terms;
use crate::app::App;
use crate::as_of;
use crate::denied::Denied;

/// What has become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finish {
    /// Whether it was carried out, with or without failures, or given up.
    pub(crate) state: wire::RevocationState,
    pub(crate) ended: u64,
    pub(crate) already_over: Option<u64>,
    pub(crate) failed: Option<u64>,
    pub(crate) at: Timestamp,
}

/// An order, read whole.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) id: RevocationId,
    /// The message that the ends name as their cause.
    pub(crate) message: MessageId,
    /// The request it came by.
    pub(crate) correlation: Uuid,
    pub(crate) by: Actor,
    pub(crate) requested_at: Timestamp,
    pub(crate) fence: Vec<u64>,
    /// What it says; none once the operator was erased.
    pub(crate) terms: Option<Terms>,
    /// Why it was given; none likewise.
    pub(crate) reason: Option<String>,
    /// How many sessions it is about, and since when that is known.
    pub(crate) counted: Option<(u64, Timestamp)>,
    pub(crate) finish: Option<Finish>,
    pub(crate) position: Position,
}

impl Order {
    /// As of when it counts; none if that cannot be read any more.
    pub(crate) fn as_of(&self) -> AsOf {
        let at = self.terms.as_ref().map(|terms| terms.at);
        AsOf {
            fence: self.fence.clone(),
            at: at.unwrap_or(self.requested_at),
        }
    }

    /// Which sessions it is about; none if that cannot be read any more.
    pub(crate) fn selection(&self) -> Result<Option<Selection>, Denied> {
        let terms = self.terms.as_ref();
        let selection = terms.map(|terms| terms.selection(StateFilter::Active));
        selection.transpose()
    }

    pub(crate) fn state(&self) -> wire::RevocationState {
        match (self.finish, self.counted) {
            (Some(finish), _) => finish.state,
            (None, Some(_)) => wire::RevocationState::Running,
            (None, None) => wire::RevocationState::Requested,
        }
    }

    /// As it is shown. `ended` is how many sessions name it as their cause.
    pub(crate) fn show(&self, ended: u64) -> wire::Revocation {
        let finish = self.finish.as_ref();
        wire::Revocation {
            id: self.id.uuid(),
            state: self.state(),
            by: match self.by {
                Actor::Account(id) => id.to_string(),
                _ => "system".to_owned(),
            },
            requested_at: self.requested_at.to_datetime(),
            as_of: Some(as_of::show(&self.as_of())),
            predicate: self.terms.as_ref().map(Terms::show),
            reason: self.reason.clone(),
            matched: self.counted.map(|(matched, _)| matched),
            ended: finish
                .filter(|finish| finish.failed.is_some())
                .map_or(ended, |finish| finish.ended),
            already_over: finish.and_then(|finish| finish.already_over),
            failed: finish.and_then(|finish| finish.failed),
            started_since: None,
            started_at: self.counted.map(|(_, at)| at.to_datetime()),
            finished_at: finish.map(|finish| finish.at.to_datetime()),
            position: self.position.to_string(),
            applied: None,
        }
    }
}

impl App {
    /// Reads an order; none if there is no such.
    pub(crate) async fn order(&self, id: RevocationId) -> Result<Option<Order>, Denied> {
        let subject = self.log.subject_of(id);
        let mut order = None;
        for message in self.log.history(subject, 1).await? {
            self.fold_order(id, &mut order, &message).await?;
        }
        Ok(order)
    }

    async fn fold_order(
        &self,
        id: RevocationId,
        order: &mut Option<Order>,
        message: &RawMessage,
    ) -> Result<(), Denied> {
        let envelope = message.envelope()?;
        let header = envelope.header();
        let events = envelope
            .events::<RevocationEvent>()
            .map_err(|error| Denied::Broken(error.to_string()))?;
        for event in events {
            match (event, order.as_mut()) {
                (RevocationEvent::Requested(requested), None) => {
                    let key = match header.account {
                        Some(account) => self.sealing(account).await?,
                        None => None,
                    };
                    let open = |sealed, field| match &key {
                        Some((account, key)) => {
                            key.open(sealed, *account, header.id, field).map(Some)
                        }
                        None => Ok(None),
                    };
                    let terms = open(&requested.predicate, "predicate")?;
                    let note = requested.note.as_ref();
                    let reason = note.map(|note| open(note, "note")).transpose()?;
                    *order = Some(Order {
                        id,
                        message: header.id,
                        correlation: header.correlation,
                        by: header.actor,
                        requested_at: header.occurred_at,
                        fence: requested.fence,
                        terms: terms.as_deref().map(Terms::decode).transpose()?,
                        reason: reason.flatten(),
                        counted: None,
                        finish: None,
                        position: message.position,
                    });
                }
                (RevocationEvent::Counted(counted), Some(order)) => {
                    order.counted = Some((counted.matched, header.occurred_at));
                }
                (RevocationEvent::Completed(completed), Some(order)) => {
                    order.finish.get_or_insert(Finish {
                        state: match completed.failed {
                            0 => wire::RevocationState::Completed,
                            _ => wire::RevocationState::Failed,
                        },
                        ended: completed.ended,
                        already_over: Some(completed.already_over),
                        failed: Some(completed.failed),
                        at: header.occurred_at,
                    });
                }
                (RevocationEvent::Cancelled(cancelled), Some(order)) => {
                    order.finish.get_or_insert(Finish {
                        state: wire::RevocationState::Cancelled,
                        ended: cancelled.ended,
                        already_over: None,
                        failed: None,
                        at: header.occurred_at,
                    });
                }
                (_, None) | (RevocationEvent::Requested(_), Some(_)) => {}
            }
            if let Some(order) = order.as_mut() {
                order.position = message.position;
            }
        }
        Ok(())
    }

    async fn sealing(
        &self,
        account: AccountId,
    ) -> Result<Option<(AccountId, countersign_log::DataKey)>, Denied> {
        let key = self.log.vault().data_key(account).await?;
        Ok(key.map(|key| (account, key)))
    }
}
