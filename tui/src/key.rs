//! Calls about signing keys.

use countersign_openapi::{
    KeyRevoked, POSITION_HEADER, Page, ProblemCode, RevokeKey, RotateKeys, SigningKey,
};
use reqwest::{Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{Client, ClientError, read, send};

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
        changed(self.operate("/v1/admin/keys/rotate", body).await?).await
    }

    /// Revokes a key; what became of it, and the position of its end. `kid` must be
    /// what a `kid` can be: letters, digits, `-` and `_`.
    pub async fn revoke_key(
        &mut self,
        kid: &str,
        body: &RevokeKey,
    ) -> Result<(KeyRevoked, String), ClientError> {
        let is_kid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if kid.is_empty() || !kid.bytes().all(is_kid) {
            return Err(ClientError::Contract("that is not a key id".into()));
        }
        let path = format!("/v1/admin/keys/{kid}/revoke");
        changed(self.operate(&path, body).await?).await
    }

    /// Posts what only operators do, proving again who is there if asked.
    async fn operate<B: Serialize>(
        &mut self,
        path: &str,
        body: &B,
    ) -> Result<Response, ClientError> {
        match send(self.request(Method::POST, path).json(body)).await {
            Err(error) if error.code() == Some(ProblemCode::InsufficientUserAuthentication) => {
                self.step_up().await?;
                send(self.request(Method::POST, path).json(body)).await
            }
            other => other,
        }
    }
}

async fn changed<T: DeserializeOwned>(answer: Response) -> Result<(T, String), ClientError> {
    let position = answer.headers().get(POSITION_HEADER);
    let position = position
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
        .ok_or_else(|| ClientError::Contract("a write without a position".into()))?;
    Ok((read(answer).await?, position))
}
