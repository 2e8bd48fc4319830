//! How rows of the read models and events of the log are shown.

use countersign_events::{Actor, RawEnvelope, Timestamp};
use countersign_log::RawMessage;
use countersign_openapi as wire;
use countersign_views::{account, client, session};
use poem_openapi::types::Any;

use crate::denied::Denied;

/// A session as it is at `now`, for an operator.
pub(crate) fn session(row: session::Session, now: Timestamp) -> wire::Session {
    let state = match row.state(now) {
        session::SessionState::Active => wire::SessionState::Active,
        session::SessionState::Expired => wire::SessionState::Expired,
        session::SessionState::Revoked => wire::SessionState::Revoked,
    };
    wire::Session {
        id: row.id.uuid(),
        account_id: row.account.uuid(),
        email: row.email,
        state,
        client: row.client,
        ip: row.ip,
        user_agent: row.user_agent,
        acr: acr(&row.acr),
        amr: row.amr,
        started_at: row.started_at.to_datetime(),
        last_seen_at: row.last_seen_at.to_datetime(),
        expires_at: row.idle_expires_at.min(row.expires_at).to_datetime(),
        generation: row.generation,
        ended: row.ended.map(|ended| wire::Ended {
            at: ended.at.to_datetime(),
            by: actor_text(ended.by),
            reason: ended.reason,
            note: ended.note,
        }),
        elsewhere_at: row.elsewhere_at.map(Timestamp::to_datetime),
        current: None,
        position: row.position.to_string(),
        causes: None,
    }
}

/// The same for whoever it belongs to: what an operator wrote is for operators.
pub(crate) fn own_session(row: session::Session, now: Timestamp) -> wire::Session {
    let mut shown = session(row, now);
    if let Some(ended) = &mut shown.ended {
        ended.note = None;
    }
    shown
}

/// An assurance level by its name. What is unknown counts least.
pub(super) fn acr(name: &str) -> wire::Acr {
    match name {
        "aal3" => wire::Acr::Aal3,
        "aal2" => wire::Acr::Aal2,
        _ => wire::Acr::Aal1,
    }
}

pub(crate) fn actor_text(actor: Actor) -> String {
    match actor {
        Actor::Account(id) => id.to_string(),
        Actor::System => "system".into(),
        Actor::Anonymous => "anonymous".into(),
        Actor::Client(id) => format!("client {id}"),
    }
}

/// An account for an operator.
pub(crate) fn account(row: account::Account) -> wire::Account {
    wire::Account {
        id: row.id.uuid(),
        email: row.email.unwrap_or_default(),
        display_name: row.display_name,
        email_verified: row.email_verified,
        roles: row.roles,
        created_at: row.created_at.to_datetime(),
        state: match row.state.as_str() {
            "suspended" => wire::AccountState::Suspended,
            _ => wire::AccountState::Active,
        },
        mfa: !row.factors.is_empty(),
        factors: row.factors,
        sessions_active: None,
        noted: None,
        causes: None,
    }
}

/// A client for an operator.
pub(super) fn client(row: client::Client) -> wire::Client {
    wire::Client {
        id: row.id.uuid(),
        name: row.name,
        serves: row.serves,
        audiences: row.audiences,
        scopes: row.scopes,
        state: if row.is_disabled {
            wire::ClientState::Disabled
        } else {
            wire::ClientState::Active
        },
        secrets: row
            .secrets
            .into_iter()
            .map(|secret| wire::ClientSecret {
                id: secret.id.uuid(),
                added_at: secret.added_at.to_datetime(),
                expires_at: secret.expires_at.map(Timestamp::to_datetime),
            })
            .collect(),
        key_ids: row.key_ids,
        created_at: row.created_at.to_datetime(),
        position: row.position.to_string(),
    }
}

/// The events of a message. What is sealed in them stays sealed.
pub(super) fn events(message: &RawMessage) -> Result<Vec<wire::Event>, Denied> {
    let envelope = message.envelope()?;
    envelope
        .raw_events()
        .map(|(name, version, data)| event(message, &envelope, name, version, data.get()))
        .collect()
}

fn event(
    message: &RawMessage,
    envelope: &RawEnvelope<'_>,
    name: &str,
    version: u16,
    data: &str,
) -> Result<wire::Event, Denied> {
    let header = envelope.header();
    let payload = serde_json::from_str(data).map_err(|error| Denied::Broken(error.to_string()))?;
    let (kind, id) = match header.actor {
        Actor::Account(id) => ("account", Some(id.uuid())),
        Actor::System => ("system", None),
        Actor::Anonymous => ("anonymous", None),
        Actor::Client(id) => ("client", Some(id.uuid())),
    };
    Ok(wire::Event {
        id: header.id.uuid(),
        position: message.position.to_string(),
        noun: message.subject.noun.to_string(),
        subject_id: message.subject.id,
        name: name.to_owned(),
        version: version.into(),
        occurred_at: header.occurred_at.to_datetime(),
        actor: wire::EventActor {
            kind: kind.to_owned(),
            id,
        },
        correlation_id: header.correlation,
        causation_id: header.causation.map(countersign_events::MessageId::uuid),
        trace_parent: header.trace_parent.clone(),
        payload: Any(payload),
        note: None,
    })
}
