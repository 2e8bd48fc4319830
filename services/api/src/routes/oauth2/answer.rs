//! Answers of OAuth (RFC 6749 section 5).

use countersign_openapi as wire;
use poem::http::StatusCode;
use poem_openapi::ApiResponse;
use poem_openapi::types::{ParseFromJSON, ToJSON};
use serde::Serialize;

use crate::client::{CHALLENGE, OAuthRefused};
use crate::http::Json;

/// What a service is answered.
#[derive(ApiResponse)]
pub enum OAuthAnswer<T: ParseFromJSON + ToJSON + Serialize + Send + Sync> {
    /// Done.
    #[oai(status = 200)]
    Ok(
        Json<T>,
        /// `no-store`: nobody keeps it.
        #[oai(header = "Cache-Control")]
        String,
    ),
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

/// The answer to what went well or was refused.
pub(super) fn answered<T: ParseFromJSON + ToJSON + Serialize + Send + Sync>(
    outcome: Result<T, OAuthRefused>,
) -> poem::Result<OAuthAnswer<T>> {
    match outcome {
        Ok(body) => Ok(OAuthAnswer::Ok(Json(body), "no-store".into())),
        Err(refused @ OAuthRefused::Denied(_)) => Err(refused.into()),
        Err(refused) => {
            let (status, body, _) = refused.told();
            Ok(match status {
                StatusCode::UNAUTHORIZED => OAuthAnswer::Unproven(Json(body), CHALLENGE.into()),
                _ => OAuthAnswer::Refused(Json(body)),
            })
        }
    }
}
