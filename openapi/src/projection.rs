//! What operators do about read models.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::{Deserialize, Serialize};

/// Which stopped projections try their event again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct RepairProjections {
    /// The shard; every one that stopped, if left out.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u8>,
}

impl Example for RepairProjections {
    fn example() -> Self {
        Self { shard: Some(3) }
    }
}

/// Which projections were told to try again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct ProjectionsRepaired {
    /// Their shards. Empty: none of them had stopped.
    pub shards: Vec<u8>,
}

impl Example for ProjectionsRepaired {
    fn example() -> Self {
        Self { shards: vec![3] }
    }
}
