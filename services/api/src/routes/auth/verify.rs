//! `GET /v1/auth/verify`

use countersign_openapi as wire;
use poem_openapi::OpenApi;
use poem_openapi::payload::Response;

use crate::http::Json;
use time::OffsetDateTime;

use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::routes::tags::Tags;

pub(crate) struct Verify;

#[OpenApi]
impl Verify {
    /// Check an access token
    ///
    /// For gateways that ask before they pass a request on (forward auth): 200
    /// with who it is, also in `Countersign-*` headers, or 401.
    #[oai(
        path = "/v1/auth/verify",
        method = "get",
        operation_id = "verify",
        tag = "Tags::Auth"
    )]
    async fn verify(&self, caller: SignedIn) -> poem::Result<Response<Json<wire::VerifyAnswer>>> {
        let claims = caller.0.claims();
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
