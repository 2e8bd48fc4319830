//! Answers that say where they stand in the log.

use countersign_events::Position;
use countersign_openapi as wire;
use countersign_openapi::{AS_OF_HEADER, POSITION_HEADER};
use countersign_views::session::AsOf;
use poem_openapi::ApiResponse;
use poem_openapi::types::{ParseFromJSON, ToJSON};
use serde::Serialize;

use crate::as_of;
use crate::http::Json;

/// 200 and what there is, or was.
#[derive(ApiResponse)]
pub enum Found<T: ParseFromJSON + ToJSON + Serialize + Send + Sync> {
    /// Found.
    #[oai(status = 200)]
    Ok(
        Json<T>,
        /// As of when the answer is, if that was asked; sent back as `as_of`,
        /// it asks for the same state again.
        #[oai(header = "Countersign-As-Of")]
        Option<String>,
    ),
}

/// 200 and what was made of it.
#[derive(ApiResponse)]
pub enum Written<T: ParseFromJSON + ToJSON + Serialize + Send + Sync> {
    /// Done. `Countersign-Position` says where in the log.
    #[oai(status = 200)]
    Ok(
        Json<T>,
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
    ),
}

/// 200, with what the client keeps.
#[derive(ApiResponse)]
pub enum Carried<T: ParseFromJSON + ToJSON + Serialize + Send + Sync> {
    /// Done. `Countersign-Position` says where in the log.
    #[oai(status = 200)]
    Ok(
        Json<T>,
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
        /// The refresh token, for clients that asked for it in a cookie.
        #[oai(header = "Set-Cookie")]
        Option<String>,
    ),
}

/// 201, with what the client keeps.
#[derive(ApiResponse)]
pub enum Registered<T: ParseFromJSON + ToJSON + Serialize + Send + Sync> {
    /// Created. `Countersign-Position` says where in the log.
    #[oai(status = 201)]
    Created(
        Json<T>,
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
        /// The refresh token, for clients that asked for it in a cookie.
        #[oai(header = "Set-Cookie")]
        Option<String>,
    ),
    /// A mail was sent to the address, whether or not it has an account: its
    /// link has to be opened before the first login.
    #[oai(status = 202)]
    Accepted,
}

/// 204, taking away what the client kept.
#[derive(ApiResponse)]
pub enum Left {
    /// Done. `Countersign-Position` says where in the log.
    #[oai(status = 204)]
    NoContent(
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
        /// Takes the cookie away, if there was one.
        #[oai(header = "Set-Cookie")]
        Option<String>,
    ),
}

/// 202: a mail is on its way, if there is anybody to send it to.
#[derive(ApiResponse)]
pub enum MailSent {
    /// Taken in. Whether the address has an account is not said.
    #[oai(status = 202)]
    Accepted,
}

/// 204: nothing more to say than where it stands.
#[derive(ApiResponse)]
pub enum Done {
    /// Done. `Countersign-Position` says where in the log.
    #[oai(status = 204)]
    NoContent(
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
    ),
}

/// 204; or 200 with who has applied it, for who asked to wait for that.
#[derive(ApiResponse)]
pub enum Waited {
    /// Done. `Countersign-Position` says where in the log.
    #[oai(status = 204)]
    NoContent(
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
    ),
    /// Done, and waited for; the body says who has not applied it.
    #[oai(status = 200)]
    Ok(
        Json<wire::Revoked>,
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
    ),
}

const _: () = assert!(POSITION_HEADER.len() == "Countersign-Position".len());

const _: () = assert!(AS_OF_HEADER.len() == "Countersign-As-Of".len());

/// 200 and what there is; or what there was, if it was asked as of when.
pub(super) fn found<T: ParseFromJSON + ToJSON + Serialize + Send + Sync>(
    body: T,
    as_of: Option<&AsOf>,
) -> Found<T> {
    Found::Ok(Json(body), as_of.map(as_of::show))
}

/// 200 at a position.
pub(super) fn written<T: ParseFromJSON + ToJSON + Serialize + Send + Sync>(
    body: T,
    at: Position,
) -> Written<T> {
    Written::Ok(Json(body), at.to_string())
}

/// 200 with a cookie, perhaps.
pub(super) fn carried<T: ParseFromJSON + ToJSON + Serialize + Send + Sync>(
    body: T,
    at: Position,
    cookie: Option<String>,
) -> Carried<T> {
    Carried::Ok(Json(body), at.to_string(), cookie)
}

/// 204 at a position.
pub(super) fn done(at: Position) -> Done {
    Done::NoContent(at.to_string())
}
