//! What is opened: one session, one account.

use countersign_openapi::{Account, Attempt, Session};
use uuid::Uuid;

use crate::console::pane::Pane;
use crate::console::timeline::Timeline;

/// One session, opened.
#[derive(Debug, Clone, Default)]
pub struct SessionView {
    /// Which.
    pub id: Option<Uuid>,
    /// The session.
    pub pane: Pane<Session>,
    /// What happened to it.
    pub timeline: Timeline,
    /// The sessions of its account.
    pub others: Pane<Vec<Session>>,
    /// The one of them the cursor is on; nothing while it is in the timeline.
    pub at_other: Option<Uuid>,
    /// The number of the fact the cursor is on, among those of the past.
    pub at_fact: Option<usize>,
}

impl SessionView {
    /// Whether the cursor is in the timeline.
    pub fn is_in_timeline(&self) -> bool {
        self.at_other.is_none() && self.at_fact.is_none()
    }
}

/// One account, opened.
#[derive(Debug, Clone, Default)]
pub struct AccountView {
    /// Which.
    pub id: Option<Uuid>,
    /// The account.
    pub pane: Pane<Account>,
    /// What happened to it.
    pub timeline: Timeline,
    /// Its newest sessions.
    pub sessions: Pane<Vec<Session>>,
    /// The one of them the cursor is on; nothing while it is in the timeline.
    pub at_session: Option<Uuid>,
    /// The newest tries to sign in, of now.
    pub attempts: Pane<Vec<Attempt>>,
    /// The number of the one the cursor is on.
    pub at_attempt: Option<usize>,
    /// The number of the fact the cursor is on, among those of the past.
    pub at_fact: Option<usize>,
}

impl AccountView {
    /// Whether the cursor is in the timeline.
    pub fn is_in_timeline(&self) -> bool {
        self.at_session.is_none() && self.at_attempt.is_none() && self.at_fact.is_none()
    }
}
