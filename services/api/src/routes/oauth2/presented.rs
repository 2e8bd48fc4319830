//! An access token that a service shows: what it says, and whether it is good
//! as the log's leader knows it.

use countersign_events::{AccountId, ClientId, GrantId, SessionId};
use countersign_verifier::{Actor, Claims, Refusal};

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::client::client_id;
use crate::denied::Denied;

impl App {
    /// The claims of a token of ours that names one of `audiences` and that
    /// the verifier believes. None: it does not, whatever is wrong.
    pub(super) fn believed<'a>(
        &self,
        request: &Circumstances,
        token: &str,
        audiences: impl Iterator<Item = &'a String>,
    ) -> Result<Option<Claims>, Denied> {
        if self.feed.is_blind() {
            return Err(Denied::Blind);
        }
        let now = u64::try_from(request.now.as_seconds()).unwrap_or_default();
        for audience in audiences {
            match self.verifier.check_for(audience, token, now) {
                Ok(claims) => return Ok(Some(claims)),
                Err(Refusal::WrongAudience) => {}
                Err(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Whether everything the token rests on is good as the leader knows it
    /// now: its session and account, or its client and grant, and whoever acts.
    pub(super) async fn stands(
        &self,
        request: &Circumstances,
        claims: &Claims,
    ) -> Result<bool, Denied> {
        let actors = claims.act.iter().flat_map(Actor::chain);
        for actor in actors {
            let id = ClientId::from_uuid(actor.sub);
            if !self.client_stands(id, actor.epoch).await? {
                return Ok(false);
            }
        }
        if claims.is_service() {
            let id = ClientId::from_uuid(claims.sub);
            let grant = self.grants.current(GrantId::from_uuid(claims.sid)).await?;
            return Ok(!grant.state.is_revoked && self.client_stands(id, claims.epoch).await?);
        }
        let session = SessionId::from_uuid(claims.sid);
        let session = self.sessions.current(session).await?;
        let account = AccountId::from_uuid(claims.sub);
        let Some(live) = session.state.get() else {
            return Ok(false);
        };
        if live.account != account || live.ended.is_some() || request.now >= live.expires_at {
            return Ok(false);
        }
        let account = self.accounts.current(account).await?;
        Ok(account.state.is_active() && claims.epoch >= account.state.min_epoch)
    }

    async fn client_stands(&self, id: ClientId, epoch: u64) -> Result<bool, Denied> {
        let client = self.clients.current(id).await?;
        Ok(client.state.active().is_some() && epoch >= client.state.min_epoch)
    }
}

/// The client that a token was given to; none for the first-party client.
pub(super) fn holder(claims: &Claims) -> Option<ClientId> {
    client_id(&claims.client_id)
}
