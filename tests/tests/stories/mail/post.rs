//! A log nobody else uses, a mail server, and people who are written to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use countersign_domain::{Account, AccountCommand, Request};
use countersign_events::{AccountId, Actor, CredentialId, MessageId, Sealed, Timestamp};
use countersign_log::{
    DataKey, GateState, KeyEncryptionKey, Log, LogConfig, Meta, Repository, random,
};
use countersign_mail::{ActionTokens, MailConfig, Mailer, Retry, Security, Transport};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::support::smtp::{Received, SmtpServer};
use crate::support::{PATIENCE, eventually, soon, stack};

pub(super) const HOME: &str = "https://id.people.example";
pub(super) const SECRET: [u8; 32] = [7; 32];
pub(super) const SHARDS: u8 = 3;
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// A log nobody else uses, and a mail server.
pub(super) struct Post {
    pub(super) config: LogConfig,
    pub(super) log: Log,
    pub(super) accounts: Repository<Account>,
    pub(super) server: SmtpServer,
    pub(super) clock: Arc<AtomicI64>,
}

/// Somebody who is registered.
pub(super) struct Person {
    pub(super) id: AccountId,
    pub(super) email: String,
    pub(super) key: DataKey,
}

impl Post {
    pub(super) async fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let kek = KeyEncryptionKey::generate().expect("randomness");
        let config = LogConfig {
            nats_url: stack().endpoints.nats_url.expose_secret().into(),
            prefix: format!("mail{number}"),
            shards: SHARDS,
            replicas: 1,
            kek: KeyEncryptionKey::from_base64(&kek).expect("a key"),
            deadline: Duration::from_secs(5),
            cache_entries: 100,
        };
        let log = open(&config).await;
        Self {
            accounts: Repository::new(&log),
            log,
            config,
            server: SmtpServer::start().await,
            clock: Arc::new(AtomicI64::new(1_780_000_000_000)),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.load(Ordering::SeqCst))
    }

    pub(super) fn later(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).expect("not that long");
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    pub(super) async fn mailer(&self) -> Mailer {
        self.mailer_over(self.log.clone()).await
    }

    /// A mailer as another process would have it.
    pub(super) async fn mailer_over(&self, log: Log) -> Mailer {
        let config = MailConfig {
            from: "People <id@people.example>".into(),
            reply_to: None,
            product_name: "People".into(),
            link_base: HOME.into(),
            transport: Transport::Smtp {
                host: "127.0.0.1".into(),
                port: self.server.address.port(),
                security: Security::None,
                user: None,
                password: None,
                timeout: PATIENCE,
            },
            retry: Retry {
                delays: vec![Duration::from_millis(50)],
                give_up_after: HOUR,
            },
        };
        let clock = Arc::clone(&self.clock);
        let now = move || Timestamp::from_millis(clock.load(Ordering::SeqCst));
        let starting = Mailer::start(log, ActionTokens::new(&SECRET), config, now);
        // As a task, as a service starts it.
        let started = soon(tokio::spawn(starting)).await.expect("no panic");
        started.expect("a mailer")
    }

    pub(super) async fn register(&self, name: &str) -> (Person, MessageId, CredentialId) {
        let id = AccountId::generate(self.now(), random().expect("randomness"));
        let key = self.log.vault().create_data_key(id).await;
        let person = Person {
            id,
            email: format!("{name}@example.com"),
            key: key.expect("a key"),
        };
        let meta = self.meta(&person);
        let request = self.request(&person);
        let register = AccountCommand::Register {
            email: person.seal(&person.email, &meta, "email"),
            display_name: None,
            roles: vec!["user".into()],
            password: credential(&person, self.now()),
            verification: Some(request),
            device: None,
        };
        self.execute(&person, &meta, &register).await;
        (person, meta.message, request.id)
    }

    pub(super) fn request(&self, person: &Person) -> Request {
        Request {
            id: credential(person, self.now()),
            expires_at: self.now().plus(HOUR),
        }
    }

    pub(super) fn meta(&self, person: &Person) -> Meta {
        Meta {
            message: MessageId::generate(self.now(), random().expect("randomness")),
            now: self.now(),
            actor: Actor::Account(person.id),
            account: Some(person.id),
            correlation: Uuid::nil(),
            causation: None,
            trace_parent: None,
        }
    }

    pub(super) async fn execute(&self, person: &Person, meta: &Meta, command: &AccountCommand) {
        let done = self.accounts.execute(person.id, meta, command).await;
        done.expect("it is allowed");
    }

    /// A forgotten password: the simplest cause of a mail.
    pub(super) async fn forget_password(&self, person: &Person) -> CredentialId {
        let request = self.request(person);
        let meta = self.meta(person);
        let command = AccountCommand::RequestReset(request);
        self.execute(person, &meta, &command).await;
        request.id
    }

    pub(super) async fn change_password(&self, person: &Person) {
        let loaded = self.accounts.current(person.id).await;
        let before = loaded.expect("an account").state.password;
        let change = AccountCommand::ChangePassword {
            replaces: before.expect("a password"),
            password: credential(person, self.now()),
        };
        let meta = self.meta(person);
        self.execute(person, &meta, &change).await;
    }

    /// Makes the mailers' consumer anew, from the beginning of the log.
    pub(super) async fn deliver_again(&self, shard: u8) {
        let prefix = self.log.prefix();
        let stream = format!("{prefix}_EVENTS_{shard}");
        let config = format!(
            r#"{{"stream_name":"{stream}","config":{{"durable_name":"mail","deliver_policy":"all",
            "ack_policy":"explicit","filter_subject":"{prefix}.evt.{shard}.account.*"}}}}"#
        );
        let calls = [
            (
                format!("$JS.API.CONSUMER.DELETE.{stream}.mail"),
                String::new(),
            ),
            (
                format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.mail"),
                config,
            ),
        ];
        for (subject, payload) in calls {
            let answer = self.log.client().request(subject, payload.into()).await;
            let answer = answer.expect("an answer").payload;
            let answer = String::from_utf8_lossy(&answer);
            assert!(!answer.contains(r#""error""#), "{answer}");
        }
    }

    /// The person's next address.
    pub(super) async fn change_email(&self, person: &Person, to: &str) {
        let request = self.request(person);
        let meta = self.meta(person);
        let ask = AccountCommand::RequestEmailChange {
            request,
            email: person.seal(to, &meta, "email"),
        };
        self.execute(person, &meta, &ask).await;
        let meta = self.meta(person);
        let change = AccountCommand::ChangeEmail {
            request: request.id,
            now: self.now(),
            email: person.seal(to, &meta, "email"),
            previous: person.seal(&person.email, &meta, "previous_email"),
        };
        self.execute(person, &meta, &change).await;
    }

    /// Waits until no message waits for a mailer, now or later.
    pub(super) async fn dealt_with(&self) {
        let none = async || {
            for shard in 0..SHARDS {
                if self.log.reactor_backlog("mail", shard).await.ok() != Some(0) {
                    return false;
                }
            }
            true
        };
        eventually(2 * PATIENCE, none).await;
    }

    pub(super) async fn accepted(&self, count: usize) -> Vec<Received> {
        eventually(2 * PATIENCE, async || self.server.accepted().len() >= count).await;
        self.dealt_with().await;
        let accepted = self.server.accepted();
        assert_eq!(accepted.len(), count, "{accepted:#?}");
        accepted
    }
}

impl Person {
    pub(super) fn seal(&self, text: &str, meta: &Meta, field: &str) -> Sealed {
        let sealed = self.key.seal(text, self.id, meta.message, field);
        sealed.expect("it seals")
    }
}

pub(super) async fn open(config: &LogConfig) -> Log {
    let log = soon(Log::open(config.clone())).await.expect("a log");
    log.gate().set(GateState::Open);
    log
}

fn credential(person: &Person, now: Timestamp) -> CredentialId {
    CredentialId::generate(person.id, now, random().expect("randomness"))
}

pub(super) fn recipients(mails: &[Received]) -> Vec<&str> {
    let mut all: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    all.sort_unstable();
    all
}
