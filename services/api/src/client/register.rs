//! Clients that come to be, and their secrets.

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::{Client, ClientCommand};
use countersign_events::{Actor, ClientEvent, ClientId, Position, SecretId, Timestamp};
use countersign_log::{Executed, Loaded, Meta, VaultKey, random};
use countersign_openapi as wire;

use super::{SecretDigest, Secrets, validated};
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::Caller;

/// A client that was made without a request, and its secret.
#[derive(Debug)]
pub struct NewClient {
    /// Its `client_id`.
    pub id: ClientId,
    /// Its `client_secret`.
    pub secret: wire::Secret,
}

/// A secret that was added.
pub(crate) struct AddedSecret {
    pub(crate) id: SecretId,
    pub(crate) secret: wire::Secret,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) position: Position,
}

impl App {
    /// Lets a client come to be. It has no way to prove itself yet.
    pub(crate) async fn register_client(
        &self,
        request: &Circumstances,
        actor: Actor,
        profile: wire::ClientProfile,
    ) -> Result<(ClientId, Position), Denied> {
        let profile = validated(profile)?;
        let id = ClientId::generate(request.now, random()?);
        let meta = request.meta(actor, None)?;
        let command = ClientCommand::Register { profile };
        let registered = self.clients.execute(id, &meta, &command).await?;
        Ok((id, registered.position))
    }

    /// Puts a command to a client, and refuses here and now the tokens that it
    /// ends.
    pub(crate) async fn put_client(
        &self,
        request: &Circumstances,
        actor: Actor,
        id: ClientId,
        command: &ClientCommand,
    ) -> Result<Executed<Client>, Denied> {
        let meta = request.meta(actor, None)?;
        self.carry_out(request, &meta, id, command).await
    }

    /// Lets a client get no tokens. The reason is sealed for the operator who
    /// wrote it, as it is about nobody else.
    pub(crate) async fn disable_client(
        &self,
        request: &Circumstances,
        caller: &Caller,
        id: ClientId,
        reason: &str,
    ) -> Result<Executed<Client>, Denied> {
        let operator = caller.account();
        let meta = request.meta(caller.actor(), None)?;
        let key = self.data_key(operator).await?;
        let note = key.seal(reason, operator, meta.message, "note")?;
        let command = ClientCommand::Disable { note: Some(note) };
        self.carry_out(request, &meta, id, &command).await
    }

    async fn carry_out(
        &self,
        request: &Circumstances,
        meta: &Meta,
        id: ClientId,
        command: &ClientCommand,
    ) -> Result<Executed<Client>, Denied> {
        let executed = self.clients.execute(id, meta, command).await?;
        for event in &executed.events {
            if let ClientEvent::SecretRemoved(removed) = event {
                self.discard_secret(removed.secret).await;
            }
        }
        self.refuse_older_locally(id, &executed.state, request.now)?;
        Ok(executed)
    }

    /// Gives a client one more secret: the vault learns its digest first, the
    /// log second, and who asked the secret itself, once.
    pub(crate) async fn add_client_secret(
        &self,
        request: &Circumstances,
        actor: Actor,
        id: ClientId,
        lifetime: Option<Duration>,
    ) -> Result<AddedSecret, Denied> {
        let secret = Secrets::draw()?;
        let stored = SecretId::generate(request.now, random()?);
        let digest = SecretDigest::of(secret.expose());
        let vault = self.log.vault();
        vault
            .create(VaultKey::Secret(stored), digest.bytes())
            .await?;
        let expires_at = lifetime.map(|lifetime| request.now.plus(lifetime));
        let command = ClientCommand::AddSecret {
            secret: stored,
            expires_at,
            now: request.now,
        };
        match self.put_client(request, actor, id, &command).await {
            Ok(added) => Ok(AddedSecret {
                id: stored,
                secret,
                expires_at,
                position: added.position,
            }),
            // What may have been stored stays.
            Err(denied @ Denied::Log(_)) => Err(denied),
            Err(denied) => {
                self.discard_secret(stored).await;
                Err(denied)
            }
        }
    }

    /// Makes a client without a request, for a deployment on this machine.
    pub async fn make_client(&self, profile: wire::ClientProfile) -> Result<NewClient, Denied> {
        let request = Circumstances::of_this_machine(self.clock.now())?;
        let (id, _) = self
            .register_client(&request, Actor::System, profile)
            .await?;
        let added = self
            .add_client_secret(&request, Actor::System, id, None)
            .await?;
        Ok(NewClient {
            id,
            secret: added.secret,
        })
    }

    /// Whether there is such a client, disabled or not.
    pub async fn knows_client(&self, id: ClientId) -> Result<bool, Denied> {
        let client = self.clients.current(id).await?;
        Ok(client.state.profile.is_some())
    }

    /// Refuses a client's ended tokens on this service from now on, without
    /// waiting for the feed to bring the news back.
    fn refuse_older_locally(
        &self,
        id: ClientId,
        client: &Arc<Loaded<Client>>,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let min_epoch = client.state.min_epoch;
        if min_epoch == 0 {
            return Ok(());
        }
        let forget_at = self.forget_at(now);
        self.verifier
            .revocations()
            .raise_epoch(id.uuid(), min_epoch, forget_at)
            .map_err(|full| Denied::Broken(full.to_string()))
    }
}
