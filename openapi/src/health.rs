//! Whether the service lives, and whether it can serve.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

/// Alive. There is no other value: a process that is not alive does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum HealthStatus {
    /// The process answers.
    Ok,
}

/// The answer of `/healthz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Health {
    /// Always `ok`.
    pub status: HealthStatus,
    /// The program's version.
    pub version: String,
}

impl Example for Health {
    fn example() -> Self {
        Self {
            status: HealthStatus::Ok,
            version: "0.1.0".to_owned(),
        }
    }
}

/// How much of the service is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum ReadyStatus {
    /// All of it.
    Ready,
    /// Enough to serve; something is missing.
    Degraded,
    /// Too little: send traffic elsewhere. The HTTP status is 503.
    NotReady,
}

/// The state of one thing that the service needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum CheckState {
    /// It works.
    Ok,
    /// It works, slowly or in part.
    Degraded,
    /// It does not work.
    Down,
}

/// One thing that the service needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Check {
    /// What: `log`, `views`, `keys`, `revocations`, `anchor`.
    pub name: String,
    /// How it is.
    pub state: CheckState,
    /// A sentence for an operator; left out when all is well.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Example for Check {
    fn example() -> Self {
        Self {
            name: "views".to_owned(),
            state: CheckState::Down,
            detail: Some("Postgres does not answer; lists and search are off".to_owned()),
        }
    }
}

/// The answer of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Ready {
    /// The sum of the checks.
    pub status: ReadyStatus,
    /// Each thing that the service needs.
    pub checks: Vec<Check>,
}

impl Example for Ready {
    fn example() -> Self {
        Self {
            status: ReadyStatus::Degraded,
            checks: vec![Check::example()],
        }
    }
}
