//! What the service said.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.expect("the whole body");
        Self {
            status,
            headers,
            body,
        }
    }

    /// The body as JSON; null if there is none.
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// Where a write stands in the log.
    #[track_caller]
    pub(crate) fn position(&self) -> String {
        let position = self.header("countersign-position");
        assert!(!position.is_empty(), "no position: {self:?}");
        position.to_owned()
    }

    /// The code of a problem; empty if it is none.
    pub(crate) fn code(&self) -> String {
        let body = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The answer, if it is this problem and well-formed.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{}",
            self.text()
        );
        self.problem();
        self
    }

    /// Checks that it is a problem as RFC 9457 has it.
    #[track_caller]
    pub(crate) fn problem(&self) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], self.status, "{body}");
        assert_eq!(body["type"], format!("/problems/{}", self.code()), "{body}");
        assert!(body["title"].is_string(), "{body}");
        assert_eq!(
            body["request_id"].as_str(),
            Some(self.header("countersign-request-id")),
            "{body}"
        );
        if self.status == 401 {
            assert!(!self.header("www-authenticate").is_empty(), "{self:?}");
        }
        if self.status == 503 {
            assert!(!self.header("retry-after").is_empty(), "{self:?}");
        }
    }

    /// The `items` of a page.
    #[track_caller]
    pub(crate) fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["items"].as_array().expect("a page").clone()
    }

    /// The cursor of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        self.json()["next"].as_str().map(str::to_owned)
    }
}
