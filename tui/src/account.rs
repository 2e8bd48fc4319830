//! Calls about accounts.

use countersign_openapi::{Applied, Attempt, Page, Reason, RevokeReason, Revoked};
use reqwest::{Method, Response};
use uuid::Uuid;

use crate::client::{Client, ClientError, path, position, read};

const ACCOUNTS: &str = "/v1/admin/accounts";

impl Client {
    /// The last tries to sign in to an account, newest first. There is one
    /// page.
    pub async fn attempts(&self, id: Uuid, limit: u16) -> Result<Page<Attempt>, ClientError> {
        let of = format!("{ACCOUNTS}/{id}/attempts");
        self.get(&path(&of, limit, &[])).await
    }

    /// Suspends an account; where that stands in the log and, if that was
    /// waited for, who has applied it.
    pub async fn suspend_account(
        &mut self,
        id: Uuid,
        reason: &str,
        wait: bool,
    ) -> Result<(String, Option<Applied>), ClientError> {
        self.end_of_account(id, "suspend", reason, wait).await
    }

    /// Ends every session of an account; as [`Self::suspend_account`].
    pub async fn revoke_account_sessions(
        &mut self,
        id: Uuid,
        reason: &str,
        wait: bool,
    ) -> Result<(String, Option<Applied>), ClientError> {
        self.end_of_account(id, "revoke-sessions", reason, wait)
            .await
    }

    /// Takes an account's second factors away, and ends its sessions; as
    /// [`Self::suspend_account`].
    pub async fn reset_account_factors(
        &mut self,
        id: Uuid,
        reason: &str,
        wait: bool,
    ) -> Result<(String, Option<Applied>), ClientError> {
        self.end_of_account(id, "reset-factors", reason, wait).await
    }

    /// Lets a suspended account log in again; where that stands in the log.
    pub async fn reinstate_account(
        &mut self,
        id: Uuid,
        reason: &str,
    ) -> Result<String, ClientError> {
        let body = Reason {
            reason: reason.to_owned(),
        };
        let path = format!("{ACCOUNTS}/{id}/reinstate");
        let ask = |client: &Self| client.request(Method::POST, &path).json(&body);
        position(&self.as_operator(ask).await?)
    }

    async fn end_of_account(
        &mut self,
        id: Uuid,
        what: &str,
        reason: &str,
        wait: bool,
    ) -> Result<(String, Option<Applied>), ClientError> {
        let body = RevokeReason {
            reason: reason.to_owned(),
            wait,
        };
        let path = format!("{ACCOUNTS}/{id}/{what}");
        let ask = |client: &Self| client.request(Method::POST, &path).json(&body);
        applied(self.as_operator(ask).await?, wait).await
    }
}

/// Where a write stands in the log and, if that was waited for, who has
/// applied it.
async fn applied(answer: Response, wait: bool) -> Result<(String, Option<Applied>), ClientError> {
    let position = position(&answer)?;
    if !wait {
        return Ok((position, None));
    }
    let revoked: Revoked = read(answer).await?;
    Ok((position, Some(revoked.applied)))
}
