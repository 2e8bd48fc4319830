//! `POST /oauth2/introspect`

use std::sync::Arc;

use countersign_openapi as wire;
use countersign_verifier::{Actor, Claims};
use poem::web::Data;
use poem_openapi::OpenApi;

use super::answer::{OAuthAnswer, answered};
use super::presented::holder;
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::client::{ClientHeader, OAuthRefused, Presented};
use crate::http::Form;
use crate::routes::tags::Tags;

pub(crate) struct Introspect;

#[OpenApi]
impl Introspect {
    /// Ask what an access token is
    ///
    /// For the service it is for, or that it was given to (RFC 7662). Of any
    /// other token, and of one that is no good, the answer is that it is not
    /// active, and nothing else.
    #[oai(
        path = "/oauth2/introspect",
        method = "post",
        operation_id = "introspect",
        tag = "Tags::OAuth"
    )]
    async fn introspect(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        header: ClientHeader,
        form: Form<wire::TokenQuestion>,
    ) -> poem::Result<OAuthAnswer<wire::Introspection>> {
        answered(looked_at(app.0, &request, header, form).await)
    }
}

async fn looked_at(
    app: &App,
    request: &Circumstances,
    header: ClientHeader,
    form: Form<wire::TokenQuestion>,
) -> Result<wire::Introspection, OAuthRefused> {
    let form = form.0.map_err(OAuthRefused::form)?;
    let presented = Presented::read(header, (&form).into())?;
    let client = app.authenticate(request, &presented).await?;
    let token = form
        .token
        .ok_or(OAuthRefused::request("token is missing"))?;
    let profile = &client.profile;
    let audiences = profile.serves.iter().chain(&profile.audiences);
    let believed = app.believed(request, token.expose(), audiences)?;
    let may_know = |claims: &Claims| {
        holder(claims) == Some(client.id)
            || profile.serves.iter().any(|own| claims.aud.contains(own))
    };
    match believed.filter(may_know) {
        Some(claims) if app.stands(request, &claims).await? => Ok(told(claims)),
        _ => Ok(wire::Introspection::default()),
    }
}

fn told(claims: Claims) -> wire::Introspection {
    let is_service = claims.is_service();
    wire::Introspection {
        active: true,
        iss: Some(claims.iss),
        sub: Some(claims.sub),
        aud: Some(claims.aud.iter().map(str::to_owned).collect()),
        exp: Some(claims.exp),
        iat: Some(claims.iat),
        nbf: Some(claims.nbf),
        jti: Some(claims.jti),
        client_id: Some(claims.client_id),
        scope: Some(claims.scope),
        roles: Some(claims.roles),
        acr: claims.acr,
        amr: (!is_service).then_some(claims.amr),
        auth_time: claims.auth_time,
        sid: Some(claims.sid),
        act: claims.act.as_ref().map(actor),
        token_type: Some(wire::TokenType::Bearer),
    }
}

fn actor(actor: &Actor) -> wire::TokenActor {
    wire::TokenActor {
        sub: actor.sub,
        epoch: actor.epoch,
        act: actor
            .act
            .as_deref()
            .map(|before| Box::new(self::actor(before))),
    }
}
