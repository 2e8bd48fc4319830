//! Ends what a crash has left half done: people who were forgotten and whose
//! keys are still there, addresses that nobody has any more, credentials that
//! nothing refers to.

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::{Account, SealedIn};
use countersign_events::{AccountEvent, AccountId, CredentialId, Noun, Timestamp};
use countersign_log::{Begin, Delivery, Loaded, RawMessage, ReactorConfig, VaultKey};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::email::EmailAddress;

/// What cleans up, beside the service.
pub(crate) struct Janitor {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What is younger may be waiting for the event that refers to it.
const IN_FLIGHT: Duration = Duration::from_hours(1);

/// How often what was left behind is looked for.
const SWEEP: Duration = Duration::from_hours(1);

/// What is older was looked at by an earlier sweep.
const LOOKED_AT: Duration = Duration::from_hours(4);

/// After how long something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

impl Janitor {
    pub(crate) fn start(app: &Arc<App>) -> Self {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        for shard in 0..app.log.shards() {
            let follow = follow(Arc::clone(app), shard);
            tasks.spawn(stop.clone().run_until_cancelled_owned(follow));
        }
        let sweep = sweep(Arc::clone(app));
        tasks.spawn(stop.clone().run_until_cancelled_owned(sweep));
        tasks.close();
        Self { stop, tasks }
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

async fn follow(app: Arc<App>, shard: u8) {
    let config = ReactorConfig {
        name: "janitor",
        noun: Noun::Account,
        ack_wait: Duration::from_secs(30),
        max_waiting: 64,
        begin: Begin::WithWhatIsNew,
    };
    let mut ticks = tokio::time::interval(AGAIN);
    let mut reactor = loop {
        ticks.tick().await;
        match app.log.reactor(config.clone(), shard).await {
            Ok(reactor) => break reactor,
            Err(error) => tracing::warn!(shard, %error, "the janitor waits"),
        }
    };
    loop {
        match reactor.next().await {
            Ok(delivery) => settle(&app, delivery).await,
            Err(error) => {
                tracing::error!(shard, %error, "the janitor stopped");
                return;
            }
        }
    }
}

async fn settle(app: &App, delivery: Delivery) {
    match react(app, &delivery.message).await {
        Ok(()) => delivery.done().await,
        Err(error) => {
            tracing::warn!(position = %delivery.message.position, %error, "not cleaned up yet");
            delivery.later(AGAIN).await;
        }
    }
}

async fn react(app: &App, message: &RawMessage) -> Result<(), Denied> {
    let id = AccountId::from_uuid(message.subject.id);
    let envelope = message.envelope()?;
    // What a newer program has written, a newer program cleans up after.
    let Ok(events) = envelope.events::<AccountEvent>() else {
        return Ok(());
    };
    let sealed_in = envelope.header().id;
    for event in &events {
        match event {
            AccountEvent::Erased(_) => erase(app, id).await?,
            AccountEvent::EmailChanged(changed) => {
                let previous = SealedIn {
                    message: sealed_in,
                    value: changed.previous.clone(),
                };
                release(app, id, &previous, "previous_email").await?;
            }
            AccountEvent::CredentialSet(_)
            | AccountEvent::FactorOffered(_)
            | AccountEvent::FactorAdded(_)
            | AccountEvent::FactorRemoved(_)
            | AccountEvent::RecoveryCodesSet(_) => {
                let kept = app.log.vault().credentials(Some(id)).await?;
                let now = app.clock.now();
                for (_, credential) in kept {
                    if age(credential, now) > IN_FLIGHT {
                        forget_unless_live(app, id, credential).await?;
                    }
                }
            }
            AccountEvent::Registered(_)
            | AccountEvent::ProfileChanged(_)
            | AccountEvent::SessionsEnded(_)
            | AccountEvent::Abandoned(_)
            | AccountEvent::VerificationRequested(_)
            | AccountEvent::EmailVerified(_)
            | AccountEvent::EmailChangeRequested(_)
            | AccountEvent::PasswordResetRequested(_)
            | AccountEvent::FactorRenamed(_)
            | AccountEvent::FactorDisabled(_)
            | AccountEvent::ChallengeFailed(_)
            | AccountEvent::RecoveryCodeUsed(_)
            | AccountEvent::DeviceAdded(_)
            | AccountEvent::Suspended(_)
            | AccountEvent::Reinstated(_)
            | AccountEvent::RolesChanged(_)
            | AccountEvent::Noted(_) => {}
        }
    }
    Ok(())
}

/// Ends what `App::erase` has begun, in the same order: the address can be
/// found only while the key is there.
async fn erase(app: &App, id: AccountId) -> Result<(), Denied> {
    let subject = app.log.subject_of(id);
    let mut address = None;
    for message in app.log.history(subject, 1).await? {
        let envelope = message.envelope()?;
        let sealed_in = envelope.header().id;
        let of = |value: &countersign_events::Sealed| SealedIn {
            message: sealed_in,
            value: value.clone(),
        };
        for event in envelope.events::<AccountEvent>().unwrap_or_default() {
            match event {
                AccountEvent::Registered(registered) => address = Some(of(&registered.email)),
                AccountEvent::EmailChanged(changed) => address = Some(of(&changed.email)),
                _ => {}
            }
        }
    }
    if let Some(address) = address {
        release(app, id, &address, "email").await?;
    }
    app.log.vault().destroy_account(id).await?;
    Ok(())
}

/// Gives an address back unless it is the account's own.
async fn release(app: &App, id: AccountId, sealed: &SealedIn, field: &str) -> Result<(), Denied> {
    let Some(key) = app.log.vault().data_key(id).await? else {
        return Ok(());
    };
    let text = key.open(&sealed.value, id, sealed.message, field)?;
    let Ok(address) = EmailAddress::parse(&text) else {
        return Ok(());
    };
    let account: Arc<Loaded<Account>> = app.accounts.current(id).await?;
    if account.state.exists() {
        let own = app.address(id, &account.state).await?;
        if app.blind_index.of(&own) == app.blind_index.of(&address) {
            return Ok(());
        }
    }
    app.release(&alone(app), id, &address).await
}

/// Now and then, what was written for an event that never came.
async fn sweep(app: Arc<App>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = sweep_once(&app).await {
            tracing::warn!(%error, "credentials that nothing refers to were not looked for");
        }
    }
}

async fn sweep_once(app: &App) -> Result<(), Denied> {
    let now = app.clock.now();
    for (id, credential) in app.log.vault().credentials(None).await? {
        let age = age(credential, now);
        if age > IN_FLIGHT && age < LOOKED_AT {
            forget_unless_live(app, id, credential).await?;
        }
    }
    Ok(())
}

async fn forget_unless_live(
    app: &App,
    id: AccountId,
    credential: CredentialId,
) -> Result<(), Denied> {
    let account = app.accounts.current(id).await?;
    if !account.state.refers_to(credential) {
        let stored = VaultKey::Credential(id, credential);
        app.log.vault().destroy(stored).await?;
    }
    Ok(())
}

/// How long ago a credential was drawn; its id says when.
fn age(credential: CredentialId, now: Timestamp) -> Duration {
    let (high, _) = credential.uuid().as_u64_pair();
    let drawn = i64::try_from(high >> 16).unwrap_or(i64::MAX);
    let millis = now.as_millis().saturating_sub(drawn);
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

/// The circumstances of what nobody asked for.
fn alone(app: &App) -> Circumstances {
    Circumstances {
        now: app.clock.now(),
        correlation: Uuid::nil(),
        trace_parent: None,
        ip: std::net::IpAddr::from([127, 0, 0, 1]),
        network: "janitor".into(),
        user_agent: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_a_credential_is_that_of_its_id() {
        let account = AccountId::from_uuid(Uuid::from_u128(1));
        let drawn = Timestamp::from_millis(1_700_000_000_000);
        let credential = CredentialId::generate(account, drawn, [7; 10]);
        let later = drawn.plus(Duration::from_secs(90));
        assert_eq!(age(credential, later), Duration::from_secs(90));
        assert_eq!(age(credential, Timestamp::from_millis(0)), Duration::ZERO);
    }
}
