//! A deployment of its own for each test, in this process.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::parts;
use countersign::settings::Settings;
use countersign_api::{App, EmailAddress, TotpSeed};
use countersign_events::{Position, Timestamp};
use countersign_log::{KeyEncryptionKey, Log};
use countersign_projector::Projector;
use secrecy::ExposeSecret;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, oneshot};
use tokio::task::JoinHandle;

use super::{
    Client, PASSWORD, PATIENCE, ReadModels, SignedIn, TestClock, email, eventually, soon, stack,
};

/// The shards of every world: few, so that people share them.
pub(crate) const SHARDS: u8 = 3;

/// The public name of every world; its services listen elsewhere.
pub(crate) const ISSUER: &str = "https://id.people.example";

/// Worlds side by side hold it shared; one that measures time holds it alone.
static MACHINE: RwLock<()> = RwLock::const_new(());

#[expect(dead_code, reason = "they are held, not used")]
enum Share {
    Some(RwLockReadGuard<'static, ()>),
    All(RwLockWriteGuard<'static, ()>),
    /// Part of another world's test.
    Guest,
}

/// A service over the log, as `countersign serve` runs it.
pub(crate) struct Service {
    pub(crate) client: Client,
    pub(crate) app: Arc<App>,
    pub(crate) log: Log,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Deref for Service {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Service {
    async fn start(settings: &Settings, clock: &TestClock) -> Self {
        let server = parts::bind(settings).expect("a port");
        let address = server.local_addr();
        let log = parts::log(settings).await.expect("the log");
        Self::on(settings, clock, log, server, address).await
    }

    async fn on(
        settings: &Settings,
        clock: &TestClock,
        log: Log,
        server: countersign_api::http::Server,
        address: SocketAddr,
    ) -> Self {
        let app = parts::app(settings, &log, clock.clock(), address)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        log.gate().decided().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let shell = parts::shell(settings).expect("settings of the shell");
        let serving = countersign_api::serve(server, Arc::clone(&app), shell, async {
            let _ = stopped.await;
        });
        let serving = tokio::spawn(async move {
            serving.await.expect("it served");
        });
        Self {
            client: Client::new(format!("http://{address}")),
            app,
            log,
            stop,
            serving,
        }
    }

    /// Finishes what is under way and stops.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        // Idle connections would be waited for.
        drop(self.client);
        soon(self.serving).await.expect("it stopped well");
    }

    /// The last sequence of every shard: what changes when anything is
    /// appended.
    pub(crate) async fn ends(&self) -> Vec<u64> {
        let mut ends = Vec::new();
        for shard in 0..self.log.shards() {
            ends.push(
                self.log
                    .last_sequence(shard)
                    .await
                    .expect("the log answers"),
            );
        }
        ends
    }
}

/// A deployment: a prefix, a database, a clock, a projector, a service.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) settings: Settings,
    pub(crate) clock: TestClock,
    pub(crate) postgres: PgConnectOptions,
    pub(crate) projector: Option<Projector>,
    database: String,
    _share: Share,
}

impl Deref for World {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings that differ from the defaults.
    pub(crate) async fn with(differing: &[(&str, &str)]) -> Self {
        let share = Share::Some(MACHINE.read().await);
        Self::build(differing, share).await
    }

    /// With no other world beside it, for tests that measure.
    pub(crate) async fn alone() -> Self {
        let share = Share::All(MACHINE.write().await);
        Self::build(&[], share).await
    }

    /// Another deployment for the same test: other keys, other log.
    pub(crate) async fn foreign(&self) -> Self {
        Self::build(&[], Share::Guest).await
    }

    /// With more services, which all start at the same moment on an empty log.
    pub(crate) async fn start_several(more: usize) -> (Self, Vec<Service>) {
        let share = Share::Some(MACHINE.read().await);
        let (settings, database) = fresh_settings(&[]).await;
        let clock = TestClock::default();
        let starting = (0..=more).map(|_| Service::start(&settings, &clock));
        let mut services = futures_util::future::join_all(starting).await;
        let service = services.remove(0);
        let projector = start_projector(&settings, &service.log, &clock).await;
        let world = Self {
            postgres: parts::postgres(&settings).expect("a URL"),
            service,
            settings,
            clock,
            projector: Some(projector),
            database,
            _share: share,
        };
        (world, services)
    }

    async fn build(differing: &[(&str, &str)], share: Share) -> Self {
        let (settings, database) = fresh_settings(differing).await;
        let clock = TestClock::default();
        let server = parts::bind(&settings).expect("a port");
        let address = server.local_addr();
        let log = parts::log(&settings).await.expect("the log");
        let postgres = parts::postgres(&settings).expect("a URL");
        let projector = start_projector(&settings, &log, &clock).await;
        let service = Service::on(&settings, &clock, log, server, address).await;
        Self {
            service,
            settings,
            clock,
            postgres,
            projector: Some(projector),
            database,
            _share: share,
        }
    }

    /// One more service over the same log, with nothing in common but that.
    pub(crate) async fn second_service(&self) -> Service {
        Service::start(&self.settings, &self.clock).await
    }

    /// The same, with settings that differ from the defaults.
    pub(crate) async fn second_service_with(&self, differing: &[(&'static str, &str)]) -> Service {
        let mut settings = self.settings.clone();
        for (key, value) in differing {
            settings.suggest(key, value);
        }
        Service::start(&settings, &self.clock).await
    }

    pub(crate) async fn stop_projector(&mut self) {
        if let Some(projector) = self.projector.take() {
            projector.stop().await;
        }
    }

    pub(crate) async fn start_projector(&mut self) {
        let projector = start_projector(&self.settings, &self.service.log, &self.clock);
        self.projector = Some(projector.await);
    }

    /// Somebody who may see everything.
    pub(crate) async fn operator(&self) -> SignedIn {
        self.somebody(&["user", "operator"]).await
    }

    /// Somebody with these roles.
    pub(crate) async fn somebody(&self, roles: &[&str]) -> SignedIn {
        let email = email("somebody");
        let address = EmailAddress::parse(&email).expect("an address");
        let seed = TotpSeed::draw().expect("randomness");
        let made = self.app.bootstrap(&address, PASSWORD, roles, Some(&seed));
        made.await.expect("an account");
        let code = seed.code_at(self.seconds());
        self.login_with_code(&email, &code).await
    }

    pub(crate) async fn read_models(&self) -> ReadModels {
        ReadModels::connect(&self.postgres).await
    }

    /// Waits until the read models hold everything that is in the log.
    pub(crate) async fn projected(&self) {
        for (shard, sequence) in (0u8..).zip(self.ends().await) {
            let position = Position { shard, sequence };
            let reached = async {
                while self
                    .app
                    .wait_for(Some(&position.to_string()))
                    .await
                    .is_err()
                {}
            };
            soon(reached).await;
        }
    }

    /// The same, asked of Postgres, for read models that were taken away.
    pub(crate) async fn projected_again(&self) {
        let all: u64 = self.ends().await.iter().sum();
        let reached = async || {
            let mut models = self.read_models().await;
            let sum: Result<i64, _> = sqlx::query_scalar(
                "select coalesce(sum(sequence), 0)::int8 from countersign.checkpoints",
            )
            .fetch_one(&mut models.0)
            .await;
            // There may be no such table yet.
            sum.is_ok_and(|sum| u64::try_from(sum) == Ok(all))
        };
        eventually(PATIENCE, reached).await;
    }

    /// The time of this world, as authenticator apps count it.
    pub(crate) fn seconds(&self) -> u64 {
        u64::try_from(self.now().as_seconds()).expect("after 1970")
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn later(&self, by: Duration) {
        self.clock.advance(by);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let stack = stack();
        let database = std::mem::take(&mut self.database);
        stack.runtime.spawn(async move {
            let url = stack.endpoints.postgres_url.expose_secret();
            let options: PgConnectOptions = url.parse().expect("a URL");
            let drop = format!("drop database if exists {database} with (force)");
            // A world that cannot be cleared away goes with the folder.
            if let Ok(mut connection) = options.disable_statement_logging().connect().await {
                let _ = connection.execute(AssertSqlSafe(drop)).await;
            }
        });
    }
}

async fn start_projector(settings: &Settings, log: &Log, clock: &TestClock) -> Projector {
    let options = parts::projector(settings, log, &clock.clock()).await;
    let postgres = parts::postgres(settings).expect("a URL");
    Projector::start(log.clone(), postgres, options.expect("options"))
}

/// The settings of a deployment that nobody has used yet.
async fn fresh_settings(differing: &[(&str, &str)]) -> (Settings, String) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("world{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let endpoints = &stack().endpoints;
    let url = endpoints.postgres_url.expose_secret();
    let options: PgConnectOptions = url.parse().expect("a URL");
    let mut connection = options
        .disable_statement_logging()
        .connect()
        .await
        .expect("Postgres answers");
    connection
        .execute(AssertSqlSafe(format!("create database {name}")))
        .await
        .expect("a database");
    let (server, _) = url.rsplit_once('/').expect("a database in the URL");
    let kek = KeyEncryptionKey::generate().expect("randomness");
    let mut flags: Vec<(String, String)> = [
        ("listen", "127.0.0.1:0"),
        ("issuer", ISSUER),
        ("kek", &kek),
        ("nats_url", endpoints.nats_url.expose_secret()),
        ("postgres_url", &format!("{server}/{name}")),
        ("prefix", &name),
        ("shards", &SHARDS.to_string()),
        // A busy machine is no outage; the fault tests keep the short one.
        ("log_deadline_millis", "5000"),
        // Clocks are moved by days; the tests of it set their own.
        ("key_rotation_days", "0"),
        // Everybody comes from this machine; the tests of it set their own.
        ("failed_logins_per_minute", "0"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec();
    let differing = differing.iter();
    flags.extend(differing.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    let settings = Settings::load(None, std::iter::empty(), &flags).expect("settings");
    (settings, name)
}
