//! HTTP requests that end, and answers that are not too large.

use super::ConfigError;
use reqwest::{Client, RequestBuilder, Response};
use std::time::Duration;

/// How long a request may take in all.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no answer. Nothing in it comes from a token or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("no connection")]
    Connection,
    #[error("no answer in time")]
    Timeout,
    #[error("status {0}")]
    Status(u16),
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer cannot be read")]
    Malformed,
    #[error("the stream is not there")]
    NoStream,
}

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Connection
        }
    }
}

/// A client that follows no redirect: whoever answers is who was asked.
pub(crate) fn client() -> Result<Client, ConfigError> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(30))
        .user_agent(concat!("countersign-verifier/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| ConfigError::Http)
}

/// An answer of status 200.
pub(crate) async fn ok(request: RequestBuilder) -> Result<Response, Trouble> {
    let response = request.send().await?;
    match response.status().as_u16() {
        200 => Ok(response),
        other => Err(Trouble::Status(other)),
    }
}

/// The body, if it has at most `max_bytes`, whatever its header says.
pub(crate) async fn body(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > max_bytes {
            return Err(Trouble::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
