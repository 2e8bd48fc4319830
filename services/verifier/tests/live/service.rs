//! A made-up service: it publishes keys and a feed, and counts who asks.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use countersign_verifier::feed::Report;
use countersign_verifier::{Algorithm, KeySet, SigningKey};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::mpsc;

pub(crate) const CLIENT: &str = "orders client";
pub(crate) const SECRET: &str = "csc_s:e&cret";

pub(crate) fn signing_key() -> SigningKey {
    let der = SigningKey::generate_pkcs8(Algorithm::Es256).expect("a key");
    SigningKey::from_pkcs8(Algorithm::Es256, &der).expect("a key")
}

pub(crate) fn jwks(keys: &[&SigningKey]) -> String {
    let keys = keys.iter().map(|key| key.public_key().clone());
    KeySet::from_keys(keys).expect("a set").to_jwks()
}

/// What the service says, and what it was asked.
#[derive(Default)]
pub(crate) struct Inner {
    /// The feed: message `i` has the sequence `i + first`.
    pub(crate) feed: Vec<Value>,
    pub(crate) first: u64,
    /// The name of the stream that this is.
    pub(crate) stream: u64,
    pub(crate) since: u64,
    pub(crate) cursor: Vec<u64>,
    /// How old it says that its answers are.
    pub(crate) age_ms: u64,
    pub(crate) jwks: String,
    /// Answers to the keys' URL in place of the document.
    pub(crate) jwks_status: Option<u16>,
    pub(crate) jwks_fetches: usize,
    /// Answers to the report and introspection in place of the good ones.
    pub(crate) report_status: Option<u16>,
    pub(crate) introspection: Option<Value>,
    pub(crate) introspections: usize,
    pub(crate) tokens: usize,
    /// Whether tokens of before are refused.
    pub(crate) valid_from_token: usize,
    pub(crate) pages: Vec<Option<u64>>,
    pub(crate) resumed_from: Vec<String>,
    pub(crate) reports: Vec<Report>,
    streams: Vec<mpsc::Sender<Bytes>>,
}

impl Inner {
    fn last(&self) -> u64 {
        self.first + self.feed.len() as u64 - 1
    }
}

#[derive(Clone)]
pub(crate) struct FakeService {
    inner: Arc<Mutex<Inner>>,
    pub(crate) url: String,
}

impl FakeService {
    pub(crate) async fn start(key: &SigningKey) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let inner = Inner {
            first: 1,
            stream: 7,
            since: 1,
            cursor: vec![0, 0],
            jwks: jwks(&[key]),
            ..Inner::default()
        };
        let service = Self {
            inner: Arc::new(Mutex::new(inner)),
            url,
        };
        let app = Router::new()
            .route("/.well-known/jwks.json", get(serve_jwks))
            .route("/oauth2/token", post(serve_token))
            .route("/oauth2/introspect", post(serve_introspection))
            .route("/v1/revocations", get(serve_page))
            .route("/v1/revocations/stream", get(serve_stream))
            .route("/v1/revocations/report", post(serve_report))
            .with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        service
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panicked")
    }

    /// Appends a beat or a message, and tells all streams.
    pub(crate) async fn publish(&self, what: Value) {
        let (event, streams) = {
            let mut inner = self.lock();
            let seq = inner.first + inner.feed.len() as u64;
            let event = event(inner.stream, seq, &what);
            inner.feed.push(what);
            (event, inner.streams.clone())
        };
        for stream in streams {
            let _ = stream.send(Bytes::from(event.clone())).await;
        }
    }

    pub(crate) async fn beat(&self) {
        let cursor = self.lock().cursor.clone();
        self.publish(json!({"v": 1, "cursor": cursor, "genesis": false}))
            .await;
    }

    /// Publishes these records of shard 0.
    pub(crate) async fn tell(&self, records: Value) {
        let (from, to) = {
            let mut inner = self.lock();
            inner.cursor[0] += 1;
            (inner.cursor[0] - 1, inner.cursor[0])
        };
        self.publish(json!({"v": 1, "shard": 0, "from": from, "to": to, "records": records}))
            .await;
    }

    /// Sends this to all streams as it is.
    pub(crate) async fn send_raw(&self, text: &str) {
        let streams = self.lock().streams.clone();
        for stream in streams {
            let _ = stream.send(Bytes::from(text.to_owned())).await;
        }
    }

    /// Takes another feed in the place of the one there was.
    pub(crate) fn remake(&self, feed: Vec<Value>) {
        let mut inner = self.lock();
        inner.stream += 1;
        inner.feed = feed;
    }

    /// Ends all streams.
    pub(crate) fn hang_up(&self) {
        self.lock().streams.clear();
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let authorization = headers.get(header::AUTHORIZATION);
        let token = authorization.and_then(|value| value.to_str().ok());
        let number = token.and_then(|token| token.strip_prefix("Bearer token-")?.parse().ok());
        number.is_some_and(|number: usize| number >= self.lock().valid_from_token)
    }
}

