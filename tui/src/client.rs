//! Typed calls.

use std::time::Duration;

use countersign_openapi::{
    Account, Applied, POSITION_HEADER, Page, ProblemCode, ProblemDetails, RevokeSession, Revoked,
    Secret, Session, display_safe,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Context, Login, Prompt};

/// A signed-in connection to a service.
#[derive(Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    url: String,
    pub(crate) login: Login,
    pub(crate) token: Secret,
    pub(crate) prompt: Prompt,
}

/// Why a call brought nothing back.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The service did not answer.
    #[error("the service does not answer: {0}")]
    Unreachable(reqwest::Error),
    /// The service said no.
    #[error("{}", problem(.0))]
    Problem(Box<ProblemDetails>),
    /// Something before the service, or a part of it that knows no better,
    /// said that it cannot be asked now.
    #[error("the service cannot be asked now: status {0}")]
    Busy(StatusCode),
    /// The answer is not what the contract says.
    #[error("the service answered something else than its contract: {0}")]
    Contract(String),
    /// A second factor is needed, and nothing here says how to give it.
    #[error(
        "a second factor is needed and nobody can be asked for it: set COUNTERSIGN_CODE to a code of the authenticator app, or COUNTERSIGN_TOKEN to the token of somebody who gave one"
    )]
    SecondFactor,
    /// Nobody is signed in, and nothing here says how to.
    #[error(
        "nobody is signed in and nobody can be asked for a password: do it once on a terminal, or set COUNTERSIGN_TOKEN"
    )]
    SignedOut,
    /// Whoever was asked gave it up.
    #[error("given up")]
    Cancelled,
    /// Nobody could be asked, for the terminal failed.
    #[error("the terminal: {0}")]
    Terminal(std::io::Error),
    /// The session cannot be kept for the next command.
    #[error("the session cannot be kept: {0}")]
    Keep(std::io::Error),
}

impl ClientError {
    /// The problem's code, if the service named one.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Problem(details) => Some(details.code),
            _ => None,
        }
    }

    /// Whether the same call may succeed in a moment without anybody's help:
    /// nobody answered, or whoever did is full, stops or starts.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Busy(_) => true,
            Self::Problem(details) => is_busy(details.status),
            _ => false,
        }
    }
}

/// Too many requests, bad gateway, unavailable, gateway timeout.
fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 502..=504)
}

fn problem(details: &ProblemDetails) -> String {
    let detail = details
        .detail
        .as_deref()
        .map(|text| format!(": {}", display_safe(text)));
    let mut told = vec![format!(
        "{} ({}){}",
        details.title,
        details.code,
        detail.unwrap_or_default()
    )];
    told.extend(details.errors.iter().map(|error| {
        let message = display_safe(&error.message);
        match error.pointer.as_deref().or(error.parameter.as_deref()) {
            Some(place) => format!("{}: {message}", display_safe(place)),
            None => message.into_owned(),
        }
    }));
    let wait = details.retry_after;
    told.extend(wait.map(|seconds| format!("try again in {seconds} s")));
    told.join("; ")
}

/// Which sessions to list.
#[derive(Debug, Clone, Default)]
pub struct SessionQuery {
    /// Part of an account's address.
    pub q: Option<String>,
    /// `active`, `expired`, `revoked` or `any`.
    pub state: Option<String>,
    /// An address or a network.
    pub ip: Option<String>,
    /// Rows of a page.
    pub limit: u16,
    /// Where the page before ended.
    pub after: Option<String>,
    /// As of when: a time (RFC 3339), or what an earlier answer said of itself.
    pub as_of: Option<String>,
}

const TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    /// Signs in; `prompt` is asked for what the context does not say.
    pub async fn connect(context: &Context, prompt: Prompt) -> Result<Self, ClientError> {
        let mut client = Self::unsigned(context)?;
        client.prompt = prompt;
        client.sign_in().await?;
        Ok(client)
    }

    /// A connection on which nobody is signed in yet.
    pub(crate) fn unsigned(context: &Context) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ClientError::Unreachable)?;
        Ok(Self {
            http,
            url: context.url.clone(),
            login: context.login.clone(),
            token: Secret::new(""),
            prompt: Prompt::default(),
        })
    }

    /// Ends the session, unless it is kept for the next command or was opened
    /// by somebody else.
    pub async fn disconnect(self) -> Result<(), ClientError> {
        if let Login::Password { keep: None, .. } = &self.login {
            send(self.request(Method::POST, "/v1/auth/logout")).await?;
        }
        Ok(())
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, self.at(path))
            .bearer_auth(self.token.expose())
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        read(send(self.request(Method::GET, path)).await?).await
    }

    /// One page of sessions, newest first.
    pub async fn sessions(&self, query: &SessionQuery) -> Result<Page<Session>, ClientError> {
        let parameters = [
            ("q", query.q.as_deref()),
            ("state", query.state.as_deref()),
            ("ip", query.ip.as_deref()),
            ("after", query.after.as_deref()),
            ("as_of", query.as_of.as_deref()),
        ];
        self.get(&path("/v1/admin/sessions", query.limit, &parameters))
            .await
    }

    /// One page of accounts, newest first; as of now, if not said.
    pub async fn accounts(
        &self,
        q: Option<&str>,
        limit: u16,
        after: Option<&str>,
        as_of: Option<&str>,
    ) -> Result<Page<Account>, ClientError> {
        let parameters = [("q", q), ("after", after), ("as_of", as_of)];
        self.get(&path("/v1/admin/accounts", limit, &parameters))
            .await
    }

    /// One session; as of now, if not said.
    pub async fn session(&self, id: Uuid, as_of: Option<&str>) -> Result<Session, ClientError> {
        let path = format!("/v1/admin/sessions/{id}");
        self.get(&encoded(&path, &[("as_of", as_of)])).await
    }

    /// One account; as of now, if not said.
    pub async fn account(&self, id: Uuid, as_of: Option<&str>) -> Result<Account, ClientError> {
        let path = format!("/v1/admin/accounts/{id}");
        self.get(&encoded(&path, &[("as_of", as_of)])).await
    }

    /// Ends a session; the position at which it is over and, if that was
    /// waited for, who has applied it.
    pub async fn revoke(
        &mut self,
        id: Uuid,
        reason: &str,
        wait: bool,
    ) -> Result<(String, Option<Applied>), ClientError> {
        let body = RevokeSession {
            reason: reason.to_owned(),
            wait,
        };
        let path = format!("/v1/admin/sessions/{id}/revoke");
        let ask = |client: &Self| client.request(Method::POST, &path).json(&body);
        let answer = self.as_operator(ask).await?;
        let position = position(&answer)?;
        if !wait {
            return Ok((position, None));
        }
        let revoked: Revoked = read(answer).await?;
        Ok((position, Some(revoked.applied)))
    }

    /// Does what only operators do, proving again who is there if asked.
    pub(crate) async fn as_operator(
        &mut self,
        request: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        match send(request(self)).await {
            Err(error) if error.code() == Some(ProblemCode::InsufficientUserAuthentication) => {
                self.step_up().await?;
                send(request(self)).await
            }
            other => other,
        }
    }
}

