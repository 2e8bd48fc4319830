//! The front door: HTTP, as anybody knocks.

use std::time::Duration;

use countersign_openapi::{DEVICE_HEADER, ProblemCode, ProblemDetails, Secret};
use reqwest::{Client, Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::people::Person;
use crate::parts::Failure;

/// Longer than a step takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a step did not go as it was meant to.
pub(super) enum Trouble {
    /// The service does not answer, or has too much to do.
    Away,
    /// It said no.
    Refused(ProblemCode),
    /// Something on this side broke.
    Failed(Failure),
}

/// From where, and with what.
pub(super) struct Origin<'a> {
    pub(super) address: &'a str,
    pub(super) agent: &'a str,
    pub(super) device: Option<&'a Secret>,
}

impl<'a> From<&'a Person> for Origin<'a> {
    fn from(person: &'a Person) -> Self {
        Self {
            address: &person.address,
            agent: &person.agent,
            device: person.device.as_ref(),
        }
    }
}

pub(super) struct Door {
    http: Client,
    url: String,
}

impl Door {
    pub(super) fn new(url: String) -> Result<Self, Failure> {
        let http = Client::builder().timeout(TIMEOUT).no_proxy().build();
        let http = http.map_err(Failure::other)?;
        Ok(Self { http, url })
    }

    /// Asks for something; the answer is read whole, so that its connection
    /// can be used again.
    pub(super) async fn get(
        &self,
        origin: Origin<'_>,
        path: &str,
        token: &Secret,
    ) -> Result<(), Trouble> {
        let request = self.request(Method::GET, path, &origin);
        let answer = known(request.bearer_auth(token.expose()).send().await).await?;
        answer.bytes().await.map_err(|_| Trouble::Away)?;
        Ok(())
    }

    /// Sends something that is answered with nothing, or with nothing that
    /// matters.
    pub(super) async fn send(
        &self,
        origin: Origin<'_>,
        path: &str,
        token: Option<&Secret>,
        body: &impl Serialize,
    ) -> Result<(), Trouble> {
        let answer = self.post(origin, path, token, body).await?;
        answer.bytes().await.map_err(|_| Trouble::Away)?;
        Ok(())
    }

    /// Sends something and reads what comes back.
    pub(super) async fn ask<A: DeserializeOwned>(
        &self,
        origin: Origin<'_>,
        path: &str,
        token: Option<&Secret>,
        body: &impl Serialize,
    ) -> Result<A, Trouble> {
        let answer = self.post(origin, path, token, body).await?;
        answer.json().await.map_err(|_| Trouble::Away)
    }

    async fn post(
        &self,
        origin: Origin<'_>,
        path: &str,
        token: Option<&Secret>,
        body: &impl Serialize,
    ) -> Result<Response, Trouble> {
        let request = self.request(Method::POST, path, &origin).json(body);
        let request = match token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        known(request.send().await).await
    }

    fn request(&self, method: Method, path: &str, origin: &Origin<'_>) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = request
            .header("x-forwarded-for", origin.address)
            .header("user-agent", origin.agent);
        match origin.device {
            Some(device) => request.header(DEVICE_HEADER, device.expose()),
            None => request,
        }
    }
}

/// An answer, if it is what was asked for.
async fn known(answer: reqwest::Result<Response>) -> Result<Response, Trouble> {
    let answer = answer.map_err(|_| Trouble::Away)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    if status.is_server_error() {
        return Err(Trouble::Away);
    }
    let problem = answer.json::<ProblemDetails>().await;
    Err(problem.map_or(Trouble::Away, |problem| Trouble::Refused(problem.code)))
}