fn event(stream: u64, seq: u64, what: &Value) -> String {
    let kind = if what.get("shard").is_some() {
        "revocations"
    } else {
        "beat"
    };
    format!("id: {stream}.{seq}\r\nevent: {kind}\r\ndata: {what}\r\n\r\n")
}

fn is_basic(headers: &HeaderMap) -> bool {
    use base64::Engine as _;

    let login = "orders%20client:csc_s%3Ae%26cret";
    let expected = base64::engine::general_purpose::STANDARD.encode(login);
    headers
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes)
        == Some(format!("Basic {expected}").as_bytes())
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a status")
}

fn answer(value: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        value.to_string(),
    )
        .into_response()
}

async fn serve_jwks(State(service): State<FakeService>) -> Response {
    // So that those who ask at the same time do.
    tokio::task::yield_now().await;
    let mut inner = service.lock();
    inner.jwks_fetches += 1;
    match inner.jwks_status {
        Some(code) => (status(code), [(header::LOCATION, "/elsewhere")]).into_response(),
        None => inner.jwks.clone().into_response(),
    }
}

async fn serve_token(
    State(service): State<FakeService>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let wanted = "grant_type=client_credentials&audience=countersign&scope=revocations%3Aread";
    if !is_basic(&headers) || body != wanted {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut inner = service.lock();
    inner.tokens += 1;
    let token = format!("token-{}", inner.tokens);
    answer(&json!({"access_token": token, "token_type": "Bearer", "expires_in": 300}))
}

async fn serve_introspection(
    State(service): State<FakeService>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mut inner = service.lock();
    inner.introspections += 1;
    match &inner.introspection {
        Some(value) if is_basic(&headers) && body.starts_with("token=ey") => answer(value),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn serve_page(State(service): State<FakeService>, uri: Uri, headers: HeaderMap) -> Response {
    if !service.is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut inner = service.lock();
    let after = uri.query().and_then(|query| query.split_once("&after="));
    let after: Option<u64> = after.map(|(_, after)| after.parse().expect("a number"));
    inner.pages.push(after);
    // Two a page, so that there are several.
    let from = after.map_or(inner.first, |after| after + 1);
    let items: Vec<Value> = (inner.first..)
        .zip(&inner.feed)
        .filter(|(seq, _)| *seq >= from)
        .take(2)
        .map(|(seq, what)| match what.get("shard") {
            Some(_) => json!({"seq": seq, "message": what}),
            None => json!({"seq": seq, "beat": what}),
        })
        .collect();
    let last = inner.last();
    let read = items.last().and_then(|item| item["seq"].as_u64());
    let next = read.filter(|read| *read < last);
    let stream = inner.stream.to_string();
    let since = inner.since;
    answer(&json!({"stream": stream, "items": items, "next": next, "seq": last, "since": since}))
}

async fn serve_stream(State(service): State<FakeService>, headers: HeaderMap) -> Response {
    if !service.is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let last = headers["last-event-id"].to_str().expect("text").to_owned();
    let (stream, from) = last.split_once('.').expect("two numbers");
    let (sender, receiver) = mpsc::channel(64);
    {
        let mut inner = service.lock();
        let is_this = stream == inner.stream.to_string();
        let from: u64 = from.parse().expect("a number");
        let from = if is_this { from } else { inner.last() };
        if !is_this {
            let gap = format!("event: gap\ndata: {{\"from\":1,\"to\":{from}}}\n\n");
            let _ = sender.try_send(Bytes::from(gap));
        }
        for (seq, what) in (inner.first..)
            .zip(&inner.feed)
            .filter(|(seq, _)| *seq > from)
        {
            let _ = sender.try_send(Bytes::from(event(inner.stream, seq, what)));
        }
        inner.resumed_from.push(last);
        inner.streams.push(sender);
    }
    let chunks = futures_util::stream::unfold(receiver, async |mut receiver| {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, std::io::Error>(bytes), receiver))
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(chunks)).into_response()
}

async fn serve_report(
    State(service): State<FakeService>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !service.is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut inner = service.lock();
    inner
        .reports
        .push(serde_json::from_slice(&body).expect("a report"));
    if let Some(code) = inner.report_status {
        return status(code).into_response();
    }
    let (stream, seq) = (inner.stream.to_string(), inner.last());
    let (cursor, since) = (&inner.cursor, inner.since);
    let age_ms = inner.age_ms;
    answer(
        &json!({"v": 1, "stream": stream, "seq": seq, "cursor": cursor, "age_ms": age_ms, "since": since}),
    )
}
