//! `GET /v1/auth/verify`

use std::sync::Arc;

use countersign_openapi as wire;
use countersign_verifier::{Acr, require};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use poem_openapi::payload::Response;
use time::OffsetDateTime;

use crate::app::App;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::routes::tags::Tags;

pub(crate) struct Verify;

#[OpenApi]
impl Verify {
    /// Check an access token
    ///
    /// For gateways that ask before they pass a request on (forward auth): 200
    /// with who it is, also in `Countersign-*` headers, or 401. A place that
    /// needs more says so in the query: 401 then asks for a step-up
    /// (RFC 9470), and 403 says that a role is missing.
    #[oai(
        path = "/v1/auth/verify",
        method = "get",
        operation_id = "verify",
        tag = "Tags::Auth"
    )]
    async fn verify(
        &self,
        app: Data<&Arc<App>>,
        caller: SignedIn,
        /// How strongly the person must be known.
        acr: Query<Option<wire::Acr>>,
        /// How many seconds old the authentication may be.
        max_age: Query<Option<u64>>,
        /// A role that the account must have.
        role: Query<Option<String>>,
    ) -> poem::Result<Response<Json<wire::VerifyAnswer>>> {
        let claims = caller.0.claims();
        if role.0.is_some_and(|role| !claims.has_role(&role)) {
            return Err(Denied::Forbidden.into());
        }
        let level = acr.0.map(|acr| match acr {
            wire::Acr::Aal1 => Acr::Aal1,
            wire::Acr::Aal2 => Acr::Aal2,
            wire::Acr::Aal3 => Acr::Aal3,
        });
        let now = u64::try_from(app.0.clock.now().as_seconds()).unwrap_or_default();
        require(claims, level, max_age.0, now).map_err(Denied::StepUp)?;
        let moment = |seconds: u64| {
            i64::try_from(seconds)
                .ok()
                .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
                .ok_or_else(|| Denied::Broken("a claim is no time".into()))
        };
        let acr = match claims.acr.as_deref() {
            Some("aal3") => wire::Acr::Aal3,
            Some("aal2") => wire::Acr::Aal2,
            _ => wire::Acr::Aal1,
        };
        let answer = wire::VerifyAnswer {
            account_id: claims.sub,
            session_id: claims.sid,
            client_id: claims.client_id.clone(),
            roles: claims.roles.clone(),
            scope: claims.scope.clone(),
            acr,
            amr: claims.amr.clone(),
            auth_time: moment(claims.auth_time.unwrap_or(claims.iat))?,
            expires_at: moment(claims.exp)?,
        };
        Ok(Response::new(Json(answer))
            .header("Countersign-Account", claims.sub.to_string())
            .header("Countersign-Session", claims.sid.to_string())
            .header("Countersign-Client", claims.client_id.as_str())
            .header("Countersign-Roles", claims.roles.join(" "))
            .header("Countersign-Acr", claims.acr.as_deref().unwrap_or_default()))
    }
}
