//! May this process append?

use std::sync::Arc;

use countersign_events::Position;
use tokio::sync::watch;

use crate::LogError;

/// Whether the log may be appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateState {
    /// It has not been compared with its anchor yet. The text says what is
    /// awaited.
    Unchecked(String),
    /// It holds all that its anchor says.
    Open,
    /// It is shorter than, or differs from, its anchor.
    Damaged {
        /// The first position known to be bad.
        first_bad: Position,
        /// What is wrong with it.
        finding: String,
    },
}

/// The switch between [`GateState`]s. Starts unchecked; a damaged log stays
/// damaged for this process.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<GateState>>);

impl Default for Gate {
    fn default() -> Self {
        let start = GateState::Unchecked("not compared with its anchor yet".into());
        Self(Arc::new(watch::Sender::new(start)))
    }
}

impl Gate {
    /// The state now.
    pub fn state(&self) -> GateState {
        self.0.borrow().clone()
    }

    /// Follows the state.
    pub fn watch(&self) -> watch::Receiver<GateState> {
        self.0.subscribe()
    }

    /// Waits until it is known whether the log may be appended to.
    pub async fn decided(&self) {
        let mut state = self.watch();
        // The sender lives as long as this gate.
        let _ = state
            .wait_for(|state| !matches!(state, GateState::Unchecked(_)))
            .await;
    }

    /// Waits until the log is known to be damaged: for ever, if it is not.
    pub async fn damaged(&self) {
        let mut state = self.watch();
        let _ = state
            .wait_for(|state| matches!(state, GateState::Damaged { .. }))
            .await;
    }

    /// Moves to another state; [`GateState::Damaged`] is final.
    pub fn set(&self, state: GateState) {
        self.0.send_if_modified(|current| {
            if matches!(current, GateState::Damaged { .. }) || *current == state {
                return false;
            }
            *current = state;
            true
        });
    }

    /// Refuses with [`LogError::ReadOnly`] unless the gate is open.
    pub fn check(&self) -> Result<(), LogError> {
        match &*self.0.borrow() {
            GateState::Open => Ok(()),
            GateState::Unchecked(awaited) => Err(LogError::ReadOnly(awaited.clone())),
            GateState::Damaged { first_bad, finding } => Err(LogError::ReadOnly(format!(
                "damaged at {first_bad}: {finding}"
            ))),
        }
    }
}
