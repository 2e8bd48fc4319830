//! A log with a past: people who signed in, refreshed and signed out, as the
//! service would have written it, only faster.

use std::collections::VecDeque;

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::{HeaderMap, header, jetstream};
use countersign_api::Clock;
use countersign_domain::{
    Account, AccountCommand, Aggregate, Fact, Place, Refresh, Session, SessionCommand, Standing,
    Start,
};
use countersign_events::{
    AccountId, Acr, Actor, CredentialId, EndReason, EntityId, Envelope, MessageId, SessionId,
    Timestamp,
};
use countersign_log::{DataKey, Log, Meta, random};
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use crate::Outcome;

/// Appends in flight.
const IN_FLIGHT: usize = 2_000;

const DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// People and their open sessions, as the log knows them.
pub struct Past {
    log: Log,
    clock: Clock,
    context: jetstream::Context,
    people: Vec<(AccountId, DataKey)>,
    open: Vec<OpenSession>,
    sent: VecDeque<PublishAckFuture>,
    /// Decides what happens next; the same in every run.
    dice: u64,
    /// Messages appended.
    pub events: u64,
}

/// A session that has not ended.
#[derive(Clone)]
pub struct OpenSession {
    pub id: SessionId,
    pub person: usize,
    state: Session,
}

impl Past {
    /// Nobody yet.
    pub fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            clock: Clock::system(),
            context: jetstream::new(log.client().clone()),
            people: Vec::new(),
            open: Vec::new(),
            sent: VecDeque::new(),
            dice: 0x9e37_79b9_7f4a_7c15,
            events: 0,
        }
    }

    /// Lets people register.
    pub async fn register(&mut self, count: usize) -> Outcome<()> {
        let ids: Vec<AccountId> = (0..count)
            .map(|_| Ok(AccountId::generate(self.clock.now(), random()?)))
            .collect::<Outcome<_>>()?;
        let vault = self.log.vault();
        let keys: Vec<_> = stream::iter(ids)
            .map(|id| async move {
                Ok::<_, countersign_log::LogError>((id, vault.create_data_key(id).await?))
            })
            .buffered(64)
            .try_collect()
            .await?;
        for (id, key) in keys {
            let meta = self.meta(id)?;
            let email = format!("person{}@bench.example.com", self.people.len());
            let command = AccountCommand::Register {
                email: key.seal(&email, id, meta.message, "email")?,
                display_name: Some(key.seal("Ada Lovelace", id, meta.message, "display_name")?),
                roles: vec!["user".into()],
                password: CredentialId::generate(id, meta.now, random()?),
                verification: None,
                device: None,
            };
            self.write::<Account>(id, &mut Account::default(), &command, &meta)
                .await?;
            self.people.push((id, key));
        }
        self.settle(0).await
    }

    /// Lets this many things happen: 30 % sign in, 55 % refresh, 15 % sign out.
    pub async fn live(&mut self, events: u64) -> Outcome<()> {
        let until = self.events + events;
        while self.events < until {
            match self.roll(100) {
                0..30 => self.start().await?,
                _ if self.open.is_empty() => self.start().await?,
                30..85 => self.go_on(false).await?,
                _ => self.go_on(true).await?,
            }
        }
        self.settle(0).await
    }

    /// Lets this many people sign in.
    pub async fn sign_in(&mut self, count: usize) -> Outcome<Vec<OpenSession>> {
        for _ in 0..count {
            self.start().await?;
        }
        self.settle(0).await?;
        Ok(self.open.clone())
    }

    /// A refresh of a session that stands at `generation`, and its
    /// circumstances.
    pub fn refresh(
        &self,
        session: &OpenSession,
        generation: u32,
    ) -> Outcome<(Meta, SessionCommand)> {
        let (id, key) = &self.people[session.person];
        let meta = self.meta(*id)?;
        let refresh = Refresh {
            presented: generation,
            standing: standing(),
            ip: key.seal("192.0.2.7", *id, meta.message, "ip")?,
            place: Place::Same,
            now: meta.now,
            idle: 7 * DAY,
            grace: std::time::Duration::from_secs(10),
        };
        Ok((meta, SessionCommand::Refresh(refresh)))
    }

    async fn start(&mut self) -> Outcome<()> {
        let person = self.roll(self.people.len());
        let (account, key) = self.people[person].clone();
        let meta = self.meta(account)?;
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let command = SessionCommand::Start(Start {
            account,
            standing: standing(),
            client: "first-party".into(),
            ip: key.seal("192.0.2.7", account, meta.message, "ip")?,
            user_agent: Some(key.seal(agent, account, meta.message, "user_agent")?),
            acr: Acr::Aal1,
            amr: vec!["pwd".into()],
            binding: None,
            now: meta.now,
            idle: 7 * DAY,
            absolute: 30 * DAY,
            retention: 90 * DAY,
        });
        let id = SessionId::generate(account, meta.now, random()?);
        let mut state = Session::default();
        self.write(id, &mut state, &command, &meta).await?;
        self.open.push(OpenSession { id, person, state });
        Ok(())
    }

    async fn go_on(&mut self, ends: bool) -> Outcome<()> {
        let index = self.roll(self.open.len());
        let mut session = self.open.swap_remove(index);
        let generation = session.state.get().map_or(0, |live| live.generation);
        let (meta, refresh) = self.refresh(&session, generation)?;
        let command = if ends {
            SessionCommand::End {
                reason: EndReason::Logout,
                note: None,
            }
        } else {
            refresh
        };
        self.write(session.id, &mut session.state, &command, &meta)
            .await?;
        if !ends {
            self.open.push(session);
        }
        Ok(())
    }

    /// Appends what a command decides, without waiting for the answer: nobody
    /// else writes here, so there is nothing to expect.
    async fn write<A: Aggregate>(
        &mut self,
        id: A::Id,
        state: &mut A,
        command: &A::Command,
        meta: &Meta,
    ) -> Outcome<()> {
        let events = state.decide(command)?;
        for event in &events {
            let (occurred_at, message) = (meta.now, meta.message);
            state.evolve(
                event,
                Fact {
                    occurred_at,
                    sequence: 1,
                    message,
                },
            );
        }
        let envelope = Envelope {
            id: meta.message,
            subject_id: id.uuid(),
            occurred_at: meta.now,
            actor: meta.actor,
            account: meta.account,
            correlation: meta.correlation,
            causation: meta.causation,
            trace_parent: meta.trace_parent.clone(),
            events,
            state: state.snapshot(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_MESSAGE_ID, meta.message.to_string());
        if let Some(forget_at) = state.forget_at() {
            let seconds = (forget_at.as_millis() - meta.now.as_millis()) / 1_000;
            headers.insert(header::NATS_MESSAGE_TTL, seconds.to_string());
        }
        let subject = self.log.subject_of(id).with_prefix(self.log.prefix());
        let payload = envelope.encode()?.into();
        let sent = self
            .context
            .publish_with_headers(subject, headers, payload)
            .await?;
        self.sent.push_back(sent);
        self.events += 1;
        self.settle(IN_FLIGHT).await
    }

    /// Waits for answers until this many are missing.
    async fn settle(&mut self, missing: usize) -> Outcome<()> {
        while self.sent.len() > missing {
            if let Some(sent) = self.sent.pop_front() {
                sent.await?;
            }
        }
        Ok(())
    }

    /// Somebody who has registered, and the key to what is sealed of them.
    pub fn person(&self, index: usize) -> Outcome<(AccountId, &DataKey)> {
        let (id, key) = self.people.get(index).ok_or("nobody has registered")?;
        Ok((*id, key))
    }

    /// The circumstances of a command of theirs.
    pub fn meta(&self, account: AccountId) -> Outcome<Meta> {
        let now: Timestamp = self.clock.now();
        Ok(Meta {
            message: MessageId::generate(now, random()?),
            now,
            actor: Actor::Account(account),
            account: Some(account),
            correlation: Uuid::new_v4(),
            causation: None,
            trace_parent: None,
        })
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice as usize % sides.max(1)
    }
}

fn standing() -> Standing {
    Standing {
        active: true,
        needs_factor: false,
        min_epoch: 0,
        epoch: 1,
    }
}
