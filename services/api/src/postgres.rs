//! Whether Postgres answers, asked in the background so that nobody waits to
//! be told.

use std::time::Duration;

use countersign_events::Position;
use countersign_views::failure;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// What the last question found.
pub struct PostgresHealth {
    found: watch::Receiver<Found>,
    stop: CancellationToken,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Found {
    silent: bool,
    /// Where projections have stopped at an event they cannot apply.
    stopped: Vec<Position>,
}

const EVERY: Duration = Duration::from_secs(2);

const SILENT: &str = "Postgres does not answer; lists and search are off";

impl PostgresHealth {
    /// Starts asking.
    pub fn watch(pool: PgPool) -> Self {
        let (sender, found) = watch::channel(Found {
            silent: true,
            stopped: Vec::new(),
        });
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(ask(pool, sender)));
        Self { found, stop }
    }

    /// Why lists and search are off or old; none while all is well.
    pub fn failure(&self) -> Option<String> {
        let found = self.found.borrow();
        if found.silent {
            return Some(SILENT.to_owned());
        }
        let stopped: Vec<String> = found.stopped.iter().map(ToString::to_string).collect();
        (!stopped.is_empty()).then(|| {
            format!(
                "projections have stopped at {}; see `countersign repair`",
                stopped.join(", ")
            )
        })
    }

    /// Whether Postgres answers.
    pub fn answers(&self) -> bool {
        !self.found.borrow().silent
    }

    /// How many shards have stopped at an event they cannot apply.
    pub fn stopped(&self) -> usize {
        self.found.borrow().stopped.len()
    }
}

impl Drop for PostgresHealth {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn ask(pool: PgPool, known: watch::Sender<Found>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut first = true;
    loop {
        ticks.tick().await;
        // A busy moment is no outage: it takes two silent answers.
        let found = match look(&pool).await {
            Some(found) => found,
            None => look(&pool).await.unwrap_or(Found {
                silent: true,
                stopped: Vec::new(),
            }),
        };
        let changed = first || *known.borrow() != found;
        first = false;
        if changed {
            if found.silent {
                tracing::warn!("{SILENT}");
            } else {
                tracing::info!("Postgres answers");
            }
            for position in &found.stopped {
                tracing::error!(%position, "a projection has stopped at an event");
            }
            known.send_replace(found);
        }
    }
}

async fn look(pool: &PgPool) -> Option<Found> {
    let failures = tokio::time::timeout(EVERY, failure::list(pool)).await;
    let failures = failures.ok()?.ok()?;
    Some(Found {
        silent: false,
        stopped: failures
            .into_iter()
            .map(|failure| failure.position)
            .collect(),
    })
}
