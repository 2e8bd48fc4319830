//! From a request to an answer: what happens around every handler.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_openapi::ProblemCode;
use futures_util::FutureExt as _;
use hyper::body::{Body, Incoming};
use poem::error::NotFoundError;
use poem::http::uri::Scheme;
use poem::http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header, request,
};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, PathPattern, Request, RequestParts, Response};
use serde_json::Value;
use tokio::time::Instant;

use super::body::{BodyBudget, nests_too_deep, take_in};
use super::client::TrustedProxies;
use super::conn::InFlight;
use super::headers::{REQUEST_ID, SecurityHeaders};
use super::limits::Limits;
use super::pages::Pages;
use super::problem::{Problem, from_error, from_status, log_text};
use super::request::{RequestId, RequestIds, RequestInfo};
use super::routes::{Route, Routes};
use super::tracked::tracked;

/// What a [`Shell`] needs to know.
pub struct ShellConfig {
    /// Whether the configured public URL is an https one.
    pub https: bool,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Where request ids come from.
    pub ids: RequestIds,
    /// The bounds.
    pub limits: Limits,
    /// `/openapi.json`, `/docs` and the like.
    pub pages: Pages,
    /// Called with every answer, for metrics. It must be quick.
    pub observe: Option<Observe>,
}

/// See [`ShellConfig::observe`].
pub type Observe = Box<dyn Fn(&Answered<'_>) + Send + Sync>;

/// One request, answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The pattern that its path matched (`/v1/me/sessions/{id}`), never the
    /// path itself; `-` if it matched none.
    pub route: &'a str,
    /// The answer's status.
    pub status: StatusCode,
    /// From the head's arrival to the answer's head.
    pub took: Duration,
    /// The request.
    pub id: RequestId,
}

/// An endpoint with everything around it.
pub struct Shell<E> {
    endpoint: E,
    config: ShellConfig,
    routes: Routes,
    security: SecurityHeaders,
    bodies: Arc<BodyBudget>,
}

/// Both ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

/// What of a request outlives it.
struct Asked {
    method: Method,
    uri: Uri,
    if_none_match: Option<HeaderValue>,
}

/// Which route a path took, if it took one.
struct Matched<'a> {
    /// The document's.
    route: Option<&'a Route>,
    /// poem's, of an endpoint that the document does not describe.
    pattern: Option<PathPattern>,
}

impl Matched<'_> {
    fn name(&self) -> &str {
        match (self.route, &self.pattern) {
            (Some(route), _) => &route.path,
            (None, Some(pattern)) => &pattern.0,
            (None, None) => "-",
        }
    }
}

impl<E: Endpoint<Output = Response>> Shell<E> {
    /// `spec` is the finished OpenAPI document of `endpoint`: it says which
    /// methods a path has and what a parameter should be.
    pub fn new(endpoint: E, spec: &str, config: ShellConfig) -> Self {
        let spec: Value = serde_json::from_str(spec).unwrap_or_default();
        Self {
            endpoint,
            routes: Routes::new(&spec),
            security: SecurityHeaders::new(config.https),
            bodies: BodyBudget::new(config.limits.bodies_bytes_max),
            config,
        }
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    pub(super) fn security(&self) -> &SecurityHeaders {
        &self.security
    }

    /// Answers one request. Nothing fails from here on: every error is an
    /// answer.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        link: Link,
        began: Instant,
        mut in_flight: InFlight,
    ) -> hyper::Response<impl Body<Data = Bytes, Error = std::io::Error> + Send + 'static> {
        let started = Instant::now();
        let (mut head, incoming) = request.into_parts();
        let (id, received_at) = self.config.ids.next();
        let client = self
            .config
            .trusted_proxies
            .client(link.peer.ip(), &head.headers);
        let info = RequestInfo::new(id, received_at, client, &head.headers);
        let asked = Asked {
            method: head.method.clone(),
            uri: head.uri.clone(),
            if_none_match: head.headers.get(header::IF_NONE_MATCH).cloned(),
        };
        // A HEAD is a GET whose body is kept back (RFC 9110 section 9.3.2).
        let head_only = head.method == Method::HEAD;
        if head_only {
            head.method = Method::GET;
        }
        head.extensions.insert(info);

        let result = self.handle(head, incoming, link, began, id).await;
        let (mut response, matched) = self.present(result, &asked, id);

