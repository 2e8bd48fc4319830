//! Answers that say where they stand in the log.

use countersign_events::Position;
use countersign_openapi::POSITION_HEADER;
use poem_openapi::ApiResponse;
use poem_openapi::types::{ParseFromJSON, ToJSON};
use serde::Serialize;

use crate::http::Json;

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

/// 201 and what was created.
#[derive(ApiResponse)]
pub enum Created<T: ParseFromJSON + ToJSON + Serialize + Send + Sync> {
    /// Created. `Countersign-Position` says where in the log.
    #[oai(status = 201)]
    Created(
        Json<T>,
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
    ),
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

const _: () = assert!(POSITION_HEADER.len() == "Countersign-Position".len());

/// 200 at a position.
pub(super) fn written<T: ParseFromJSON + ToJSON + Serialize + Send + Sync>(
    body: T,
    at: Position,
) -> Written<T> {
    Written::Ok(Json(body), at.to_string())
}

/// 201 at a position.
pub(super) fn created<T: ParseFromJSON + ToJSON + Serialize + Send + Sync>(
    body: T,
    at: Position,
) -> Created<T> {
    Created::Created(Json(body), at.to_string())
}

/// 204 at a position.
pub(super) fn done(at: Position) -> Done {
    Done::NoContent(at.to_string())
}
