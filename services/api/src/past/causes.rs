//! Which event gave a field its value.

use std::collections::BTreeMap;

use countersign_events::{AnyEvent, EventSet, Noun};
use countersign_openapi as wire;
use serde::Serialize;
use serde_json::{Map, Value};

use super::story::Told;
use crate::denied::Denied;
use crate::routes::show;

/// By field of what is shown: its cause.
pub(super) type Fields = BTreeMap<String, wire::Cause>;

/// By field of what is shown: the last event that changed it.
#[derive(Debug, Default)]
pub(super) struct Causes {
    shown: Map<String, Value>,
    causes: Fields,
}

impl Causes {
    /// Takes note of what is shown after an event; none if there is nothing
    /// to show any more, or not yet.
    pub(super) fn changed(
        &mut self,
        told: &Told,
        event: &AnyEvent,
        shown: Option<&impl Serialize>,
    ) -> Result<(), Denied> {
        let shown = shown.map(serde_json::to_value).transpose();
        let shown = match shown.map_err(|error| Denied::Broken(error.to_string()))? {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        for (field, value) in &shown {
            if self.shown.get(field) != Some(value) {
                self.causes.insert(field.clone(), cause(told, event));
            }
        }
        self.causes.retain(|field, _| shown.contains_key(field));
        self.shown = shown;
        Ok(())
    }

    /// By field.
    pub(super) fn into_fields(self) -> Fields {
        self.causes
    }
}

fn cause(told: &Told, event: &AnyEvent) -> wire::Cause {
    let (noun, name) = match event {
        AnyEvent::Account(event) => (Noun::Account, event.name()),
        AnyEvent::Session(event) => (Noun::Session, event.name()),
        AnyEvent::Email(event) => (Noun::Email, event.name()),
        AnyEvent::Key(event) => (Noun::Key, event.name()),
        AnyEvent::Factor(event) => (Noun::Factor, event.name()),
        AnyEvent::Client(event) => (Noun::Client, event.name()),
        AnyEvent::Grant(event) => (Noun::Grant, event.name()),
        AnyEvent::Revocation(event) => (Noun::Revocation, event.name()),
    };
    wire::Cause {
        position: told.position.to_string(),
        noun: noun.to_string(),
        name: name.to_owned(),
        at: told.header.occurred_at.to_datetime(),
        by: show::actor_text(told.header.actor),
    }
}
