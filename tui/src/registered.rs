//! Calls about clients: services that sign in as themselves.

use countersign_openapi::{
    AddClientSecret, Applied, Client as Registered, ClientProfile, ClientRegistered,
    NewClientSecret, Page, RevokeReason, Revoked,
};
use reqwest::Method;
use uuid::Uuid;

use crate::client::{Client, ClientError, path, position, read, send};

impl Client {
    /// One page of clients, newest first.
    pub async fn clients(
        &self,
        limit: u16,
        after: Option<&str>,
    ) -> Result<Page<Registered>, ClientError> {
        let path = path("/v1/admin/clients", limit, &[("after", after)]);
        read(send(self.request(Method::GET, &path)).await?).await
    }

    /// One client.
    pub async fn client(&self, id: Uuid) -> Result<Registered, ClientError> {
        let path = format!("/v1/admin/clients/{id}");
        read(send(self.request(Method::GET, &path)).await?).await
    }

    /// Registers a client, which has no way to prove itself yet.
    pub async fn register_client(&mut self, profile: &ClientProfile) -> Result<Uuid, ClientError> {
        let register = |client: &Self| {
            let request = client.request(Method::POST, "/v1/admin/clients");
            request.json(profile)
        };
        let registered: ClientRegistered = read(self.as_operator(register).await?).await?;
        Ok(registered.id)
    }

    /// Adds a secret to a client; the only time it is told.
    pub async fn add_client_secret(
        &mut self,
        id: Uuid,
        expires_in_days: Option<u16>,
    ) -> Result<NewClientSecret, ClientError> {
        let body = AddClientSecret { expires_in_days };
        let path = format!("/v1/admin/clients/{id}/secrets");
        let add = |client: &Self| client.request(Method::POST, &path).json(&body);
        read(self.as_operator(add).await?).await
    }

    /// Removes a secret of a client; where that stands in the log.
    pub async fn remove_client_secret(
        &mut self,
        id: Uuid,
        secret: Uuid,
    ) -> Result<String, ClientError> {
        let path = format!("/v1/admin/clients/{id}/secrets/{secret}");
        let remove = |client: &Self| client.request(Method::DELETE, &path);
        position(&self.as_operator(remove).await?)
    }

    /// Lets a client get no tokens; where that stands in the log and, if that
    /// was waited for, who has applied it.
    pub async fn disable_client(
        &mut self,
        id: Uuid,
        reason: &str,
        wait: bool,
    ) -> Result<(String, Option<Applied>), ClientError> {
        let body = RevokeReason {
            reason: reason.to_owned(),
            wait,
        };
        let path = format!("/v1/admin/clients/{id}/disable");
        let disable = |client: &Self| client.request(Method::POST, &path).json(&body);
        let answer = self.as_operator(disable).await?;
        let position = position(&answer)?;
        if !wait {
            return Ok((position, None));
        }
        let revoked: Revoked = read(answer).await?;
        Ok((position, Some(revoked.applied)))
    }

    /// Lets a client get tokens again; where that stands in the log.
    pub async fn enable_client(&mut self, id: Uuid) -> Result<String, ClientError> {
        let path = format!("/v1/admin/clients/{id}/enable");
        let enable = |client: &Self| client.request(Method::POST, &path);
        position(&self.as_operator(enable).await?)
    }
}
