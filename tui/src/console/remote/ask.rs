//! Questions.

use countersign_openapi::{
    Account, Client as Registered, Event, MIN_POSITION_HEADER, Page, ProjectionState, Session,
    SigningKey, Verifiers,
};
use reqwest::Method;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Remote, told};
use crate::client::{path, read};
use crate::console::list::PAGE;
use crate::console::message::{Data, Query};
use crate::console::order::Failed;
use crate::{Client, ClientError};

/// Rows of a page, as the service counts them.
#[expect(clippy::cast_possible_truncation, reason = "200")]
const ROWS: u16 = PAGE as u16;

impl Remote {
    /// Asks for something.
    pub(in crate::console) async fn ask(&self, query: &Query) -> Result<Data, Failed> {
        match query {
            Query::Ready => {
                // It says how it is with an error's status, too.
                let client = self.client().await;
                let answer = client.http.get(client.at("/readyz")).send().await;
                let answer = answer.map_err(|error| told(&ClientError::Unreachable(error)))?;
                let ready = read(answer).await.map_err(|error| told(&error))?;
                Ok(Data::Ready(ready))
            }
            Query::Overview => {
                let overview = self.get("/v1/admin/overview", None).await?;
                Ok(Data::Overview(Box::new(overview)))
            }
            Query::Projections => {
                let page: Page<ProjectionState> = self.get("/v1/admin/projections", None).await?;
                Ok(Data::Projections(page.items))
            }
            Query::Keys => {
                let page: Page<SigningKey> = self.get("/v1/admin/keys", None).await?;
                Ok(Data::Keys(page.items))
            }
            Query::Clients => {
                let page = listed("/v1/admin/clients", ROWS, &[], None);
                let page: Page<Registered> = self.get(&page, None).await?;
                Ok(Data::Clients(page.items))
            }
            Query::Verifiers => {
                let verifiers: Verifiers = self.get("/v1/admin/verifiers", None).await?;
                Ok(Data::Verifiers(verifiers))
            }
            Query::Sessions { parameters, after } => {
                let page = listed("/v1/admin/sessions", ROWS, parameters, after.as_deref());
                Ok(Data::Sessions(self.get(&page, None).await?))
            }
            Query::Accounts { parameters, after } => {
                let page = listed("/v1/admin/accounts", ROWS, parameters, after.as_deref());
                Ok(Data::Accounts(self.get(&page, None).await?))
            }
            Query::Session { id, at_least } => {
                let path = format!("/v1/admin/sessions/{id}");
                let session: Session = self.get(&path, at_least.as_deref()).await?;
                Ok(Data::Session(Box::new(session)))
            }
            Query::Account { id, at_least } => {
                let path = format!("/v1/admin/accounts/{id}");
                let account: Account = self.get(&path, at_least.as_deref()).await?;
                Ok(Data::Account(Box::new(account)))
            }
            Query::SessionEvents(id, after) => {
                self.history("sessions", *id, after.as_deref()).await
            }
            Query::AccountEvents(id, after) => {
                self.history("accounts", *id, after.as_deref()).await
            }
            Query::SessionsOf(id) => {
                let of = [("account_id", id.to_string()), ("state", "any".to_owned())];
                let page = listed("/v1/admin/sessions", 20, &of, None);
                Ok(Data::Sessions(self.get(&page, None).await?))
            }
            Query::Events(after) => {
                let page = listed("/v1/admin/events", ROWS, &[], after.as_deref());
                let page: Page<Event> = self.get(&page, None).await?;
                Ok(Data::Events(page))
            }
        }
    }

    async fn history(&self, what: &str, id: Uuid, after: Option<&str>) -> Result<Data, Failed> {
        let path = format!("/v1/admin/{what}/{id}/events");
        let page = listed(&path, ROWS, &[], after);
        Ok(Data::Events(self.get(&page, None).await?))
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        at_least: Option<&str>,
    ) -> Result<T, Failed> {
        let ask = |client: &Client| {
            let request = client.request(Method::GET, path);
            match at_least {
                Some(position) => request.header(MIN_POSITION_HEADER, position),
                None => request,
            }
        };
        let answer = self.fresh(ask).await?;
        read(answer).await.map_err(|error| told(&error))
    }
}

fn listed(
    at: &str,
    rows: u16,
    parameters: &[(&'static str, String)],
    after: Option<&str>,
) -> String {
    let mut all: Vec<(&str, Option<&str>)> = Vec::with_capacity(parameters.len() + 1);
    all.extend(
        parameters
            .iter()
            .map(|(name, value)| (*name, Some(value.as_str()))),
    );
    all.push(("after", after));
    path(at, rows, &all)
}
