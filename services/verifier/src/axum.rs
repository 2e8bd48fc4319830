//! For axum, and for every other tower stack on `http` requests.
//!
//! [`RequireToken`] is a [`Layer`]: what is below it is reached only with a
//! token that meets the [`Requirement`]. Handlers take [`Verified`] to see
//! who is calling.
//!
//! A whole service, which refuses a revoked session within the bound:
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use countersign_verifier::axum::{RequireToken, Verified};
//! use countersign_verifier::live::{
//!     ClientCredentials, LiveConfig, LiveVerifier, Requirement, Source,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let source = Source::Sse {
//!     base_url: "https://id.example".into(),
//!     credentials: ClientCredentials {
//!         client_id: std::env::var("CLIENT_ID")?,
//!         client_secret: std::env::var("CLIENT_SECRET")?.into(),
//!     },
//! };
//! let config = LiveConfig::new("https://id.example", "orders", source);
//! let verifier = LiveVerifier::start(config)?;
//! let read = Requirement::new().scope("orders:read");
//! let orders = get(async |Verified(claims): Verified| claims.sub.to_string());
//! let app = Router::new().route("/orders", orders.layer(RequireToken::new(&verifier, read)));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
//! axum::serve(listener, app).await?;
//! verifier.stop().await;
//! # Ok(())
//! # }
//! ```

use crate::live::{LiveVerifier, Rejection, Requirement};
use crate::{Claims, bearer};
use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use axum::response::IntoResponse;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

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

    async fn check(&self, headers: &HeaderMap) -> Result<Claims, Rejection> {
        let token = token(headers)?.to_owned();
        self.verifier.check(&token, &self.requirement).await
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

impl<S> Layer<S> for RequireToken {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            guard: self.clone(),
        }
    }
}

/// A service behind [`RequireToken`].
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    inner: S,
    guard: RequireToken,
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for Guarded<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone + Send + 'static,
    S::Future: Send,
    RequestBody: Send + 'static,
    ResponseBody: From<String>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        // The one that was made ready is called; its copy is made ready next.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let guard = self.guard.clone();
        Box::pin(async move {
            // Whatever stood there was not put there by this layer.
            request.extensions_mut().remove::<Claims>();
            let headers = std::mem::take(request.headers_mut());
            let checked = guard.check(&headers).await;
            *request.headers_mut() = headers;
            match checked {
                Ok(claims) => {
                    request.extensions_mut().insert(claims);
                    inner.call(request).await
                }
                Err(rejection) => Ok(response(&rejection)),
            }
        })
    }
}

/// The claims of the caller's token, in a handler below [`RequireToken`].
/// Without that layer the handler is never reached: the answer is 401.
#[derive(Debug, Clone)]
pub struct Verified(pub Claims);

impl<S: Send + Sync> FromRequestParts<S> for Verified {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        let claims = parts.extensions.get::<Claims>().cloned();
        Ok(Self(claims.ok_or(crate::Refusal::Missing)?))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> axum::response::Response {
        response(&self)
    }
}

fn response<B: From<String>>(rejection: &Rejection) -> Response<B> {
    let mut response = Response::new(B::from(rejection.problem()));
    *response.status_mut() =
        StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    let challenge = rejection.www_authenticate();
    if let Some(value) = challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if let Some(seconds) = rejection.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