/// Where a write stands in the log.
pub(crate) fn position(answer: &Response) -> Result<String, ClientError> {
    let position = answer.headers().get(POSITION_HEADER);
    position
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
        .ok_or_else(|| ClientError::Contract("a write without a position".into()))
}

/// The path of a page, with its query.
pub(crate) fn path(path: &str, limit: u16, parameters: &[(&str, Option<&str>)]) -> String {
    let limit = limit.to_string();
    let mut all = vec![("limit", Some(limit.as_str()))];
    all.extend_from_slice(parameters);
    encoded(path, &all)
}

/// A path with its query, everything but letters and digits percent-encoded.
pub(crate) fn encoded(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut path = path.to_owned();
    let mut before = '?';
    for (name, value) in parameters {
        let Some(value) = value else { continue };
        path.push(before);
        before = '&';
        path.push_str(name);
        path.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() {
                path.push(char::from(byte));
            } else {
                let digits = b"0123456789ABCDEF";
                path.push('%');
                path.push(char::from(digits[usize::from(byte >> 4)]));
                path.push(char::from(digits[usize::from(byte & 15)]));
            }
        }
    }
    path
}

pub(crate) async fn send(request: RequestBuilder) -> Result<Response, ClientError> {
    let answer = request.send().await.map_err(ClientError::Unreachable)?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status();
    match answer.json::<ProblemDetails>().await {
        Ok(details) => Err(ClientError::Problem(Box::new(details))),
        Err(_) if is_busy(status.as_u16()) => Err(ClientError::Busy(status)),
        Err(_) => Err(ClientError::Contract(format!(
            "status {status} without a problem"
        ))),
    }
}

pub(crate) async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, ClientError> {
    answer
        .json()
        .await
        .map_err(|error| ClientError::Contract(error.to_string()))
}

#[cfg(test)]
mod tests {
    use countersign_openapi::{FieldError, ProblemCode, ProblemDetails};
    use reqwest::StatusCode;

    use super::{ClientError, encoded, path, problem};

    #[test]
    fn what_is_full_or_starts_anew_may_answer_in_a_moment() {
        let of = |code| ClientError::Problem(Box::new(ProblemDetails::new(code)));
        for error in [
            of(ProblemCode::RateLimited),
            of(ProblemCode::Overloaded),
            of(ProblemCode::Unavailable),
            ClientError::Busy(StatusCode::BAD_GATEWAY),
        ] {
            assert!(error.passes(), "{error}");
        }
        for error in [
            of(ProblemCode::InternalError),
            of(ProblemCode::TokenExpired),
            of(ProblemCode::NotFound),
            ClientError::Contract("status 500".into()),
            ClientError::SignedOut,
        ] {
            assert!(!error.passes(), "{error}");
        }
    }

    #[test]
    fn a_problem_says_what_is_wrong_and_when_to_try_again() {
        let mut details = ProblemDetails::new(ProblemCode::ValidationFailed);
        let mut error = FieldError::at("/reason", "is too\u{1b} long");
        details.errors.push(error.clone());
        (error.pointer, error.parameter) = (None, Some("ip".to_owned()));
        details.errors.push(error);
        details.retry_after = Some(30);
        let told = problem(&details);
        let long = "is too\\u{1b} long";
        let end = format!("; /reason: {long}; ip: {long}; try again in 30 s");
        assert!(told.ends_with(&end), "{told}");
    }

    #[test]
    fn a_query_is_encoded_whole() {
        let parameters = [
            ("q", Some("a&b=c ü")),
            ("ip", None),
            ("state", Some("active")),
        ];
        assert_eq!(
            path("/x", 5, &parameters),
            "/x?limit=5&q=a%26b%3Dc%20%C3%BC&state=active"
        );
        assert_eq!(encoded("/x", &[("as_of", None)]), "/x");
        assert_eq!(
            encoded("/x", &[("as_of", Some("1-2@3"))]),
            "/x?as_of=1%2D2%403"
        );
    }
}
