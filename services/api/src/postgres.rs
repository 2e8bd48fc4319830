//! Whether Postgres answers, asked in the background so that nobody waits to
//! be told.

use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// What the last question found.
pub struct PostgresHealth {
    failure: watch::Receiver<Option<String>>,
    stop: CancellationToken,
}

const EVERY: Duration = Duration::from_secs(2);

const SILENT: &str = "Postgres does not answer; lists and search are off";

impl PostgresHealth {
    /// Starts asking.
    pub fn watch(pool: PgPool) -> Self {
        let first = Some("not asked yet".to_owned());
        let (sender, failure) = watch::channel(first);
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(ask(pool, sender)));
        Self { failure, stop }
    }

    /// Why lists and search are off; none while Postgres answers.
    pub fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }
}

impl Drop for PostgresHealth {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn ask(pool: PgPool, failure: watch::Sender<Option<String>>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // A busy moment is no outage: it takes two silent answers.
        let answers = answers(&pool).await || answers(&pool).await;
        let found = (!answers).then(|| SILENT.to_owned());
        failure.send_if_modified(|known| {
            let changed = *known != found;
            if changed {
                match &found {
                    None => tracing::info!("Postgres answers"),
                    Some(text) => tracing::warn!("{text}"),
                }
            }
            *known = found;
            changed
        });
    }
}

async fn answers(pool: &PgPool) -> bool {
    let question = sqlx::query("select 1").execute(pool);
    matches!(tokio::time::timeout(EVERY, question).await, Ok(Ok(_)))
}
