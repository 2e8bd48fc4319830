//! Load, decide, append.

mod together;

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::{Aggregate, Fact};
use countersign_events::{EntityId, Envelope, EventSet, MessageId, Position, Subject};

use crate::append::{Appended, Meta};
use crate::cache::Cache;
use crate::read::RawMessage;
use crate::{ExecuteError, Log, LogError};

/// An aggregate folded up to a sequence.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    /// The state.
    pub state: A,
    /// The sequence of its last message; 0 if it has none.
    pub sequence: u64,
    /// The id of its last message.
    pub last_message: Option<MessageId>,
}

/// What a command did.
#[derive(Debug, Clone)]
pub struct Executed<A: Aggregate> {
    /// The state after it.
    pub state: Arc<Loaded<A>>,
    /// What happened; empty if the command's aim was met already.
    pub events: Vec<A::Event>,
    /// Where the entity's last message stands.
    pub position: Position,
}

/// All aggregates of one kind.
#[derive(Clone)]
pub struct Repository<A: Aggregate> {
    log: Log,
    cache: Arc<Cache<A>>,
}

/// How often a lost race is run again.
const ATTEMPTS: u32 = 16;

impl<A: Aggregate> Repository<A> {
    /// The aggregates of this kind in `log`.
    pub fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            cache: Arc::new(Cache::new(log.cache_entries())),
        }
    }

    /// The state as this process knows it, possibly a moment old. For
    /// questions whose answer is proven otherwise, by an append or an epoch.
    pub async fn recent(&self, id: A::Id) -> Result<Arc<Loaded<A>>, LogError> {
        match self.cache.get(id) {
            Some(loaded) => Ok(loaded),
            None => self.load(id).await,
        }
    }

    /// The state as it was after this call began: what the leader's log says.
    pub async fn current(&self, id: A::Id) -> Result<Arc<Loaded<A>>, LogError> {
        let subject = self.log.subject_of(id);
        let last = self.log.last_from_leader(subject).await?;
        let sequence = last.as_ref().map_or(0, |last| last.position.sequence);
        if let Some(held) = self.cache.get(id)
            && held.sequence == sequence
        {
            return Ok(held);
        }
        let loaded = match last {
            None => Loaded::empty(),
            Some(last) => match restore(&last)? {
                Some(loaded) => loaded,
                None => self.fold(subject).await?,
            },
        };
        if loaded.sequence < sequence {
            return Err(LogError::Unavailable(
                "a replica is behind its leader".into(),
            ));
        }
        Ok(self.keep(id, loaded))
    }

    /// Tells the cache that a message was seen.
    pub fn seen(&self, message: &RawMessage) {
        if message.subject.noun == <A::Event as EventSet>::NOUN {
            let id = A::Id::from_uuid(message.subject.id);
            self.cache.outdated(id, message.position.sequence);
        }
    }

    /// Carries out a command: load, decide, append, and again if somebody else
    /// was quicker.
    ///
    /// A refusal, or an answer that appends nothing, is given only on a state
    /// that was read from the leader after this call began.
    pub async fn execute(
        &self,
        id: A::Id,
        meta: &Meta,
        command: &A::Command,
    ) -> Result<Executed<A>, ExecuteError<A::Refusal>> {
        let give_up = self.log.deadline() + self.log.deadline() / 2;
        match tokio::time::timeout(give_up, self.attempts(id, meta, command)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(LogError::Unknown.into()),
        }
    }

    async fn attempts(
        &self,
        id: A::Id,
        meta: &Meta,
        command: &A::Command,
    ) -> Result<Executed<A>, ExecuteError<A::Refusal>> {
        self.log.gate().check()?;
        let subject = self.log.subject_of(id);
        let _turn = self.cache.lock(id).await;
        let mut loaded = self.recent(id).await?;
        let mut proven = false;
        for _ in 0..ATTEMPTS {
            if loaded.last_message == Some(meta.message) {
                return Ok(done(subject, loaded, Vec::new()));
            }
            let decision = loaded.state.decide(command);
            let events = match decision {
                Ok(events) if !events.is_empty() => events,
                Ok(_) if proven => return Ok(done(subject, loaded, Vec::new())),
                Err(refusal) if proven => return Err(ExecuteError::Refused(refusal)),
                Ok(_) | Err(_) => {
                    loaded = self.current(id).await?;
                    proven = true;
                    continue;
                }
            };
            let next = Draft::new(&loaded, id, meta, events)?;
            let outcome = self
                .log
                .append(
                    subject,
                    meta.message,
                    loaded.sequence,
                    next.payload.clone().into(),
                    next.ttl,
                )
                .await?;
            match outcome {
                Appended::At(sequence) => {
                    let after = self.keep(id, next.at(&loaded, sequence, meta));
                    return Ok(done(subject, after, next.events));
                }
                Appended::Conflict => {
                    loaded = self.current(id).await?;
                    proven = true;
                }
            }
        }
        Err(LogError::Contended(subject).into())
    }

    async fn load(&self, id: A::Id) -> Result<Arc<Loaded<A>>, LogError> {
        let subject = self.log.subject_of(id);
        let loaded = if A::SNAPSHOTS {
            match self.log.last(subject).await? {
                None => Loaded::empty(),
                Some(last) => match restore(&last)? {
                    Some(loaded) => loaded,
                    None => self.fold(subject).await?,
                },
            }
        } else {
            self.fold(subject).await?
        };
        Ok(self.keep(id, loaded))
    }

    async fn fold(&self, subject: Subject) -> Result<Loaded<A>, LogError> {
        let mut loaded = Loaded::<A>::empty();
        for message in self.log.history(subject, 1).await? {
            loaded.apply(&message)?;
        }
        Ok(loaded)
    }

    fn keep(&self, id: A::Id, loaded: Loaded<A>) -> Arc<Loaded<A>> {
        let loaded = Arc::new(loaded);
        if loaded.sequence > 0 {
            self.cache.put(id, Arc::clone(&loaded));
        }
        loaded
    }
}

