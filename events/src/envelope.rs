//! The envelope: one decision as one message.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    AccountEvent, AccountId, ClientEvent, ClientId, EmailEvent, EntityId, EventSet, FactorEvent,
    GrantEvent, KeyEvent, MessageId, Noun, Position, RevocationEvent, SessionEvent, Subject,
    Timestamp,
};

/// The version of the envelope itself.
const ENVELOPE_VERSION: u16 = 1;

/// Who caused a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    content = "id",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub enum Actor {
    /// A signed-in account, or one that is signing in.
    Account(AccountId),
    /// Countersign itself.
    System,
    /// Nobody who is known: a registration, a forged token.
    Anonymous,
    /// A service, as itself.
    Client(ClientId),
}

/// A decision: the events it made, and the circumstances.
///
/// `E` is the event set of the subject's noun.
#[derive(Debug, Clone)]
pub struct Envelope<E> {
    /// The id of the message, its command and its first event.
    pub id: MessageId,
    /// The entity it is about.
    pub subject_id: Uuid,
    /// When it was decided, by the clock of the service that decided.
    pub occurred_at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// The account whose data key sealed the fields in it, if any is sealed.
    pub account: Option<AccountId>,
    /// The request it belongs to.
    pub correlation: Uuid,
    /// The message that led to it, if one did.
    pub causation: Option<MessageId>,
    /// W3C Trace Context `traceparent` of the request.
    pub trace_parent: Option<String>,
    /// What happened, in order; never empty.
    pub events: Vec<E>,
    /// The entity's state after these events, as its writer folded it. Only a
    /// help for loading long streams quickly: never the truth, ignored by
    /// replay, and dropped when its version is not the reader's.
    pub state: Option<Box<RawValue>>,
}

/// What makes a message unreadable. Nothing unreadable is ever skipped.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not the JSON that its name and version promise.
    #[error("malformed event: {0}")]
    Json(#[from] serde_json::Error),
    /// No event of that name and version is known to this program.
    #[error("unknown event {noun}.{name} version {version}: written by a newer program?")]
    UnknownEvent {
        /// The noun it stands under.
        noun: Noun,
        /// Its stored name, cut to 64 characters.
        name: String,
        /// Its stored version.
        version: u16,
    },
    /// The envelope is of a version that is not known to this program.
    #[error("unknown envelope version {0}: written by a newer program?")]
    UnknownEnvelope(u16),
    /// The message says it is about something other than its subject.
    #[error("the message belongs on another subject")]
    WrongSubject,
    /// A decision without events cannot have been stored by this program.
    #[error("the message holds no event")]
    Empty,
}

impl From<core::convert::Infallible> for DecodeError {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEvent<'a> {
    name: std::borrow::Cow<'a, str>,
    v: u16,
    #[serde(borrow)]
    data: std::borrow::Cow<'a, RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEnvelope<'a> {
    envelope: u16,
    id: MessageId,
    noun: Noun,
    subject_id: Uuid,
    occurred_at: Timestamp,
    actor: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    correlation: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace_parent: Option<String>,
    #[serde(borrow)]
    events: Vec<WireEvent<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    state: Option<&'a RawValue>,
}

/// Only the version, to tell "newer" from "broken".
#[derive(Deserialize)]
struct VersionOnly {
    envelope: u16,
}

impl<E: EventSet> Envelope<E> {
    /// The bytes to store.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let events = self
            .events
            .iter()
            .map(|event| {
                Ok(WireEvent {
                    name: event.name().into(),
                    v: event.version(),
                    data: std::borrow::Cow::Owned(event.encode()?),
                })
            })
            .collect::<Result<_, serde_json::Error>>()?;
        serde_json::to_vec(&WireEnvelope {
            envelope: ENVELOPE_VERSION,
            id: self.id,
            noun: E::NOUN,
            subject_id: self.subject_id,
            occurred_at: self.occurred_at,
            actor: self.actor,
            account: self.account,
            correlation: self.correlation,
            causation: self.causation,
            trace_parent: self.trace_parent.clone(),
            events,
            state: self.state.as_deref(),
        })
    }
}

/// An envelope whose events are still bytes: what a reader that follows all
/// nouns sees first.
#[derive(Debug)]
pub struct RawEnvelope<'a> {
    subject: Subject,
    wire: WireParts<'a>,
}

#[derive(Debug)]
struct WireParts<'a> {
    header: Envelope<()>,
    events: Vec<(
        std::borrow::Cow<'a, str>,
        u16,
        std::borrow::Cow<'a, RawValue>,
    )>,
    state: Option<&'a RawValue>,
}

