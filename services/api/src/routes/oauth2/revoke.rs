//! `POST /oauth2/revoke`

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::GrantCommand;
use countersign_events::{Actor, EndReason, GrantId, SessionId};
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::{ApiResponse, OpenApi};

use super::presented::holder;
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::client::{Authenticated, CHALLENGE, ClientHeader, OAuthRefused, Presented};
use crate::denied::Denied;
use crate::http::{Form, Json};
use crate::routes::auth::end_own;
use crate::routes::tags::Tags;

pub(crate) struct Revoke;

/// How long the log keeps that a token was revoked. Longer than any token
/// lives, and more than a day, so that a gap among young messages is known to
/// be damage.
const RETENTION: Duration = Duration::from_hours(48);

#[derive(ApiResponse)]
enum Revoked {
    /// The token is refused from now on, or was no token of the client's.
    #[oai(status = 200)]
    Ok,
    /// The request is refused.
    #[oai(status = 400)]
    Refused(Json<wire::OAuthError>),
    /// The client did not prove itself.
    #[oai(status = 401)]
    Unproven(
        Json<wire::OAuthError>,
        /// How it could have.
        #[oai(header = "WWW-Authenticate")]
        String,
    ),
}

#[OpenApi]
impl Revoke {
    /// Revoke a token
    ///
    /// For the client it was given to (RFC 7009). A service revokes tokens of
    /// its own. The first-party client, which has no secret, revokes a refresh
    /// token: that ends the session and refuses its access tokens. Of a token
    /// that is unknown or somebody else's nothing is said and nothing happens.
    /// A token that acts for a person ends with that person's session, or by
    /// itself after minutes: `unsupported_token_type`.
    #[oai(
        path = "/oauth2/revoke",
        method = "post",
        operation_id = "revoke_token",
        tag = "Tags::OAuth"
    )]
    async fn revoke_token(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        header: ClientHeader,
        form: Form<wire::TokenQuestion>,
    ) -> poem::Result<Revoked> {
        match revoked(app.0, &request, header, form).await {
            Ok(()) => Ok(Revoked::Ok),
            Err(refused @ OAuthRefused::Denied(_)) => Err(refused.into()),
            Err(refused @ OAuthRefused::InvalidClient) => {
                Ok(Revoked::Unproven(Json(refused.told().1), CHALLENGE.into()))
            }
            Err(refused @ OAuthRefused::Invalid(..)) => {
                Ok(Revoked::Refused(Json(refused.told().1)))
            }
        }
    }
}

async fn revoked(
    app: &App,
    request: &Circumstances,
    header: ClientHeader,
    form: Form<wire::TokenQuestion>,
) -> Result<(), OAuthRefused> {
    let form = form.0.map_err(OAuthRefused::form)?;
    let is_public = matches!(header, ClientHeader::None)
        && form.client_secret.is_none()
        && form.client_assertion.is_none()
        && form.client_assertion_type.is_none()
        && form.client_id.as_ref() == Some(&app.config.client_id);
    if is_public {
        let token = form.token.ok_or(NO_TOKEN)?;
        return app.revoke_of_people(request, &token).await;
    }
    let presented = Presented::read(header, (&form).into())?;
    let client = app.authenticate(request, &presented).await?;
    let token = form.token.ok_or(NO_TOKEN)?;
    app.revoke_of_service(request, &client, &token).await
}

const NO_TOKEN: OAuthRefused = OAuthRefused::request("token is missing");

/// A token that is the client's own, but does not end alone.
const NOT_ALONE: OAuthRefused = OAuthRefused::Invalid(
    wire::OAuthErrorCode::UnsupportedTokenType,
    "this token ends with its session",
);

impl App {
    /// Ends the session of a refresh token.
    async fn revoke_of_people(
        &self,
        request: &Circumstances,
        token: &wire::Secret,
    ) -> Result<(), OAuthRefused> {
        let own = &self.config.client_id;
        let Ok(refresh) = self.refresh_tokens.open(token.expose()) else {
            // An access token of a person's is worth knowing about.
            let audience = [self.config.audience.clone()];
            let believed = self.believed(request, token.expose(), audience.iter())?;
            return match believed {
                Some(claims) if claims.client_id == *own => Err(NOT_ALONE),
                _ => Ok(()),
            };
        };
        let session: SessionId = refresh.session;
        let held = self.sessions.current(session).await?;
        if held.state.get().is_none_or(|live| live.client != *own) {
            return Ok(());
        }
        end_own(self, request, session, EndReason::Logout).await?;
        Ok(())
    }

    /// Revokes a client's token of its own.
    async fn revoke_of_service(
        &self,
        request: &Circumstances,
        client: &Authenticated,
        token: &wire::Secret,
    ) -> Result<(), OAuthRefused> {
        let audiences = client.profile.audiences.iter();
        let believed = self.believed(request, token.expose(), audiences)?;
        let Some(claims) = believed.filter(|claims| holder(claims) == Some(client.id)) else {
            return Ok(());
        };
        if !claims.is_service() {
            return Err(NOT_ALONE);
        }
        let grant = GrantId::from_uuid(claims.sid);
        let meta = request.meta(Actor::Client(client.id), None)?;
        let command = GrantCommand::Revoke {
            client: client.id,
            forget_at: request.now.plus(RETENTION),
        };
        let done = self.grants.execute(grant, &meta, &command).await;
        done.map_err(Denied::from)?;
        self.revoke_locally(SessionId::from_uuid(claims.sid), request.now)?;
        Ok(())
    }
}
