//! Calls about read models.

use countersign_openapi::{Page, ProjectionState, ProjectionsRepaired, RepairProjections};
use reqwest::Method;

use crate::client::{Client, ClientError, read};

const PROJECTIONS: &str = "/v1/admin/projections";

impl Client {
    /// Every read model on every shard.
    pub async fn projections(&self) -> Result<Page<ProjectionState>, ClientError> {
        self.get(PROJECTIONS).await
    }

    /// Lets those that stopped try their event again; their shards.
    pub async fn repair_projections(
        &mut self,
        shard: Option<u8>,
    ) -> Result<ProjectionsRepaired, ClientError> {
        let body = RepairProjections { shard };
        let path = format!("{PROJECTIONS}/repair");
        let ask = |client: &Self| client.request(Method::POST, &path).json(&body);
        read(self.as_operator(ask).await?).await
    }

    /// Begins to build the read models anew beside those that serve.
    pub async fn rebuild_projections(&mut self) -> Result<(), ClientError> {
        let path = format!("{PROJECTIONS}/rebuild");
        let ask = |client: &Self| client.request(Method::POST, &path);
        self.as_operator(ask).await?;
        Ok(())
    }
}
