//! A client's token of its own (RFC 6749 section 4.4).

use countersign_events::GrantId;
use countersign_log::random;
use countersign_openapi as wire;
use countersign_verifier::{Audience, Claims};

use super::token::{audience, scopes};
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::client::{Authenticated, OAuthRefused};
use crate::keys::token_id;

impl App {
    /// Makes the token. Its grant has no subject in the log before it is
    /// revoked: that a token was given is no event.
    pub(super) fn client_credentials(
        &self,
        request: &Circumstances,
        client: &Authenticated,
        form: &wire::TokenRequest,
    ) -> Result<wire::ServiceToken, OAuthRefused> {
        if form.subject_token.is_some() || form.actor_token.is_some() {
            return Err(OAuthRefused::request(
                "a token of one's own is not got with another",
            ));
        }
        let audience = audience(client, form)?;
        let scope = scopes(client, form)?.text();
        let issued = u64::try_from(request.now.as_seconds()).unwrap_or_default();
        let lifetime = self.config.service_token.as_secs();
        let grant = GrantId::generate(client.id, request.now, random()?);
        let claims = Claims {
            iss: self.config.issuer.clone(),
            sub: client.id.uuid(),
            aud: Audience::from(audience),
            exp: issued + lifetime,
            iat: issued,
            nbf: issued,
            jti: token_id()?,
            client_id: client.id.to_string(),
            sid: grant.uuid(),
            epoch: client.epoch,
            scope: scope.clone(),
            roles: Vec::new(),
            acr: None,
            amr: Vec::new(),
            auth_time: None,
            cnf: None,
            act: None,
        };
        Ok(wire::ServiceToken {
            access_token: wire::Secret::new(self.sign(&claims)?),
            issued_token_type: None,
            token_type: wire::TokenType::Bearer,
            expires_in: lifetime,
            scope,
        })
    }
}
