//! Questions.

use countersign_openapi::{
    AS_OF_HEADER, Account, Attempt, Client as Registered, Event, MIN_POSITION_HEADER, Page,
    ProjectionState, Session, SigningKey, Verifiers,
};
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;

use super::{Remote, told};
use crate::client::{encoded, path, read};
use crate::console::list::PAGE;
use crate::console::message::{Data, Query};
use crate::console::order::Failed;
use crate::{Client, ClientError};

/// Rows of a page, as the service counts them.
#[expect(clippy::cast_possible_truncation, reason = "200")]
const ROWS: u16 = PAGE as u16;

/// Pages of clients that are asked for at most: two thousand of them.
const CLIENT_PAGES_MAX: usize = 10;

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
                // They are filtered and sorted here, so all of them are asked
                // for; `next` is left where there are more.
                let mut all = Page {
                    items: Vec::new(),
                    next: None,
                };
                for _ in 0..CLIENT_PAGES_MAX {
                    let page = listed("/v1/admin/clients", ROWS, &[], all.next.as_deref());
                    let page: Page<Registered> = self.get(&page, None).await?;
                    all.items.extend(page.items);
                    all.next = page.next;
                    if all.next.is_none() {
                        break;
                    }
                }
                Ok(Data::Clients(all))
            }
            Query::Verifiers => {
                let verifiers: Verifiers = self.get("/v1/admin/verifiers", None).await?;
                Ok(Data::Verifiers(verifiers))
            }
            Query::Attempts(id) => {
                let page = listed(&format!("/v1/admin/accounts/{id}/attempts"), 50, &[], None);
                let page: Page<Attempt> = self.get(&page, None).await?;
                Ok(Data::Attempts(page.items))
            }
            Query::Events { parameters, after } => {
                let page = listed("/v1/admin/events", ROWS, parameters, after.as_deref());
                let page: Page<Event> = self.get(&page, None).await?;
                Ok(Data::Events(page))
            }
            Query::AsOf { as_of, query } => {
                let (data, as_of) = self.about(query, Some(as_of)).await?;
                // Whoever does not say so may have answered of now.
                let as_of = as_of.ok_or_else(|| {
                    Failed::Unreadable("the service does not say as of when this is".to_owned())
                })?;
                let data = Box::new(data);
                Ok(Data::AsOf { as_of, data })
            }
            query => Ok(self.about(query, None).await?.0),
        }
    }

    /// Asks about sessions or accounts, which have a past; also brings what
    /// the answer is as of, if it says so.
    async fn about(
        &self,
        query: &Query,
        as_of: Option<&str>,
    ) -> Result<(Data, Option<String>), Failed> {
        let no_past = || Failed::Unreadable("this has no past".to_owned());
        let path = path_of(query, as_of).ok_or_else(no_past)?;
        let at_least = match query {
            Query::Session { at_least, .. } | Query::Account { at_least, .. } => {
                at_least.as_deref()
            }
            _ => None,
        };
        let answer = self.fetch(&path, at_least).await?;
        let told = answer.headers().get(AS_OF_HEADER);
        let told = told.and_then(|value| value.to_str().ok());
        let told = told.map(str::to_owned);
        let data = match query {
            Query::Sessions { .. } | Query::SessionsOf(_) => read(answer).await.map(Data::Sessions),
            Query::Accounts { .. } => read(answer).await.map(Data::Accounts),
            Query::Session { .. } => {
                let session: Result<Session, _> = read(answer).await;
                session.map(|session| Data::Session(Box::new(session)))
            }
            Query::Account { .. } => {
                let account: Result<Account, _> = read(answer).await;
                account.map(|account| Data::Account(Box::new(account)))
            }
            _ => read(answer).await.map(Data::Events),
        };
        Ok((data.map_err(|error| self::told(&error))?, told))
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        at_least: Option<&str>,
    ) -> Result<T, Failed> {
        let answer = self.fetch(path, at_least).await?;
        read(answer).await.map_err(|error| told(&error))
    }

    async fn fetch(&self, path: &str, at_least: Option<&str>) -> Result<Response, Failed> {
        let ask = |client: &Client| {
            let request = client.request(Method::GET, path);
            match at_least {
                Some(position) => request.header(MIN_POSITION_HEADER, position),
                None => request,
            }
        };
        self.fresh(ask).await
    }
}

