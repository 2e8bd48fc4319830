//! Who checks tokens, and how far each has applied what was revoked.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

/// Whether a verifier is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum VerifierState {
    /// It reports.
    Live,
    /// It has not reported for longer than it trusts itself: it refuses
    /// everything by itself.
    Silent,
}

/// A verifier, as it was last heard of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Verifier {
    /// Drawn at random when it was made.
    pub id: Uuid,
    /// What its service is called. Show it through `display_safe` only.
    pub name: String,
    /// The client it reported as; null if it reported past HTTP.
    #[oai(nullable)]
    pub client: Option<String>,
    /// Whether it is heard of.
    pub state: VerifierState,
    /// How far it has applied every shard; null before it knows.
    #[oai(nullable)]
    pub position: Option<Vec<u64>>,
    /// How long ago it was proven complete, as it said; null before its first
    /// proof.
    #[oai(nullable)]
    pub staleness_ms: Option<u64>,
    /// How long ago it was heard of.
    pub heard_ms_ago: u64,
    /// The ids of the keys it holds.
    pub kids: Vec<String>,
}

impl Example for Verifier {
    fn example() -> Self {
        Self {
            id: uuid!("6f9f2e0c-52a8-4f3e-9a51-3d9b0c8a7e11"),
            name: "orders".to_owned(),
            client: None,
            state: VerifierState::Live,
            position: Some(vec![8_391, 8_412]),
            staleness_ms: Some(840),
            heard_ms_ago: 310,
            kids: vec!["2uXhVd1m".to_owned()],
        }
    }
}

/// A verifier that has not applied what was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct VerifierBehind {
    /// Drawn at random when it was made.
    pub id: Uuid,
    /// What its service is called. Show it through `display_safe` only.
    pub name: String,
    /// Whether it is heard of.
    pub state: VerifierState,
    /// How long ago it was proven complete, as it said; null before its first
    /// proof.
    #[oai(nullable)]
    pub staleness_ms: Option<u64>,
    /// For how long after a proof it trusts itself: then it refuses everything
    /// by itself, what was ended too. Left out if that is not known.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_staleness_ms: Option<u64>,
}

impl Example for VerifierBehind {
    fn example() -> Self {
        Self {
            id: uuid!("6f9f2e0c-52a8-4f3e-9a51-3d9b0c8a7e11"),
            name: "orders".to_owned(),
            state: VerifierState::Silent,
            staleness_ms: Some(9_200),
            max_staleness_ms: Some(10_000),
        }
    }
}

/// The verifiers of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Verifiers {
    /// All that are known, by name.
    pub items: Vec<Verifier>,
    /// Whether all of them have applied the position; null if none was asked
    /// about.
    #[oai(nullable)]
    pub applied: Option<bool>,
    /// Those that have not.
    pub behind: Vec<VerifierBehind>,
}

impl Example for Verifiers {
    fn example() -> Self {
        Self {
            items: vec![Verifier::example()],
            applied: None,
            behind: Vec::new(),
        }
    }
}

/// Who has applied a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Applied {
    /// How many verifiers are known.
    pub verifiers: u64,
    /// Those that have not applied it, or not in time if that was waited for.
    /// One that is silent refuses everything by itself, and so does one that is
    /// not proven complete for its `max_staleness_ms`.
    pub behind: Vec<VerifierBehind>,
}

impl Applied {
    /// Whether a verifier that is heard of has yet to apply it. One that is
    /// silent refuses everything, and is not waited for.
    pub fn is_awaited(&self) -> bool {
        let mut behind = self.behind.iter();
        behind.any(|one| one.state == VerifierState::Live)
    }
}

impl Example for Applied {
    fn example() -> Self {
        Self {
            verifiers: 12,
            behind: Vec::new(),
        }
    }
}

/// What became of a revocation that was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Revoked {
    /// Who has applied it.
    pub applied: Applied,
}

impl Example for Revoked {
    fn example() -> Self {
        Self {
            applied: Applied::example(),
        }
    }
}

/// Why an operator ends something, and whether the answer waits until that is
/// in effect everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct RevokeReason {
    /// It is kept with the event, for whoever asks later.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub reason: String,
    /// Whether to wait, two seconds at most, until every verifier has applied
    /// it, and to say which have not.
    #[oai(default)]
    #[serde(default)]
    pub wait: bool,
}

impl Example for RevokeReason {
    fn example() -> Self {
        Self {
            reason: "asked for by phone, case 8412".to_owned(),
            wait: false,
        }
    }
}
