//! What a service is told that is refused: errors of OAuth (RFC 6749 section
//! 5.2), which are not problem details.

use std::fmt;

use countersign_openapi::{OAuthError, OAuthErrorCode, ProblemCode};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};

use crate::denied::Denied;
use crate::http::{Json, NoForm, Problem};

/// Why a service is refused.
#[derive(Debug)]
pub(crate) enum OAuthRefused {
    /// The client did not prove itself, whatever was wrong with it.
    InvalidClient,
    /// The request cannot be carried out as it is.
    Invalid(OAuthErrorCode, &'static str),
    /// Something else than a rule of OAuth.
    Denied(Denied),
}

impl OAuthRefused {
    /// A request that is not as it should be.
    pub(crate) const fn request(description: &'static str) -> Self {
        Self::Invalid(OAuthErrorCode::InvalidRequest, description)
    }

    /// A body that is no form.
    pub(crate) const fn form(no: NoForm) -> Self {
        Self::request(match no {
            NoForm::ContentType => "expected application/x-www-form-urlencoded",
            NoForm::Malformed => "the form is malformed",
            NoForm::Twice => "a parameter comes more than once",
            NoForm::TooMany => "there are too many parameters",
        })
    }

    /// A scope that is not given.
    pub(crate) const fn scope(description: &'static str) -> Self {
        Self::Invalid(OAuthErrorCode::InvalidScope, description)
    }

    /// An audience that is not given.
    pub(crate) const fn target(description: &'static str) -> Self {
        Self::Invalid(OAuthErrorCode::InvalidTarget, description)
    }

    /// The status, the body, and when to come again, in seconds.
    pub(crate) fn told(self) -> (StatusCode, OAuthError, Option<u32>) {
        let error = |error, description: &str| OAuthError {
            error,
            error_description: description.to_owned(),
        };
        match self {
            Self::InvalidClient => (
                StatusCode::UNAUTHORIZED,
                error(
                    OAuthErrorCode::InvalidClient,
                    "the client did not prove itself, by one method",
                ),
                None,
            ),
            Self::Invalid(code, description) => {
                (StatusCode::BAD_REQUEST, error(code, description), None)
            }
            // Which status it is stands in the one table.
            Self::Denied(denied) => {
                let problem = Problem::from(denied);
                let facts = problem.code().facts();
                let status =
                    StatusCode::from_u16(facts.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                match status {
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        let wait = problem.details(None).retry_after;
                        let code = OAuthErrorCode::TemporarilyUnavailable;
                        (status, error(code, facts.title), wait)
                    }
                    _ => (
                        StatusCode::INTERNAL_SERVER_ERROR,
                        error(
                            OAuthErrorCode::ServerError,
                            ProblemCode::InternalError.facts().title,
                        ),
                        None,
                    ),
                }
            }
        }
    }

    fn respond(self) -> Response {
        let (status, body, wait) = self.told();
        let mut response = Json(body).into_response();
        response.set_status(status);
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(CHALLENGE);
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = wait {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// How a client proves itself in `Authorization` (RFC 6749 section 5.2).
pub(crate) const CHALLENGE: &str = "Basic realm=\"countersign\", charset=\"UTF-8\"";

impl fmt::Display for OAuthRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidClient => f.write_str("the client did not prove itself"),
            Self::Invalid(_, description) => f.write_str(description),
            Self::Denied(denied) => denied.fmt(f),
        }
    }
}

impl From<OAuthRefused> for poem::Error {
    fn from(refused: OAuthRefused) -> Self {
        Self::from_response(refused.respond())
    }
}

impl<E: Into<Denied>> From<E> for OAuthRefused {
    fn from(error: E) -> Self {
        Self::Denied(error.into())
    }
}
