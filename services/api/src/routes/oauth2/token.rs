//! `POST /oauth2/token`

use std::sync::Arc;

use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;

use super::answer::{OAuthAnswer, answered};
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::client::{Authenticated, ClientHeader, OAuthRefused, Presented, Scopes};
use crate::http::Form;
use crate::routes::tags::Tags;

pub(crate) struct Token;

const CLIENT_CREDENTIALS: &str = "client_credentials";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The one type of token there is for services (RFC 8693 section 3).
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[OpenApi]
impl Token {
    /// Get a token for a service
    ///
    /// For a client that proves itself: a token of its own
    /// (`client_credentials`), or one for somebody whose token it was called
    /// with (token exchange, RFC 8693). It is good for five minutes, and there
    /// is no refresh token.
    #[oai(
        path = "/oauth2/token",
        method = "post",
        operation_id = "token",
        tag = "Tags::OAuth"
    )]
    async fn token(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        header: ClientHeader,
        form: Form<wire::TokenRequest>,
    ) -> poem::Result<OAuthAnswer<wire::ServiceToken>> {
        answered(given(app.0, &request, header, form).await)
    }
}

async fn given(
    app: &App,
    request: &Circumstances,
    header: ClientHeader,
    form: Form<wire::TokenRequest>,
) -> Result<wire::ServiceToken, OAuthRefused> {
    let form = form.0.map_err(OAuthRefused::form)?;
    let presented = Presented::read(header, (&form).into())?;
    let client = app.authenticate(request, &presented).await?;
    match form.grant_type.as_deref() {
        Some(CLIENT_CREDENTIALS) => app.client_credentials(request, &client, &form),
        Some(TOKEN_EXCHANGE) => app.exchange(request, &client, &form).await,
        None => Err(OAuthRefused::request("grant_type is missing")),
        Some(_) => Err(OAuthRefused::Invalid(
            wire::OAuthErrorCode::UnsupportedGrantType,
            "expected client_credentials or token exchange",
        )),
    }
}

/// The audience that is asked for: a registered one, which may be left out if
/// there is only one.
pub(super) fn audience<'a>(
    client: &'a Authenticated,
    form: &wire::TokenRequest,
) -> Result<&'a str, OAuthRefused> {
    let registered = &client.profile.audiences;
    let asked = match (&form.audience, &form.resource) {
        (Some(audience), Some(resource)) if audience != resource => {
            return Err(OAuthRefused::request(
                "audience and resource are not the same",
            ));
        }
        (Some(asked), _) | (None, Some(asked)) => asked,
        (None, None) => {
            return match registered.as_slice() {
                [only] => Ok(only),
                _ => Err(OAuthRefused::target("say for which audience")),
            };
        }
    };
    let found = registered.iter().find(|audience| *audience == asked);
    found
        .map(String::as_str)
        .ok_or(OAuthRefused::target("the audience is not registered"))
}

/// The scopes that are asked for: registered ones, or all of them.
pub(super) fn scopes(
    client: &Authenticated,
    form: &wire::TokenRequest,
) -> Result<Scopes, OAuthRefused> {
    let registered = Scopes::of(&client.profile.scopes);
    let Some(asked) = &form.scope else {
        return Ok(registered);
    };
    let asked = Scopes::parse(asked).ok_or(OAuthRefused::scope(
        "expected words, separated by single spaces",
    ))?;
    if asked.is_within(&registered) {
        Ok(asked)
    } else {
        Err(OAuthRefused::scope("a scope is not registered"))
    }
}
