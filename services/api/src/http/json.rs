//! JSON bodies, in and out.

use countersign_openapi::{FieldError, ProblemCode};
use poem::http::{HeaderValue, header};
use poem::{Body, IntoResponse, Request, RequestBody, Response, Result};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::explain::explain;
use super::problem::Problem;
use super::strict;

/// A JSON body: of a request, or of an answer.
///
/// It stands in for `poem_openapi::payload::Json` and differs in what a client
/// sees. A request that does not fit is `validation_failed`, with every field
/// that is wrong and without what was sent; equal keys are refused; any other
/// content type than `application/json` is `unsupported_media_type`. An answer
/// is written by serde, without a detour over [`Value`].
///
/// `Json<Option<T>>` takes a request without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// A bound for the reader; what counts is
/// [`Limits::json_depth_max`](super::Limits::json_depth_max), which the shell
/// has checked before.
const DEPTH_MAX: usize = 64;

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    /// `application/json`, with or without parameters, whatever they say: JSON
    /// is UTF-8 (RFC 8259 section 8.1), and that is checked.
    fn check_content_type(content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(Self::CONTENT_TYPE)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

fn read<T: ParseFromJSON + DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let value = strict::parse(body, DEPTH_MAX)
        .map_err(|error| Problem::invalid(vec![FieldError::at("", error.to_string())]))?;
    // poem-openapi takes numbers and booleans for strings; serde does not.
    if T::deserialize(&value).is_err() {
        return Err(Problem::invalid(explain::<T>(&value)));
    }
    T::parse_from_json(Some(value)).map_err(|_| {
        // The value is gone; what was wrong with it is worth reading it again.
        let value = strict::parse(body, DEPTH_MAX).unwrap_or_default();
        Problem::invalid(explain::<T>(&value))
    })
}

impl<'a, T: ParseFromJSON + DeserializeOwned> ApiExtractor<'a> for Json<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: Self::CONTENT_TYPE,
                schema: T::schema_ref(),
            }],
            required: T::IS_REQUIRED,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let body = body.take()?.into_bytes().await?;
        if body.is_empty() && !T::IS_REQUIRED {
            return match T::parse_from_json(Some(Value::Null)) {
                Ok(nothing) => Ok(Self(nothing)),
                Err(_) => Err(Problem::new(ProblemCode::ValidationFailed).into()),
            };
        }
        if !request.content_type().is_some_and(Self::check_content_type) {
            return Err(Problem::new(ProblemCode::UnsupportedMediaType).into());
        }
        Ok(Self(read(&body)?))
    }
}

impl<T: Serialize + Send> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let mut response = Response::builder().body(Body::from_vec(body));
                response.headers_mut().insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                );
                response
            }
            // Not reached with wire types: their keys are strings and their
            // maps are finite.
            Err(_) => Problem::new(ProblemCode::InternalError).respond(None),
        }
    }
}

impl<T: Type + Serialize> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: Self::CONTENT_TYPE,
                    schema: T::schema_ref(),
                }],
                headers: vec![],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