/// Where something about sessions or accounts is asked for.
fn path_of(query: &Query, as_of: Option<&str>) -> Option<String> {
    let moment = as_of.map(|as_of| ("as_of", as_of.to_owned()));
    let with = |at: &str, rows, parameters: &[(&'static str, String)], after: Option<&str>| {
        let mut parameters = parameters.to_vec();
        parameters.extend(moment.clone());
        listed(at, rows, &parameters, after)
    };
    // Reads of one thing know no limit.
    let one = |at: String| encoded(&at, &[("as_of", as_of)]);
    let path = match query {
        Query::Sessions { parameters, after } => {
            with("/v1/admin/sessions", ROWS, parameters, after.as_deref())
        }
        Query::Accounts { parameters, after } => {
            with("/v1/admin/accounts", ROWS, parameters, after.as_deref())
        }
        Query::Session { id, .. } => one(format!("/v1/admin/sessions/{id}")),
        Query::Account { id, .. } => one(format!("/v1/admin/accounts/{id}")),
        Query::SessionEvents(id, after) => with(
            &format!("/v1/admin/sessions/{id}/events"),
            ROWS,
            &[],
            after.as_deref(),
        ),
        Query::AccountEvents(id, after) => with(
            &format!("/v1/admin/accounts/{id}/events"),
            ROWS,
            &[],
            after.as_deref(),
        ),
        Query::SessionsOf(id) => {
            let of = [("account_id", id.to_string()), ("state", "any".to_owned())];
            with("/v1/admin/sessions", 20, &of, None)
        }
        _ => return None,
    };
    Some(path)
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::console::remote::served::{answering, answering_each};

    #[tokio::test]
    async fn an_answer_that_does_not_say_as_of_when_is_none() {
        let query = Query::AsOf {
            as_of: "2026-11-22T14:03:07Z".to_owned(),
            query: Box::new(Query::SessionEvents(Uuid::nil(), None)),
        };
        let silent = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                      content-length: 24\r\n\r\n{\"items\":[],\"next\":null}";
        let outcome = answering(silent).ask(&query).await;
        let why = outcome.expect_err("of now, perhaps").told();
        assert!(why.contains("as of when"), "{why}");
        let exact = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                     countersign-as-of: 0-1@2\r\n\
                     content-length: 24\r\n\r\n{\"items\":[],\"next\":null}";
        let outcome = answering(exact).ask(&query).await;
        let Ok(Data::AsOf { as_of, .. }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(as_of, "0-1@2");
    }

    /// A page of one client, and whether there is another.
    fn one_client(number: u128, next: Option<&str>) -> String {
        let client = json!({
            "id": Uuid::from_u128(number), "name": "orders", "serves": [], "audiences": [],
            "scopes": [], "state": "active", "secrets": [], "key_ids": [],
            "created_at": "2026-11-22T14:03:07Z", "position": "0.7",
        });
        let page = json!({"items": [client], "next": next}).to_string();
        let length = page.len();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{page}"
        )
    }

    #[tokio::test]
    async fn clients_are_asked_for_page_after_page_up_to_a_bound() {
        let listed = async |answers| match answering_each(answers).ask(&Query::Clients).await {
            Ok(Data::Clients(page)) => page,
            other => panic!("{other:?}"),
        };
        let all = listed(vec![one_client(2, Some("a")), one_client(1, None)]).await;
        assert_eq!((all.items.len(), all.next), (2, None));
        let endless = (0..20).map(|number| one_client(number, Some("a")));
        let some = listed(endless.collect()).await;
        assert_eq!(some.items.len(), CLIENT_PAGES_MAX);
        assert!(some.next.is_some(), "there are more");
    }

    #[test]
    fn the_moment_goes_with_every_question_that_has_a_past() {
        let id = Uuid::nil();
        let moment = Some("2026-11-22T14:03:07Z");
        let asked = |query: &Query| path_of(query, moment).expect("a past");
        let one = asked(&Query::Session { id, at_least: None });
        let at = "2026%2D11%2D22T14%3A03%3A07Z";
        assert_eq!(one, format!("/v1/admin/sessions/{id}?as_of={at}"));
        let list = asked(&Query::Accounts {
            parameters: vec![("q", "a b".to_owned())],
            after: Some("c".to_owned()),
        });
        assert!(
            list.ends_with(&format!("q=a%20b&as_of={at}&after=c")),
            "{list}"
        );
        assert!(asked(&Query::AccountEvents(id, None)).contains("as_of="));
        assert!(asked(&Query::SessionsOf(id)).contains("as_of="));
        assert_eq!(path_of(&Query::Keys, moment), None);
        let now = path_of(&Query::Account { id, at_least: None }, None);
        assert_eq!(now, Some(format!("/v1/admin/accounts/{id}")));
    }
}
