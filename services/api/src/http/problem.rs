//! The one error of the HTTP layer: from a refusal, a failure or a foreign
//! error to problem details (RFC 9457).

use std::borrow::Cow;
use std::fmt;

use countersign_openapi::{
    FieldError, PROBLEM_CONTENT_TYPE, ProblemCode, ProblemDetails, display_safe_to,
};
use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError, ResponseError};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, Response};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};
use uuid::Uuid;

use super::routes::Route;

/// Seconds in `Retry-After` where nobody knows better.
const RETRY_AFTER_SECONDS: u32 = 1;

/// An error on its way to the client.
///
/// Handlers return `poem::Result<..>` and use `?` on it. It never carries what
/// the client sent: only codes, sentences of ours and names of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: ProblemCode,
    closing: bool,
    retry_after: Option<u32>,
    detail: Option<Cow<'static, str>>,
    challenge: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
}

impl Problem {
    /// The problem with what is fixed about its code.
    pub const fn new(code: ProblemCode) -> Self {
        Self {
            code,
            closing: false,
            retry_after: None,
            detail: None,
            challenge: None,
            errors: Vec::new(),
        }
    }

    /// `validation_failed`, with what is wrong field by field.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(ProblemCode::ValidationFailed)
        }
    }

    /// A sentence about this occurrence, for people.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// When to try again, in seconds. 429 and 503 say one second unless told
    /// otherwise.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The `WWW-Authenticate` of a 401, in place of the code's usual one.
    #[must_use]
    pub fn challenge(mut self, challenge: impl Into<Cow<'static, str>>) -> Self {
        self.challenge = Some(challenge.into());
        self
    }

    /// A stronger or fresher login is needed (RFC 9470 section 3). `max_age`
    /// is in seconds.
    pub fn step_up(acr: &str, max_age: Option<u32>) -> Self {
        let max_age = max_age
            .map(|seconds| format!(", max_age=\"{seconds}\""))
            .unwrap_or_default();
        let challenge = format!(
            "Bearer error=\"insufficient_user_authentication\", acr_values=\"{acr}\"{max_age}"
        );
        Self::new(ProblemCode::InsufficientUserAuthentication).challenge(challenge)
    }

    /// Close the HTTP/1 connection after this answer: the rest of the request
    /// is not worth reading.
    #[must_use]
    pub(super) const fn closing(mut self) -> Self {
        self.closing = true;
        self
    }

    /// What it is.
    pub const fn code(&self) -> ProblemCode {
        self.code
    }

    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.facts().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn wait(&self) -> Option<u32> {
        self.retry_after.or_else(|| {
            matches!(self.code.facts().status, 429 | 503).then_some(RETRY_AFTER_SECONDS)
        })
    }

    /// The body.
    pub fn details(&self, request_id: Option<Uuid>) -> ProblemDetails {
        ProblemDetails {
            detail: self.detail.as_deref().map(str::to_owned),
            request_id,
            retry_after: self.wait(),
            errors: self.errors.clone(),
            ..ProblemDetails::new(self.code)
        }
    }

    /// The answer: exactly `application/problem+json`.
    pub fn respond(&self, request_id: Option<Uuid>) -> Response {
        let body = serde_json::to_vec(&self.details(request_id)).unwrap_or_default();
        let mut response = Response::builder()
            .status(self.status_code())
            .body(Body::from_vec(body));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(PROBLEM_CONTENT_TYPE),
        );
        if let Some(seconds) = self.wait() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.www_authenticate() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.closing {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// A 401 has to name a scheme (RFC 9110 section 15.5.2), a refused token
    /// also its error (RFC 6750 section 3.1).
    fn www_authenticate(&self) -> Option<HeaderValue> {
        if let Some(challenge) = &self.challenge {
            return HeaderValue::from_str(challenge).ok();
        }
        let usual = match self.code {
            ProblemCode::TokenInvalid
            | ProblemCode::TokenExpired
            | ProblemCode::TokenRevoked
            | ProblemCode::SessionRevoked => "Bearer error=\"invalid_token\"",
            code if code.facts().status == 401 => "Bearer",
            _ => return None,
        };
        Some(HeaderValue::from_static(usual))
    }
}

/// The code alone: safe in any log.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)
    }
}

impl std::error::Error for Problem {}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        Self::new(code)
    }
}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status_code()
    }

    fn as_response(&self) -> Response {
        self.respond(None)
    }
}

/// What is left to say when the document says nothing.
const NOT_AS_DESCRIBED: &str = "is missing or not as the OpenAPI document describes it";

/// Any error that a handler, poem or poem-openapi returned.
///
/// The texts of foreign errors repeat what was sent, so none of them is passed
/// on.
pub(super) fn from_error(error: poem::Error, route: Option<&Route>) -> Problem {
    let parameter = |name: &'static str| {
        let known = route.and_then(|route| route.parameter(name));
        let (name, message) = known.unwrap_or((name, NOT_AS_DESCRIBED));
        Problem::invalid(vec![FieldError::parameter(name, message)])
    };
    let error = match error.downcast::<Problem>() {
        Ok(problem) => return problem,
        Err(error) => error,
    };
    if error.is::<NotFoundError>() {
        ProblemCode::NotFound.into()
    } else if error.is::<MethodNotAllowedError>() {
        ProblemCode::MethodNotAllowed.into()
    } else if let Some(error) = error.downcast_ref::<ParseParamError>() {
        parameter(error.name)
    } else if let Some(error) = error.downcast_ref::<ParsePathError>() {
        parameter(error.name)
    } else if error.is::<ParseRequestPayloadError>() {
        Problem::invalid(vec![FieldError::at("", NOT_AS_DESCRIBED)])
    } else if error.is::<ContentTypeError>() {
        ProblemCode::UnsupportedMediaType.into()
    } else if error.is::<AuthorizationError>() {
        ProblemCode::TokenMissing.into()
    } else if let Some(ReadBodyError::PayloadTooLarge) = error.downcast_ref() {
        ProblemCode::PayloadTooLarge.into()
    } else {
        from_status(error.status())
    }
}

/// The code for an answer that is an error and says no more than its status.
pub(super) fn from_status(status: StatusCode) -> Problem {
    let code = match status.as_u16() {
        401 => ProblemCode::TokenMissing,
        403 => ProblemCode::InsufficientPermissions,
        404 | 410 => ProblemCode::NotFound,
        405 => ProblemCode::MethodNotAllowed,
        408 => ProblemCode::RequestTimeout,
        409 | 412 => ProblemCode::Conflict,
        413 => ProblemCode::PayloadTooLarge,
        415 => ProblemCode::UnsupportedMediaType,
        429 => ProblemCode::RateLimited,
        431 => ProblemCode::HeadersTooLarge,
        502..=504 => ProblemCode::Unavailable,
        400..500 => ProblemCode::ValidationFailed,
        _ => ProblemCode::InternalError,
    };
    Problem::new(code)
}

/// The text of a foreign server error, for the log: such an error comes from a
/// library, not from a handler, and its text is the only trace of it.
pub(super) fn log_text(error: &poem::Error) -> Option<String> {
    let foreign = error.status().is_server_error() && !error.is::<Problem>();
    foreign.then(|| display_safe_to(&error.to_string(), 200).into_owned())
}
