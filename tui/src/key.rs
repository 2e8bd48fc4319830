//! Calls about signing keys.

use countersign_openapi::{KeyRevoked, Page, RevokeKey, RotateKeys, SigningKey};
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;

use crate::client::{Client, ClientError, position, read, send};

impl Client {
    /// Every signing key there ever was, newest first.
    pub async fn keys(&self) -> Result<Page<SigningKey>, ClientError> {
        read(send(self.request(Method::GET, "/v1/admin/keys")).await?).await
    }

    /// Lets another key sign; that key, and the position of the change.
    pub async fn rotate_keys(
        &mut self,
        body: &RotateKeys,
    ) -> Result<(SigningKey, String), ClientError> {
        let path = "/v1/admin/keys/rotate";
        let rotate = |client: &Self| client.request(Method::POST, path).json(body);
        changed(self.as_operator(rotate).await?).await
    }

    /// Revokes a key; what became of it, and the position of its end. `kid` must be
    /// what a `kid` can be: letters, digits, `-` and `_`.
    pub async fn revoke_key(
        &mut self,
        kid: &str,
        body: &RevokeKey,
    ) -> Result<(KeyRevoked, String), ClientError> {
        if !is_kid(kid) {
            return Err(ClientError::Contract("that is not a key id".into()));
        }
        let path = format!("/v1/admin/keys/{kid}/revoke");
        let revoke = |client: &Self| client.request(Method::POST, &path).json(body);
        changed(self.as_operator(revoke).await?).await
    }
}

/// Whether that can be the id of a key, and stand in a path as it is.
pub(crate) fn is_kid(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

async fn changed<T: DeserializeOwned>(answer: Response) -> Result<(T, String), ClientError> {
    let position = position(&answer)?;
    Ok((read(answer).await?, position))
}
