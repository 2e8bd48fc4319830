//! What operators wrote when they did something to a person: sealed in the
//! log, and opened for operators only.

use countersign_events::{AccountId, Sealed};
use countersign_log::RawMessage;
use countersign_openapi as wire;
use countersign_views::history;

use super::show;
use crate::app::App;
use crate::denied::Denied;

/// Events of an account that say why.
const SAY_WHY: [&str; 4] = ["suspended", "reinstated", "roles_changed", "noted"];

/// Messages that are looked through for a reason: one of them may have none,
/// as nobody writes any on the command line of the machine itself.
const LOOKED_THROUGH: u16 = 4;

/// The name under which a reason is in a payload, and sealed.
const NOTE: &str = "note";

impl App {
    /// The events of a message about a person, with what an operator wrote
    /// opened. Of a person who was forgotten nothing is.
    pub(super) async fn events_with_notes(
        &self,
        message: &RawMessage,
    ) -> Result<Vec<wire::Event>, Denied> {
        let mut events = show::events(message)?;
        let envelope = message.envelope()?;
        let header = envelope.header();
        for event in &mut events {
            let Some(account) = header.account else {
                continue;
            };
            let Some(note) = event.payload.0.get(NOTE) else {
                continue;
            };
            let sealed: Sealed = serde_json::from_value(note.clone())
                .map_err(|error| Denied::Broken(error.to_string()))?;
            // A key may be believed in for a while after it was destroyed.
            if self.accounts.current(account).await?.state.is_erased() {
                continue;
            }
            let key = self.log.vault().data_key(account).await?;
            let opened = key.map(|key| key.open(&sealed, account, header.id, NOTE));
            event.note = opened.transpose()?;
        }
        Ok(events)
    }

    /// What an operator wrote when they last did something to an account as a
    /// whole; none if nobody did, or if it cannot be read any more.
    pub(super) async fn account_note(
        &self,
        id: AccountId,
    ) -> Result<Option<wire::AccountNote>, Denied> {
        let positions = history::last_named(&self.views, id, &SAY_WHY, LOOKED_THROUGH).await?;
        for position in positions {
            let Some(message) = self.log.message(position).await? else {
                continue;
            };
            let events = self.events_with_notes(&message).await?;
            if let Some(note) = said(&events) {
                return Ok(Some(note));
            }
        }
        Ok(None)
    }
}

/// The reason that events of one message give, and for what.
fn said(events: &[wire::Event]) -> Option<wire::AccountNote> {
    let (event, note) = events
        .iter()
        .find_map(|event| Some((event, event.note.clone()?)))?;
    let is_there = |name: &str| events.iter().any(|event| event.name == name);
    let what = match event.name.as_str() {
        // The note stands beside what it is about.
        "noted" if is_there("factor_removed") => "factors_reset",
        "noted" => "sessions_ended",
        name => name,
    };
    let by = event.actor.id.map(|id| id.to_string());
    Some(wire::AccountNote {
        at: event.occurred_at,
        by: by.unwrap_or_else(|| event.actor.kind.clone()),
        what: what.to_owned(),
        note,
        position: event.position.clone(),
    })
}
