//! For poem.
//!
//! [`RequireToken`] is a [`Middleware`]: what is behind it is reached only
//! with a token that meets the [`Requirement`]. Handlers take [`Verified`] to
//! see who is calling.

use crate::live::{LiveVerifier, Rejection, Requirement};
use crate::{Claims, Refusal, bearer};
use poem::error::ResponseError;
use poem::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use poem::http::{HeaderMap, StatusCode};
use poem::{Endpoint, FromRequest, Middleware, Request, RequestBody, Response};
use std::sync::Arc;

/// Lets through only who has a token that meets the requirement.
#[derive(Debug, Clone)]
pub struct RequireToken {
    verifier: LiveVerifier,
    requirement: Arc<Requirement>,
}

impl RequireToken {
    /// What this route asks.
    pub fn new(verifier: &LiveVerifier, requirement: Requirement) -> Self {
        Self {
            verifier: verifier.clone(),
            requirement: Arc::new(requirement),
        }
    }
}

/// The one bearer token. Two `Authorization` headers are none: a proxy before
/// this may have looked at the other.
fn token(headers: &HeaderMap) -> Result<&str, Rejection> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    let value = value.filter(|_| values.next().is_none());
    Ok(bearer(value)?)
}

impl<E: Endpoint> Middleware<E> for RequireToken {
    type Output = Guarded<E>;

    fn transform(&self, inner: E) -> Guarded<E> {
        Guarded {
            inner,
            guard: self.clone(),
        }
    }
}

/// An endpoint behind [`RequireToken`].
#[derive(Debug)]
pub struct Guarded<E> {
    inner: E,
    guard: RequireToken,
}

impl<E: Endpoint> Endpoint for Guarded<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> poem::Result<E::Output> {
        // Whatever stood there was not put there by this middleware.
        request.extensions_mut().remove::<Claims>();
        let token = token(request.headers())?.to_owned();
        let guard = &self.guard;
        let claims = guard.verifier.check(&token, &guard.requirement).await?;
        request.extensions_mut().insert(claims);
        self.inner.call(request).await
    }
}

/// The claims of the caller's token, in a handler behind [`RequireToken`].
/// Without that middleware the handler is never reached: the answer is 401.
#[derive(Debug, Clone)]
pub struct Verified(pub Claims);

impl<'a> FromRequest<'a> for Verified {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let claims = request.extensions().get::<Claims>().cloned();
        Ok(Self(claims.ok_or(Rejection::Token(Refusal::Missing))?))
    }
}

impl ResponseError for Rejection {
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(Self::status(self)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        let mut response = Response::builder()
            .status(ResponseError::status(self))
            .content_type("application/problem+json");
        if let Some(challenge) = self.www_authenticate() {
            response = response.header(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after_seconds() {
            response = response.header(RETRY_AFTER, seconds);
        }
        response.body(self.problem())
    }
}
