//! What went wrong: problem details (RFC 9457).

use std::fmt;

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

/// The content type of every error, exactly (RFC 9457 section 3).
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong, for programs. A code never changes its meaning and is
/// never reused; new ones may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum ProblemCode {
    /// The address or the password is wrong.
    InvalidCredentials,
    /// The second factor is wrong.
    MfaInvalid,
    /// The `mfa_token` is unknown, used or expired.
    MfaTokenInvalid,
    /// No access token was sent.
    TokenMissing,
    /// The access token is none of ours.
    TokenInvalid,
    /// The access token's time is over.
    TokenExpired,
    /// The access token's session was ended.
    TokenRevoked,
    /// The refresh token is none of ours.
    RefreshInvalid,
    /// The refresh token's time is over.
    RefreshExpired,
    /// The refresh token was used before; the session has been ended.
    RefreshReused,
    /// The session was ended.
    SessionRevoked,
    /// A stronger or fresher login is needed (RFC 9470).
    InsufficientUserAuthentication,
    /// The caller may not do that.
    InsufficientPermissions,
    /// The CSRF token is missing or belongs to another session.
    CsrfInvalid,
    /// Too many tries.
    RateLimited,
    /// The service has too much to do.
    Overloaded,
    /// The request does not fit its schema.
    ValidationFailed,
    /// The address has an account.
    EmailTaken,
    /// The token from a mail is not good any more.
    LinkInvalid,
    /// The password does not fit the policy.
    PasswordWeak,
    /// There is no such thing here.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The change collides with another.
    Conflict,
    /// The request did not arrive in time.
    RequestTimeout,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not of a type that can be read here.
    UnsupportedMediaType,
    /// The head of the request is too large.
    HeadersTooLarge,
    /// Something that is needed does not answer.
    Unavailable,
    /// The position asked for was not reached in time.
    PositionNotReached,
    /// A fault of ours.
    InternalError,
}

/// What is fixed about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemFacts {
    /// The code's name on the wire.
    pub name: &'static str,
    /// The HTTP status it travels with.
    pub status: u16,
    /// RFC 9457 `title`: the same for every occurrence.
    pub title: &'static str,
    /// What it means and what to do, for the documentation.
    pub description: &'static str,
}

const fn facts(
    name: &'static str,
    status: u16,
    title: &'static str,
    description: &'static str,
) -> ProblemFacts {
    ProblemFacts {
        name,
        status,
        title,
        description,
    }
}

