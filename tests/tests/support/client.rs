//! A client that says exactly what a test wants.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::Answer;

/// How often a read is tried while it is told `unavailable`.
const READS_MAX: usize = 8;

/// Talks to one service.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
}

/// A request in the making.
pub(crate) struct Call(RequestBuilder);

impl Client {
    pub(crate) fn new(url: String) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        Self { url, http }
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        Call(self.http.request(method, format!("{}{path}", self.url)))
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.call("POST", path).json(body)
    }

    /// A POST without a body.
    pub(crate) fn post_nothing(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Call {
        self.call("PATCH", path).json(body)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }
}

impl Call {
    pub(crate) fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    pub(crate) fn body(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.header("content-type", content_type).body(body))
    }

    /// With an access token.
    pub(crate) fn by(self, access_token: &str) -> Self {
        Self(self.0.bearer_auth(access_token))
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub(crate) fn header_bytes(self, name: &str, value: &[u8]) -> Self {
        Self(self.0.header(name, value))
    }

    /// As this program.
    pub(crate) fn agent(self, name: &str) -> Self {
        self.header("user-agent", name)
    }

    /// Not before this position can be seen.
    pub(crate) fn at(self, position: &str) -> Self {
        self.header("countersign-min-position", position)
    }

    /// The answer. A read that is told to come back does so, as clients
    /// should: the machine may have much to do.
    pub(crate) async fn send(self) -> Answer {
        for _ in 0..READS_MAX {
            let Some(again) = self.0.try_clone() else {
                break;
            };
            let is_read = again.try_clone().and_then(|call| call.build().ok());
            if is_read.is_none_or(|call| call.method() != Method::GET) {
                break;
            }
            let answer = Answer::read(again.send().await.expect("an answer")).await;
            if answer.code() != "unavailable" {
                return answer;
            }
        }
        self.send_once().await
    }

    /// The answer to exactly one request.
    pub(crate) async fn send_once(self) -> Answer {
        Answer::read(self.0.send().await.expect("an answer")).await
    }

    /// As [`Self::send`], for a service that may hang up.
    pub(crate) async fn try_send(self) -> Option<Answer> {
        Some(Answer::read(self.0.send().await.ok()?).await)
    }
}
