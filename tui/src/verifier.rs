//! Calls about verifiers.

use countersign_openapi::Verifiers;
use reqwest::Method;

use crate::client::{Client, ClientError, read, send};

impl Client {
    /// Every verifier that is known.
    pub async fn verifiers(&self) -> Result<Verifiers, ClientError> {
        read(send(self.request(Method::GET, "/v1/admin/verifiers")).await?).await
    }
}
