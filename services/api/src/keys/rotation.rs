//! Keys that change by themselves.
//!
//! Every instance tries; the ring decides, and who was slower destroys what it
//! had made. So nobody has to be chosen, and nobody is missed.

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::{Key, KeyCommand, KeyState, MOST_PUBLISHED, Publication, Retirement};
use countersign_events::{Created, KeyringId, Timestamp};
use countersign_log::VaultKey;
use countersign_openapi::display_safe;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{fresh, publication_time, retirement_window};
use crate::app::App;
use crate::denied::Denied;

/// How often it is looked whether something is due.
const EVERY: Duration = Duration::from_secs(5);

/// How many verifiers that hold a rotation up are named in the log.
const NAMED: usize = 10;

/// What changes keys, beside the service.
pub(crate) struct Rotation {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Rotation {
    pub(crate) fn start(app: &Arc<App>) -> Self {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let turning = turn(Arc::clone(app));
        tasks.spawn(stop.clone().run_until_cancelled_owned(turning));
        tasks.close();
        Self { stop, tasks }
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

async fn turn(app: Arc<App>) {
    app.log.gate().decided().await;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.keys.wake.notified() => {}
        }
        if app.log.gate().check().is_err() {
            continue;
        }
        if let Err(error) = app.turn_keys().await {
            tracing::warn!(%error, "the signing keys could not be turned");
        }
    }
}

impl App {
    /// Does what is due: makes the next key, lets it sign, takes those away
    /// whose tokens have all expired, and destroys private halves that nobody
    /// needs.
    pub async fn turn_keys(&self) -> Result<(), Denied> {
        let now = self.clock.now();
        self.tell_held_keys();
        self.prepare(now).await?;
        self.activate(now).await?;
        self.retire(now).await?;
        self.destroy_private_halves().await
    }

    async fn prepare(&self, now: Timestamp) -> Result<(), Denied> {
        let ring = self.keys.keyrings.recent(KeyringId::ONLY).await?;
        let Some(active) = ring.state.active() else {
            return Ok(());
        };
        let period = self.config.key_rotation;
        let early = (period / 2).min(period.saturating_sub(publication_time(&self.config)));
        let is_full = ring.state.published().count() >= MOST_PUBLISHED;
        if period.is_zero()
            || is_full
            || ring.state.next().is_some()
            || !has_signed_for(active, early, now)
        {
            return Ok(());
        }
        let created = fresh::make(&self.log, self.config.signing_algorithm, now).await?;
        let command = KeyCommand::Prepare(created.clone());
        self.turn_by(now, &command, Some(&created)).await
    }

    async fn activate(&self, now: Timestamp) -> Result<(), Denied> {
        let ring = self.keys.keyrings.recent(KeyringId::ONLY).await?;
        let (Some(active), Some(next)) = (ring.state.active(), ring.state.next()) else {
            return Ok(());
        };
        let period = self.config.key_rotation;
        let is_due = !period.is_zero() && has_signed_for(active, period, now);
        let publication = self.publication(next, now);
        let is_early = now < next.known_from(publication.cache);
        if !(is_due || next.is_wanted) || is_early {
            return Ok(());
        }
        if publication.lacking > 0 {
            let lacking = self.holders(&next.kid).lacking;
            let named = lacking.iter().take(NAMED);
            let some: Vec<_> = named.map(|one| display_safe(one)).collect();
            tracing::warn!(
                kid = %next.kid,
                verifiers = lacking.len(),
                some = some.join(", "),
                "verifiers do not hold the next key yet"
            );
            return Ok(());
        }
        let kid = next.kid.clone();
        let command = KeyCommand::Activate { kid, publication };
        self.turn_by(now, &command, None).await
    }

    async fn retire(&self, now: Timestamp) -> Result<(), Denied> {
        let ring = self.keys.keyrings.recent(KeyringId::ONLY).await?;
        let window = retirement_window(&self.config);
        for key in &ring.state.keys {
            let is_due = key.retires_at(window).is_some_and(|until| until <= now);
            if key.state == KeyState::Retiring && is_due {
                let kid = key.kid.clone();
                let command = KeyCommand::Retire(Retirement { kid, now, window });
                self.turn_by(now, &command, None).await?;
            }
        }
        Ok(())
    }

    /// What a crash has left of keys that are over is found by the next start.
    pub(super) async fn destroy_private_halves(&self) -> Result<(), Denied> {
        let ring = self.keys.keyrings.recent(KeyringId::ONLY).await?;
        let mut destroyed = self.keys.destroyed.lock().await;
        for key in ring.state.keys.iter().filter(|key| key.is_over()) {
            if !destroyed.contains(&key.secret) {
                self.log
                    .vault()
                    .destroy(VaultKey::Secret(key.secret))
                    .await?;
                destroyed.insert(key.secret);
            }
        }
        Ok(())
    }

    /// Who may know a key.
    pub(super) fn publication(&self, key: &Key, now: Timestamp) -> Publication {
        Publication {
            now,
            cache: publication_time(&self.config),
            lacking: self.holders(&key.kid).lacking.len(),
        }
    }

    async fn turn_by(
        &self,
        now: Timestamp,
        command: &KeyCommand,
        created: Option<&Created>,
    ) -> Result<(), Denied> {
        let meta = fresh::alone(now)?;
        let keyrings = &self.keys.keyrings;
        match fresh::put(&self.log, keyrings, &meta, command, created).await {
            // Another instance was quicker, or an operator.
            Err(Denied::Conflict) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => self.keys.read(&self.log, &self.config, now).await,
        }
    }
}

/// Whether a key has been signing for so long.
fn has_signed_for(active: &Key, period: Duration, now: Timestamp) -> bool {
    let since = active.active_at.unwrap_or(active.created_at);
    since.plus(period) <= now
}
