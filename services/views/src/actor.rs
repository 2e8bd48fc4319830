//! Who ended something, as two columns: a word and an id.

use countersign_events::{AccountId, Actor, ClientId};
use uuid::Uuid;

use crate::ViewError;

/// The columns of an actor.
pub(crate) fn columns(actor: Actor) -> (&'static str, Option<Uuid>) {
    match actor {
        Actor::Account(account) => ("account", Some(account.uuid())),
        Actor::System => ("system", None),
        Actor::Anonymous => ("anonymous", None),
        Actor::Client(client) => ("client", Some(client.uuid())),
    }
}

/// The actor in two columns.
pub(crate) fn from_columns(kind: &str, id: Option<Uuid>) -> Result<Actor, ViewError> {
    match (kind, id) {
        ("account", Some(id)) => Ok(Actor::Account(AccountId::from_uuid(id))),
        ("system", None) => Ok(Actor::System),
        ("anonymous", None) => Ok(Actor::Anonymous),
        ("client", Some(id)) => Ok(Actor::Client(ClientId::from_uuid(id))),
        _ => Err(ViewError::broken("a stored actor is of an unknown kind")),
    }
}