impl<'a> RawEnvelope<'a> {
    /// Reads the envelope of the message stored on `subject`.
    pub fn parse(subject: Subject, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: WireEnvelope<'a> = match serde_json::from_slice(bytes) {
            Ok(wire) => wire,
            Err(error) => {
                return Err(match serde_json::from_slice::<VersionOnly>(bytes) {
                    Ok(found) if found.envelope != ENVELOPE_VERSION => {
                        DecodeError::UnknownEnvelope(found.envelope)
                    }
                    _ => error.into(),
                });
            }
        };
        if wire.envelope != ENVELOPE_VERSION {
            return Err(DecodeError::UnknownEnvelope(wire.envelope));
        }
        if wire.noun != subject.noun || wire.subject_id != subject.id {
            return Err(DecodeError::WrongSubject);
        }
        if wire.events.is_empty() {
            return Err(DecodeError::Empty);
        }
        Ok(Self {
            subject,
            wire: WireParts {
                header: Envelope {
                    id: wire.id,
                    subject_id: wire.subject_id,
                    occurred_at: wire.occurred_at,
                    actor: wire.actor,
                    account: wire.account,
                    correlation: wire.correlation,
                    causation: wire.causation,
                    trace_parent: wire.trace_parent,
                    events: Vec::new(),
                    state: None,
                },
                events: wire
                    .events
                    .into_iter()
                    .map(|event| (event.name, event.v, event.data))
                    .collect(),
                state: wire.state,
            },
        })
    }

    /// The subject it stands on.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// The circumstances, without the events.
    pub fn header(&self) -> &Envelope<()> {
        &self.wire.header
    }

    /// The state its writer left, still encoded.
    pub fn state(&self) -> Option<&'a RawValue> {
        self.wire.state
    }

    /// The stored `(name, version, data)` of each event, in order.
    pub fn raw_events(&self) -> impl Iterator<Item = (&str, u16, &RawValue)> {
        self.wire
            .events
            .iter()
            .map(|(name, version, data)| (name.as_ref(), *version, data.as_ref()))
    }

    /// Decodes the events as those of one noun.
    pub fn events<E: EventSet>(&self) -> Result<Vec<E>, DecodeError> {
        if E::NOUN != self.subject.noun {
            return Err(DecodeError::WrongSubject);
        }
        self.raw_events()
            .map(|(name, version, data)| E::decode(name, version, data))
            .collect()
    }

    /// Decodes the events, whatever their noun.
    pub fn any_events(&self) -> Result<Vec<AnyEvent>, DecodeError> {
        Ok(match self.subject.noun {
            Noun::Account => self.wrap(AnyEvent::Account)?,
            Noun::Session => self.wrap(AnyEvent::Session)?,
            Noun::Email => self.wrap(AnyEvent::Email)?,
            Noun::Key => self.wrap(AnyEvent::Key)?,
            Noun::Factor => self.wrap(AnyEvent::Factor)?,
            Noun::Client => self.wrap(AnyEvent::Client)?,
            Noun::Grant => self.wrap(AnyEvent::Grant)?,
            Noun::Revocation => self.wrap(AnyEvent::Revocation)?,
        })
    }

    fn wrap<E: EventSet>(
        &self,
        into: impl Fn(E) -> AnyEvent,
    ) -> Result<Vec<AnyEvent>, DecodeError> {
        Ok(self.events()?.into_iter().map(into).collect())
    }

    /// Decodes the whole envelope as one of a noun. The state hint is left
    /// behind.
    pub fn typed<E: EventSet>(&self) -> Result<Envelope<E>, DecodeError> {
        let events = self.events()?;
        let header = self.wire.header.clone();
        Ok(Envelope {
            id: header.id,
            subject_id: header.subject_id,
            occurred_at: header.occurred_at,
            actor: header.actor,
            account: header.account,
            correlation: header.correlation,
            causation: header.causation,
            trace_parent: header.trace_parent,
            events,
            state: None,
        })
    }
}

/// An event of any noun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyEvent {
    /// Of an account.
    Account(AccountEvent),
    /// Of a session.
    Session(SessionEvent),
    /// Of an email reservation.
    Email(EmailEvent),
    /// Of the keyring.
    Key(KeyEvent),
    /// Of a second factor's uses.
    Factor(FactorEvent),
    /// Of a client.
    Client(ClientEvent),
    /// Of a client's grant.
    Grant(GrantEvent),
    /// Of a revocation.
    Revocation(RevocationEvent),
}

/// A decoded message and where it stands.
#[derive(Debug, Clone)]
pub struct Stored<E> {
    /// Where it stands.
    pub position: Position,
    /// The message.
    pub envelope: Envelope<E>,
}

impl<E: EventSet> Stored<E> {
    /// The entity it is about.
    pub fn id(&self) -> E::Id {
        E::Id::from_uuid(self.envelope.subject_id)
    }
}