        let headers = response.headers_mut();
        self.security.apply(headers);
        let mut text = [0; 36];
        let text = id.0.as_hyphenated().encode_lower(&mut text);
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(REQUEST_ID, value);
        }
        self.log(&Answered {
            method: &asked.method,
            route: matched.name(),
            status: response.status(),
            took: started.elapsed(),
            id,
        });
        in_flight.answered();
        tracked(response, head_only, in_flight)
    }

    /// The handler's own answer or error, or why it was not asked.
    async fn handle(
        &self,
        head: request::Parts,
        incoming: Incoming,
        link: Link,
        began: Instant,
        id: RequestId,
    ) -> poem::Result<Response> {
        check_host(&head)?;
        let limits = &self.config.limits;
        let headers = &head.headers;
        let (body, _held) =
            take_in(incoming, headers, head.version, began, limits, &self.bodies).await?;
        if is_json(headers) && nests_too_deep(&body, limits.json_depth_max) {
            let problem = Problem::new(ProblemCode::ValidationFailed);
            return Err(problem.detail("the body nests too deep").into());
        }
        let parts = RequestParts::from((
            head,
            LocalAddr(Addr::SocketAddr(link.local)),
            RemoteAddr(Addr::SocketAddr(link.peer)),
            Scheme::HTTP,
        ));
        let request = Request::from_parts(parts, poem::Body::from_bytes(body));
        let called = AssertUnwindSafe(self.endpoint.call(request)).catch_unwind();
        called.await.unwrap_or_else(|_| {
            // Not the payload: it is made of the request's values.
            tracing::error!(request_id = %id, "a handler panicked");
            Err(Problem::new(ProblemCode::InternalError).into())
        })
    }

    /// The answer that goes out, and the route that made it.
    fn present(
        &self,
        result: poem::Result<Response>,
        asked: &Asked,
        id: RequestId,
    ) -> (Response, Matched<'_>) {
        let error = match result {
            Ok(response) => {
                let matched = self.matched(response.data());
                return (honest(response, id), matched);
            }
            Err(error) => error,
        };
        let matched = self.matched(error.data());
        if error.is_from_response() {
            return (honest(error.into_response(), id), matched);
        }
        let mut allow = matched.route.map(|route| route.allow.clone());
        let mut foreign_page = false;
        if error.is::<NotFoundError>() {
            let method = match &asked.method {
                &Method::HEAD => &Method::GET,
                method => method,
            };
            let path = asked.uri.path();
            let pages = &self.config.pages;
            match pages.answer(method, path, asked.if_none_match.as_ref()) {
                Some(Ok(page)) => return (page, matched),
                Some(Err(methods)) => {
                    foreign_page = true;
                    allow = Some(HeaderValue::from_static(methods));
                }
                None => {}
            }
        }
        if let Some(text) = log_text(&error) {
            tracing::error!(request_id = %id, error = text, "a request failed");
        }
        let problem = if foreign_page {
            ProblemCode::MethodNotAllowed.into()
        } else {
            from_error(error, matched.route)
        };
        if problem.code() != ProblemCode::MethodNotAllowed {
            return (problem.respond(Some(id.0)), matched);
        }
        let mut response = if asked.method == Method::OPTIONS && allow.is_some() {
            Response::from(StatusCode::NO_CONTENT)
        } else {
            problem.respond(Some(id.0))
        };
        let allow = allow.map(|methods| (header::ALLOW, methods));
        response.headers_mut().extend(allow);
        (response, matched)
    }

    fn matched(&self, pattern: Option<&PathPattern>) -> Matched<'_> {
        let route = pattern.and_then(|pattern| self.routes.get(&pattern.0));
        let pattern = pattern.filter(|_| route.is_none()).cloned();
        Matched { route, pattern }
    }

    fn log(&self, answered: &Answered<'_>) {
        tracing::info!(
            target: "countersign::access",
            method = %answered.method,
            route = answered.route,
            status = answered.status.as_u16(),
            took_us = u64::try_from(answered.took.as_micros()).unwrap_or(u64::MAX),
            request_id = %answered.id,
        );
        if let Some(observe) = &self.config.observe {
            observe(answered);
        }
    }
}

/// An HTTP/1.1 request names exactly one host (RFC 9112 section 3.2). Which
/// one is of no interest here; that proxies in between agree on it is.
fn check_host(head: &request::Parts) -> Result<(), Problem> {
    if head.version != Version::HTTP_11 {
        return Ok(());
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => Ok(()),
        _ => Err(Problem::new(ProblemCode::ValidationFailed)
            .detail("an HTTP/1.1 request has exactly one Host header")
            .closing()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next();
        essence.is_some_and(|essence| {
            let essence = essence.trim_ascii();
            essence.len() >= 4 && essence[essence.len() - 4..].eq_ignore_ascii_case(b"json")
        })
    })
}

/// An error answer without a JSON body becomes a problem; it keeps its other
/// headers. OAuth errors (RFC 6749 section 5.2) are JSON and pass.
fn honest(response: Response, id: RequestId) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || is_json(response.headers()) {
        return response;
    }
    let mut problem = from_status(status);
    let wait = response.headers().get(header::RETRY_AFTER);
    if let Some(seconds) = wait.and_then(|value| value.to_str().ok()?.parse().ok()) {
        problem = problem.retry_after(seconds);
    }
    let mut problem = problem.respond(Some(id.0));
    let headers = problem.headers_mut();
    let kept =
        |name: &&HeaderName| **name != header::CONTENT_TYPE && **name != header::CONTENT_LENGTH;
    for name in response.headers().keys().filter(kept) {
        headers.remove(name);
        for value in response.headers().get_all(name) {
            headers.append(name, value.clone());
        }
    }
    problem
}