fn done<A: Aggregate>(
    subject: Subject,
    state: Arc<Loaded<A>>,
    events: Vec<A::Event>,
) -> Executed<A> {
    Executed {
        position: Log::position(subject, state.sequence),
        state,
        events,
    }
}

/// The state from the hint beside the last message's events.
fn restore<A: Aggregate>(last: &RawMessage) -> Result<Option<Loaded<A>>, LogError> {
    let envelope = last.envelope()?;
    Ok(envelope.state().and_then(A::restore).map(|state| Loaded {
        state,
        sequence: last.position.sequence,
        last_message: Some(envelope.header().id),
    }))
}

impl<A: Aggregate> Loaded<A> {
    fn empty() -> Self {
        Self {
            state: A::default(),
            sequence: 0,
            last_message: None,
        }
    }

    fn apply(&mut self, message: &RawMessage) -> Result<(), LogError> {
        let envelope = message.envelope()?;
        let events: Vec<A::Event> = envelope.events().map_err(|error| LogError::Decode {
            position: message.position,
            subject: message.subject,
            error,
        })?;
        let header = envelope.header();
        for event in &events {
            self.state.evolve(
                event,
                Fact {
                    occurred_at: header.occurred_at,
                    sequence: message.position.sequence,
                    message: header.id,
                },
            );
        }
        self.sequence = message.position.sequence;
        self.last_message = Some(header.id);
        Ok(())
    }
}

/// A decision on its way into the log.
struct Draft<A: Aggregate> {
    payload: Vec<u8>,
    ttl: Option<Duration>,
    events: Vec<A::Event>,
}

impl<A: Aggregate> Draft<A> {
    fn new(
        loaded: &Loaded<A>,
        id: A::Id,
        meta: &Meta,
        events: Vec<A::Event>,
    ) -> Result<Self, LogError> {
        let mut after = loaded.state.clone();
        evolve_all(&mut after, &events, meta, loaded.sequence + 1);
        let envelope = Envelope {
            id: meta.message,
            subject_id: id.uuid(),
            occurred_at: meta.now,
            actor: meta.actor,
            account: meta.account,
            correlation: meta.correlation,
            causation: meta.causation,
            trace_parent: meta.trace_parent.clone(),
            state: after.snapshot(),
            events,
        };
        let ttl = after
            .forget_at()
            .map(|forget_at| forget_at.as_millis().saturating_sub(meta.now.as_millis()))
            .map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
        Ok(Self {
            payload: envelope.encode()?,
            ttl,
            events: envelope.events,
        })
    }

    fn at(&self, loaded: &Loaded<A>, sequence: u64, meta: &Meta) -> Loaded<A> {
        let mut state = loaded.state.clone();
        evolve_all(&mut state, &self.events, meta, sequence);
        Loaded {
            state,
            sequence,
            last_message: Some(meta.message),
        }
    }
}

fn evolve_all<A: Aggregate>(state: &mut A, events: &[A::Event], meta: &Meta, sequence: u64) {
    for event in events {
        state.evolve(
            event,
            Fact {
                occurred_at: meta.now,
                sequence,
                message: meta.message,
            },
        );
    }
}
