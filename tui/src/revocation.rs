//! Calls about orders to end every session of a kind.

use std::time::Duration;

use countersign_openapi::{Page, Revocation, RevocationItem, RevocationPreview, StartRevocation};
use reqwest::{Method, RequestBuilder, Response};
use uuid::Uuid;

use crate::client::{Client, ClientError, path, position, read, send};

const REVOCATIONS: &str = "/v1/admin/revocations";

/// Longer than the service waits for an order and for the verifiers.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Client {
    /// What an order would end. `order` must say `dry_run`.
    pub async fn preview_revocation(
        &mut self,
        order: &StartRevocation,
    ) -> Result<RevocationPreview, ClientError> {
        let ask = |client: &Self| client.request(Method::POST, REVOCATIONS).json(order);
        read(self.stepping_up(ask).await?).await
    }

    /// Gives an order.
    pub async fn start_revocation(
        &mut self,
        order: &StartRevocation,
    ) -> Result<Revocation, ClientError> {
        let ask = |client: &Self| client.request(Method::POST, REVOCATIONS).json(order);
        read(self.stepping_up(ask).await?).await
    }

    /// One page of orders, newest first.
    pub async fn revocations(
        &self,
        limit: u16,
        after: Option<&str>,
    ) -> Result<Page<Revocation>, ClientError> {
        let path = path(REVOCATIONS, limit, &[("after", after)]);
        read(send(self.request(Method::GET, &path)).await?).await
    }

    /// One order.
    pub async fn revocation(&self, id: Uuid) -> Result<Revocation, ClientError> {
        let path = format!("{REVOCATIONS}/{id}");
        read(send(self.request(Method::GET, &path)).await?).await
    }

    /// One page of the sessions of an order, newest first.
    pub async fn revocation_items(
        &self,
        id: Uuid,
        state: Option<&str>,
        limit: u16,
        after: Option<&str>,
    ) -> Result<Page<RevocationItem>, ClientError> {
        let of = format!("{REVOCATIONS}/{id}/items");
        let path = path(&of, limit, &[("state", state), ("after", after)]);
        read(send(self.request(Method::GET, &path)).await?).await
    }

    /// Gives an order up; the position at which it is.
    pub async fn cancel_revocation(&mut self, id: Uuid) -> Result<String, ClientError> {
        let path = format!("{REVOCATIONS}/{id}/cancel");
        let ask = |client: &Self| client.request(Method::POST, &path);
        position(&self.stepping_up(ask).await?)
    }

    /// Asks, and proves again who is there if that is asked for.
    async fn stepping_up(
        &mut self,
        ask: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        self.as_operator(|client| ask(client).timeout(TIMEOUT))
            .await
    }
}
