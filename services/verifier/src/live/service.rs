//! The deployment's HTTP API, as a client with a secret.

use super::config::ClientCredentials;
use super::http::{self, Trouble};
use crate::feed::{Beat, EventId, Message, Report, ReportAnswer, StreamId};
use reqwest::{Client, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

/// The scope of whoever reads the feed.
const FEED_SCOPE: &str = "revocations:read";
/// A token is renewed so long before it dies.
const RENEW_BEFORE: Duration = Duration::from_secs(30);
/// How many messages a page is asked for, so that it stays small.
const PAGE_MESSAGES: usize = 100;
const MAX_PAGE_BYTES: usize = 32 * 1024 * 1024;
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How many introspections run at once.
const MAX_INTROSPECTIONS: usize = 64;

/// The API and how this client authenticates to it.
#[derive(Debug)]
pub(crate) struct Service {
    client: Client,
    base_url: String,
    credentials: ClientCredentials,
    feed_audience: String,
    /// Held while one is fetched: who waits uses the same.
    token: Mutex<Option<Token>>,
    introspections: Semaphore,
}

#[derive(Debug)]
struct Token {
    text: SecretString,
    renew_at: Instant,
}

/// The answer of the token endpoint (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    token_type: String,
    expires_in: u64,
}

/// A part of the feed.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) stream: StreamId,
    pub(crate) items: Vec<Item>,
    pub(crate) next: Option<u64>,
    pub(crate) seq: u64,
}

/// One message of the feed: either of the two.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) seq: u64,
    pub(crate) message: Option<Message>,
    pub(crate) beat: Option<Beat>,
}

/// What introspection says (RFC 7662 section 2.2), as far as it counts.
#[derive(Debug, Deserialize)]
pub(crate) struct Introspected {
    pub(crate) active: bool,
    pub(crate) sub: Option<String>,
    pub(crate) exp: Option<u64>,
}

impl Service {
    pub(crate) fn new(
        client: Client,
        base_url: &str,
        credentials: ClientCredentials,
        feed_audience: &str,
    ) -> Self {
        Self {
            client,
            base_url: base_url.trim_end_matches('/').to_owned(),
            credentials,
            feed_audience: feed_audience.to_owned(),
            token: Mutex::new(None),
            introspections: Semaphore::new(MAX_INTROSPECTIONS),
        }
    }

    /// The feed after a sequence, or from its start.
    pub(crate) async fn page(&self, after: Option<u64>) -> Result<Page, Trouble> {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        let url = format!(
            "{}/v1/revocations?limit={PAGE_MESSAGES}{after}",
            self.base_url
        );
        let request = self.client.get(url).timeout(Duration::from_secs(30));
        let body = http::body(self.authorized(request).await?, MAX_PAGE_BYTES).await?;
        serde_json::from_slice(&body).map_err(|_| Trouble::Malformed)
    }

    /// The feed from after a message on, without end.
    pub(crate) async fn stream(&self, after: EventId) -> Result<Response, Trouble> {
        let request = self
            .client
            .get(format!("{}/v1/revocations/stream", self.base_url))
            .header("accept", "text/event-stream")
            .header("last-event-id", after.to_string());
        let answer = self.authorized(request);
        let answer = tokio::time::timeout(http::TIMEOUT, answer).await;
        answer.unwrap_or(Err(Trouble::Timeout))
    }

    /// Sends a report.
    pub(crate) async fn report(&self, report: &Report) -> Result<ReportAnswer, Trouble> {
        let request = self
            .client
            .post(format!("{}/v1/revocations/report", self.base_url))
            .timeout(Duration::from_secs(2))
            .json(report);
        let body = http::body(self.authorized(request).await?, MAX_ANSWER_BYTES).await?;
        serde_json::from_slice(&body).map_err(|_| Trouble::Malformed)
    }

    /// Asks whether a token is still good (RFC 7662 section 2.1).
    pub(crate) async fn introspect(&self, token: &str) -> Result<Introspected, Trouble> {
        // Who would have to wait is told no: every waiting request is one
        // more that the issuer is asked for.
        let place = self.introspections.try_acquire();
        let _place = place.map_err(|_| Trouble::Timeout)?;
        let form = [("token", token), ("token_type_hint", "access_token")];
        let request = self.post_form("/oauth2/introspect", &form);
        let body = http::body(http::ok(request).await?, MAX_ANSWER_BYTES).await?;
        serde_json::from_slice(&body).map_err(|_| Trouble::Malformed)
    }

    /// The answer to a request with a token of this client's own.
    async fn authorized(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        let token = self.own_token().await?;
        let answer = http::ok(request.bearer_auth(token.expose_secret())).await;
        if answer.as_ref().err() == Some(&Trouble::Status(401)) {
            // Revoked, or its key is: the next try has a new one.
            *self.token.lock().await = None;
        }
        answer
    }

    async fn own_token(&self) -> Result<SecretString, Trouble> {
        let mut cached = self.token.lock().await;
        if let Some(token) = cached.as_ref().filter(|one| Instant::now() < one.renew_at) {
            return Ok(token.text.clone());
        }
        let asked_at = Instant::now();
        let form = [
            ("grant_type", "client_credentials"),
            ("audience", self.feed_audience.as_str()),
            ("scope", FEED_SCOPE),
        ];
        let response = http::ok(self.post_form("/oauth2/token", &form)).await?;
        let body = http::body(response, MAX_ANSWER_BYTES).await?;
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| Trouble::Malformed)?;
        if !answer.token_type.eq_ignore_ascii_case("Bearer") {
            return Err(Trouble::Malformed);
        }
        let life = Duration::from_secs(answer.expires_in.min(60 * 60));
        let text = SecretString::from(answer.access_token);
        *cached = Some(Token {
            text: text.clone(),
            renew_at: asked_at + life.saturating_sub(RENEW_BEFORE.min(life / 2)),
        });
        Ok(text)
    }

    /// A form, with the client's id and secret in the header (RFC 6749
    /// section 2.3.1).
    fn post_form(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let secret = self.credentials.client_secret.expose_secret();
        let fields: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", form_encoded(value)))
            .collect();
        self.client
            .post(format!("{}{path}", self.base_url))
            .timeout(http::TIMEOUT)
            .basic_auth(
                form_encoded(&self.credentials.client_id),
                Some(form_encoded(secret)),
            )
            .header("content-type", "application/x-www-form-urlencoded")
            .body(fields.join("&"))
    }
}

/// `application/x-www-form-urlencoded`, with every byte escaped that may be
/// (RFC 6749 appendix B).
fn form_encoded(text: &str) -> String {
    use std::fmt::Write as _;

    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_encoded() {
        assert_eq!(form_encoded("csc_a-b.c"), "csc_a-b.c");
        assert_eq!(form_encoded("a b&c=é:"), "a%20b%26c%3D%C3%A9%3A");
    }
}