impl ProblemCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 30] = [
        Self::InvalidCredentials,
        Self::MfaInvalid,
        Self::MfaTokenInvalid,
        Self::TokenMissing,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenRevoked,
        Self::RefreshInvalid,
        Self::RefreshExpired,
        Self::RefreshReused,
        Self::SessionRevoked,
        Self::InsufficientUserAuthentication,
        Self::InsufficientPermissions,
        Self::CsrfInvalid,
        Self::RateLimited,
        Self::Overloaded,
        Self::ValidationFailed,
        Self::EmailTaken,
        Self::LinkInvalid,
        Self::PasswordWeak,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::RequestTimeout,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::HeadersTooLarge,
        Self::Unavailable,
        Self::PositionNotReached,
        Self::InternalError,
    ];

    /// The one table: code to name, status, title and description.
    #[rustfmt::skip]
    pub const fn facts(self) -> ProblemFacts {
        match self {
            Self::InvalidCredentials => facts("invalid_credentials", 401, "Wrong address or password",
                "The address has no account, or the password is not its. Which of the two is not said."),
            Self::MfaInvalid => facts("mfa_invalid", 401, "Wrong second factor",
                "The code is wrong, too old, or was used before."),
            Self::MfaTokenInvalid => facts("mfa_token_invalid", 401, "The MFA step is over",
                "The mfa_token is unknown, used up or expired. Log in again."),
            Self::TokenMissing => facts("token_missing", 401, "An access token is needed",
                "Send it as Authorization: Bearer (RFC 6750)."),
            Self::TokenInvalid => facts("token_invalid", 401, "The access token is not valid",
                "It is malformed, signed by nobody known here, or meant for somebody else."),
            Self::TokenExpired => facts("token_expired", 401, "The access token has expired",
                "Refresh it."),
            Self::TokenRevoked => facts("token_revoked", 401, "The access token was revoked",
                "Its session or its account's sessions were ended. Log in again."),
            Self::RefreshInvalid => facts("refresh_invalid", 401, "The refresh token is not valid",
                "It was not issued here. Log in again."),
            Self::RefreshExpired => facts("refresh_expired", 401, "The refresh token has expired",
                "It lay unused too long, or the session is too old. Log in again."),
            Self::RefreshReused => facts("refresh_reused", 401, "The refresh token was used before",
                "Somebody else may hold a copy, so the session has been ended. Log in again."),
            Self::SessionRevoked => facts("session_revoked", 401, "The session was ended",
                "By its owner, by an operator or by a rule. Log in again."),
            Self::InsufficientUserAuthentication => facts("insufficient_user_authentication", 401, "A stronger login is needed",
                "WWW-Authenticate says which acr and how fresh (RFC 9470). Step up and try again."),
            Self::InsufficientPermissions => facts("insufficient_permissions", 403, "Not permitted",
                "None of the account's roles permits this."),
            Self::CsrfInvalid => facts("csrf_invalid", 403, "The CSRF token does not fit",
                "It is missing, or belongs to another session. Fetch a new one."),
            Self::RateLimited => facts("rate_limited", 429, "Too many tries",
                "Wait for retry_after seconds."),
            Self::Overloaded => facts("overloaded", 503, "Too much to do",
                "The request was refused to keep the others fast. Nothing was done; try again after retry_after seconds."),
            Self::ValidationFailed => facts("validation_failed", 400, "The request does not fit its schema",
                "errors names the fields and what they should be."),
            Self::EmailTaken => facts("email_taken", 409, "The address has an account",
                "Log in, or use another address."),
            Self::LinkInvalid => facts("link_invalid", 400, "The link is not good any more",
                "It was used, has expired, or a newer one was sent. Ask for another mail."),
            Self::PasswordWeak => facts("password_weak", 400, "The password is too weak",
                "detail says what is wrong with it."),
            Self::NotFound => facts("not_found", 404, "Not found",
                "There is no such thing, or it is not the caller's to know."),
            Self::MethodNotAllowed => facts("method_not_allowed", 405, "Not with this method",
                "Allow names the methods that the path knows."),
            Self::Conflict => facts("conflict", 409, "Changed meanwhile",
                "Somebody else changed it first. Read it again and decide again."),
            Self::RequestTimeout => facts("request_timeout", 408, "The request came too slowly",
                "Its head and body must arrive within a few seconds."),
            Self::PayloadTooLarge => facts("payload_too_large", 413, "The body is too large",
                "64 KiB at most, whether or not the length is announced."),
            Self::UnsupportedMediaType => facts("unsupported_media_type", 415, "The body cannot be read",
                "Send application/json in UTF-8, without Content-Encoding."),
            Self::HeadersTooLarge => facts("headers_too_large", 431, "The head of the request is too large",
                "16 KiB and 100 fields at most."),
            Self::Unavailable => facts("unavailable", 503, "Not available",
                "Something that is needed does not answer. Try again after retry_after seconds."),
            Self::PositionNotReached => facts("position_not_reached", 503, "Not there yet",
                "The read model did not reach Countersign-Min-Position in time. Try again after retry_after seconds."),
            Self::InternalError => facts("internal_error", 500, "A fault of ours",
                "It has been logged under the request_id."),
        }
    }

    /// The code as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong with a request. It never repeats what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct FieldError {
    /// Where in the body: a JSON Pointer (RFC 6901); left out for parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Which path, query or header parameter; left out for the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What it should be.
    pub message: String,
}

impl FieldError {
    /// About a place in the body.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            parameter: None,
            message: message.into(),
        }
    }

    /// About a path, query or header parameter.
    pub fn parameter(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: None,
            parameter: Some(name.into()),
            message: message.into(),
        }
    }
}

impl Example for FieldError {
    fn example() -> Self {
        Self::at("/email", "is required")
    }
}

/// The body of every error (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct ProblemDetails {
    /// `/problems/<code>`, relative to the issuer: a page about the code.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    pub kind: String,
    /// What it is, in a few words; the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What it is, for programs.
    pub code: ProblemCode,
    /// What it is this time, for people; left out if the title says it all.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request, as in `Countersign-Request-Id`, to quote in a question;
    /// left out where there was no request to speak of.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Uuid>,
    /// Seconds to wait, as in `Retry-After`; left out if waiting is no help.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// What is wrong with the request, field by field; left out if nothing is.
    #[oai(skip_serializing_if_is_empty, default)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl ProblemDetails {
    /// The problem with what is fixed about its code, and nothing else.
    pub fn new(code: ProblemCode) -> Self {
        let facts = code.facts();
        Self {
            kind: Self::type_of(code),
            title: facts.title.to_owned(),
            status: facts.status,
            code,
            detail: None,
            request_id: None,
            retry_after: None,
            errors: Vec::new(),
        }
    }

    /// The `type` of a code: `/problems/<code>`.
    pub fn type_of(code: ProblemCode) -> String {
        format!("/problems/{}", code.as_str())
    }
}

impl Example for ProblemDetails {
    fn example() -> Self {
        Self {
            request_id: Some(uuid!("019a2b3c-5a00-7000-8000-000000000007")),
            errors: vec![FieldError::example()],
            ..Self::new(ProblemCode::ValidationFailed)
        }
    }
}
