//! Clients: how a service proves that it is one, and what it is told when it
//! does not.
//!
//! A request goes through these files in order: [`presented`] reads what it
//! brings, of one method exactly; [`secret`] or [`assertion`] checks that; and
//! whatever is wrong, the answer is [`refused`]'s.

mod assertion;
mod keys;
mod presented;
mod profile;
mod refused;
mod register;
mod secret;

use std::sync::Arc;

use countersign_domain::Client;
use countersign_events::{ClientId, ClientProfile};
use countersign_log::Loaded;
use uuid::Uuid;

pub(crate) use keys::canonical_jwks;
pub(crate) use presented::{ClientHeader, ClientProof, Presented};
pub(crate) use profile::{Scopes, validated};
pub(crate) use refused::{CHALLENGE, OAuthRefused};
pub use register::NewClient;
pub(crate) use secret::{SecretDigest, Secrets};

use crate::app::App;
use crate::circumstances::Circumstances;

/// A client that has proved itself.
pub(crate) struct Authenticated {
    /// Its id.
    pub(crate) id: ClientId,
    /// What it is and may ask for.
    pub(crate) profile: ClientProfile,
    /// The epoch of tokens that are made for it now.
    pub(crate) epoch: u64,
}

impl App {
    /// Lets a client in that proves itself, as the log's leader knows it now.
    ///
    /// An unknown client, a disabled one and a wrong proof are one answer,
    /// after the same reads. Failures are counted; whoever has the right proof
    /// does not wait for them.
    pub(crate) async fn authenticate(
        &self,
        request: &Circumstances,
        presented: &Presented,
    ) -> Result<Authenticated, OAuthRefused> {
        // A name that no client can have is asked for like any other.
        let id = client_id(&presented.client_id).unwrap_or(ClientId::from_uuid(Uuid::max()));
        let client = self.clients.current(id).await?;
        let is_right = match &presented.proof {
            ClientProof::Secret(secret) => {
                self.client_secret_is_right(request, &client.state, secret)
                    .await?
            }
            ClientProof::Assertion(jwt) => {
                self.assertion_is_right(request, id, &client.state, jwt)
                    .await?
            }
        };
        match active(id, &client) {
            Some(authenticated) if is_right => Ok(authenticated),
            _ => {
                let name = presented.client_id.as_str();
                self.throttle
                    .client_failed(request.ip, name, request.now)
                    .await?;
                Err(OAuthRefused::InvalidClient)
            }
        }
    }
}

fn active(id: ClientId, client: &Arc<Loaded<Client>>) -> Option<Authenticated> {
    Some(Authenticated {
        id,
        profile: client.state.active()?.clone(),
        epoch: client.state.epoch,
    })
}

/// The id, if it is written as ids are: hyphenated, in lower case.
pub(crate) fn client_id(text: &str) -> Option<ClientId> {
    let id: ClientId = text.parse().ok()?;
    (id.to_string() == text).then_some(id)
}
