//! A client of the service that notes what it got and how long it took.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::wait::until;

/// Long enough for whatever a service may do; a bound of its own is a test's.
const PATIENCE: Duration = Duration::from_secs(10);

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    body: Option<Value>,
    bearer: Option<String>,
    position: Option<String>,
}

pub(super) fn get(path: impl Into<String>) -> Call {
    Call {
        method: Method::GET,
        path: path.into(),
        body: None,
        bearer: None,
        position: None,
    }
}

pub(super) fn send(method: Method, path: impl Into<String>, body: Value) -> Call {
    Call {
        method,
        body: Some(body),
        ..get(path)
    }
}

pub(super) fn post(path: impl Into<String>, body: Value) -> Call {
    send(Method::POST, path, body)
}

pub(super) fn register(email: &str) -> Call {
    post(
        "/v1/auth/register",
        json!({"email": email, "password": PASSWORD}),
    )
}

pub(super) fn login(email: &str, password: &str) -> Call {
    post(
        "/v1/auth/login",
        json!({"email": email, "password": password}),
    )
}

pub(super) fn refresh(token: &str) -> Call {
    post("/v1/auth/refresh", json!({"refresh_token": token}))
}

pub(super) fn logout(token: &str) -> Call {
    post("/v1/auth/logout", json!({"refresh_token": token}))
}

pub(super) fn verify(access: &str) -> Call {
    get("/v1/auth/verify").bearer(access)
}

impl Call {
    pub(super) fn bearer(mut self, access: &str) -> Self {
        self.bearer = Some(access.to_owned());
        self
    }

    pub(super) fn at_least(mut self, position: &str) -> Self {
        self.position = Some(position.to_owned());
        self
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    pub(super) took: Duration,
}

impl Answer {
    /// A string of the body; empty if there is none.
    pub(super) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    pub(super) fn code(&self) -> &str {
        self.text("code")
    }

    pub(super) fn position(&self) -> String {
        let position = self.headers.get("countersign-position");
        let position = position.unwrap_or_else(|| panic!("no position: {self:?}"));
        position.to_str().expect("ascii").to_owned()
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// 503 as an outage is told.
    pub(super) fn is_unavailable(&self) -> bool {
        self.status == 503
            && self.code() == "unavailable"
            && self.headers.contains_key("retry-after")
    }
}

/// What everybody's password is.
pub(super) const PASSWORD: &str = "violet tram 47 over a quiet harbour";

/// A session as its owner knows it.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) email: String,
    pub(super) account: String,
    pub(super) session: String,
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) position: String,
}

impl Person {
    pub(super) fn of(email: &str, answer: &Answer) -> Self {
        let session = answer.text("session_id").to_owned();
        assert!(!session.is_empty(), "{answer:?}");
        Self {
            email: email.to_owned(),
            account: answer.body["account"]["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            session,
            access: answer.text("access_token").to_owned(),
            refresh: answer.text("refresh_token").to_owned(),
            position: answer.position(),
        }
    }

    pub(super) fn renew(&mut self, answer: &Answer) {
        assert_eq!(answer.text("session_id"), self.session);
        answer.text("access_token").clone_into(&mut self.access);
        answer.text("refresh_token").clone_into(&mut self.refresh);
        self.position = answer.position();
    }
}

/// The generation in a refresh token. Opaque to clients, but a test may look.
pub(super) fn generation_of(refresh: &str) -> u32 {
    let encoded = refresh.strip_prefix("csr_").expect("a refresh token");
    let bytes = URL_SAFE_NO_PAD.decode(encoded).expect("base64url");
    u32::from_be_bytes(bytes[20..24].try_into().expect("four bytes"))
}

/// A client of one instance.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) url: String,
    client: reqwest::Client,
}

impl Service {
    /// Keeps connections open between requests.
    pub(super) fn new(url: &str) -> Self {
        Self::with(url, reqwest::Client::builder())
    }

    /// Opens a connection for each request.
    pub(super) fn without_keep_alive(url: &str) -> Self {
        Self::with(url, reqwest::Client::builder().pool_max_idle_per_host(0))
    }

    fn with(url: &str, builder: reqwest::ClientBuilder) -> Self {
        let client = builder
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        Self {
            url: url.to_owned(),
            client,
        }
    }

    /// Sends a request; an error is one of the connection.
    pub(super) async fn try_ask(&self, call: &Call) -> Result<Answer, reqwest::Error> {
        let mut request = self
            .client
            .request(call.method.clone(), format!("{}{}", self.url, call.path));
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(bearer) = &call.bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(position) = &call.position {
            request = request.header("Countersign-Min-Position", position);
        }
        let started = Instant::now();
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer {
            status,
            headers,
            body,
            took: started.elapsed(),
        })
    }

    /// Sends a request that must be answered.
    pub(super) async fn ask(&self, call: &Call) -> Answer {
        let answer = self.try_ask(call).await;
        answer.unwrap_or_else(|error| panic!("{} {}: {error:?}", call.method, call.path))
    }

    /// The answer if it has this status; for conditions that are waited for.
    pub(super) async fn wants(&self, call: &Call, status: u16) -> Result<Answer, String> {
        match self.try_ask(call).await {
            Ok(answer) if answer.status == status => Ok(answer),
            Ok(answer) => Err(format!("{} {}: {answer:?}", call.method, call.path)),
            Err(error) => Err(format!("{} {}: {error:?}", call.method, call.path)),
        }
    }

    /// The same, for a reader who asks again when told to: right after a start
    /// or a crash the first look may be too slow for its bound.
    pub(super) async fn reads(&self, call: &Call, status: u16) -> Result<Answer, String> {
        let (answer, _) = until(&call.path, PATIENCE, async || {
            let answer = self
                .try_ask(call)
                .await
                .map_err(|error| error.to_string())?;
            if answer.is_unavailable() {
                Err(format!("{answer:?}"))
            } else {
                Ok(answer)
            }
        })
        .await;
        if answer.status == status {
            Ok(answer)
        } else {
            Err(format!("{}: {answer:?}", call.path))
        }
    }

    pub(super) async fn register(&self, email: &str) -> Person {
        Person::of(email, &self.ask(&register(email)).await.expect(201))
    }

    pub(super) async fn login(&self, email: &str) -> Person {
        Person::of(email, &self.ask(&login(email, PASSWORD)).await.expect(200))
    }

    /// `/readyz`: its status and what it says of a part.
    pub(super) async fn readiness(&self, part: &str) -> (u16, Value) {
        let answer = self.ask(&get("/readyz")).await;
        let checks = answer.body["checks"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let check = checks.into_iter().find(|check| check["name"] == part);
        (
            answer.status,
            check.unwrap_or_else(|| panic!("no check of {part}: {answer:?}")),
        )
    }
}
