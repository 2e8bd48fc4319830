//! Everything the console knows. It changes only in [`update`](super::update).

mod layer;
mod opened;

use std::collections::VecDeque;

use countersign_openapi::{
    Account, Client, Overview, Page, ProjectionState, Ready, RevocationPredicate, Session,
    SigningKey, Verifiers,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::deployment::Deployment;
use super::filter::Filter;
use super::list::List;
use super::message::{Effect, Identity};
use super::order::Arming;
use super::pane::Pane;
use super::past::Past;
use super::screens::{CHROME_ROWS, Screen, ended_elsewhere};
use super::sort::Sorts;
use super::tail::Tail;
use super::theme::{Looks, Tone};

pub use layer::{ArmForm, Layer, MenuItem, SignIn};
pub use opened::{AccountView, SessionView};

/// Errors that are remembered.
const ERRORS_MAX: usize = 100;
/// Screens that going back goes over.
const TRAIL_MAX: usize = 32;
/// How long a short word stays on the last line.
const TOAST: Duration = Duration::seconds(6);
/// Samples of the little chart.
pub const SAMPLES_MAX: usize = 60;

/// How far somebody has come in.
#[derive(Debug, Clone)]
pub enum Phase {
    /// What the files hold is tried.
    Entering,
    /// Somebody types.
    SignIn(SignIn),
    /// Signed in.
    In,
}

/// Whether the service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It does.
    Up,
    /// It does not.
    Down {
        /// Since when.
        since: OffsetDateTime,
        /// How often it was tried.
        tries: u32,
        /// When it is tried again.
        next: OffsetDateTime,
    },
}

/// See the module.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Model {
    /// The time of the last message.
    pub now: OffsetDateTime,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What the terminal can show.
    pub looks: Looks,
    /// Which deployment it is.
    pub deployment: Deployment,
    /// How far somebody has come in.
    pub phase: Phase,
    /// Who is signed in.
    pub identity: Option<Identity>,
    /// Whether a seed in the deployment's files makes codes.
    pub has_seed: bool,
    /// Whether it may write.
    pub arming: Arming,
    /// What is shown.
    pub screen: Screen,
    /// What was shown before.
    pub trail: Vec<Screen>,
    /// What lies over it.
    pub layer: Option<Layer>,
    /// Whether the service answers.
    pub link: Link,
    /// When it answered last.
    pub answered: Option<OffsetDateTime>,
    /// How the service is.
    pub ready: Pane<Ready>,
    /// The numbers.
    pub overview: Pane<Overview>,
    /// Failed logins, of the last fetches.
    pub samples: VecDeque<u64>,
    /// The cursor in what needs attention.
    pub attention_at: usize,
    /// Sessions.
    pub sessions: List<Session>,
    /// What they are narrowed down to.
    pub session_filter: Filter,
    /// What is being counted: under which ticket, and as the filter says it.
    pub counting: Option<(u64, String, RevocationPredicate)>,
    /// One session.
    pub session: SessionView,
    /// Accounts.
    pub accounts: List<Account>,
    /// What they are narrowed down to.
    pub account_filter: Filter,
    /// One account.
    pub account: AccountView,
    /// The log.
    pub tail: Tail,
    /// What it is narrowed down to.
    pub event_filter: Filter,
    /// Read models.
    pub projections: Pane<Vec<ProjectionState>>,
    /// The name and shard of the one the cursor is on.
    pub projection_at: Option<(String, u32)>,
    /// The signing keys.
    pub keys: Pane<Vec<SigningKey>>,
    /// The id of the one the cursor is on.
    pub key_at: Option<String>,
    /// Programs that sign in as themselves; more than these, if there is a
    /// `next`.
    pub clients: Pane<Page<Client>>,
    /// What they are narrowed down to.
    pub client_filter: Filter,
    /// The one the cursor is on.
    pub client_at: Option<Uuid>,
    /// Who checks tokens.
    pub verifiers: Pane<Verifiers>,
    /// The one the cursor is on; nothing while it is among the clients.
    pub at_verifier: Option<Uuid>,
    /// What lists that are here as a whole are sorted by.
    pub sorts: Sorts,
    /// The moment in the past that sessions and accounts are shown of.
    pub past: Option<Past>,
    /// A short word, how it is meant, and since when it is shown.
    pub toast: Option<(String, Tone, OffsetDateTime)>,
    /// The job whose dialog was closed before every verifier had applied it.
    pub watched: Option<u64>,
    /// What went wrong, the newest last.
    pub errors: VecDeque<(OffsetDateTime, String)>,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// Whether `q` was pressed while rows are marked.
    pub leaving: bool,
    /// Whether it was armed when the last message came.
    pub was_armed: bool,
    ticket: u64,
}

impl Model {
    /// A console that begins, and the first thing it does.
    pub fn start(
        now: OffsetDateTime,
        size: (u16, u16),
        looks: Looks,
        deployment: Deployment,
    ) -> (Self, Vec<Effect>) {
        let model = Self {
            now,
            size,
            looks,
            deployment,
            phase: Phase::Entering,
            identity: None,
            has_seed: false,
            arming: Arming::default(),
            screen: Screen::Overview,
            trail: Vec::new(),
            layer: None,
            link: Link::Up,
            answered: None,
            ready: Pane::default(),
            overview: Pane::default(),
            samples: VecDeque::new(),
            attention_at: 0,
            sessions: List::default(),
            session_filter: Filter::default(),
            counting: None,
            session: SessionView::default(),
            accounts: List::default(),
            account_filter: Filter::default(),
            account: AccountView::default(),
            tail: Tail::default(),
            event_filter: Filter::default(),
            projections: Pane::default(),
            projection_at: None,
            keys: Pane::default(),
            key_at: None,
            clients: Pane::default(),
            client_filter: Filter::default(),
            client_at: None,
            verifiers: Pane::default(),
            at_verifier: None,
            sorts: Sorts::default(),
            past: None,
            toast: None,
            watched: None,
            errors: VecDeque::new(),
            mouse: false,
            leaving: false,
            was_armed: false,
            ticket: 0,
        };
        (model, vec![Effect::Enter])
    }

    /// Begins again for somebody else, who sees nothing of before. What was
    /// asked for before is waited for no longer.
    pub fn begin_again(&mut self) {
        let (looks, deployment) = (self.looks, self.deployment.clone());
        let (begun, _) = Self::start(self.now, self.size, looks, deployment);
        let before = std::mem::replace(self, begun);
        self.has_seed = before.has_seed;
        self.sorts = before.sorts;
        self.ticket = before.ticket;
    }

    /// A number that was not used before.
    pub fn ticket(&mut self) -> u64 {
        self.ticket += 1;
        self.ticket
    }

    /// Says something for a moment.
    pub fn say(&mut self, text: impl Into<String>, tone: Tone) {
        self.toast = Some((text.into(), tone, self.now));
    }

    /// What is said now.
    pub fn said(&self) -> Option<(&str, Tone)> {
        let (text, tone, since) = self.toast.as_ref()?;
        (self.now - *since < TOAST).then_some((text.as_str(), *tone))
    }

    /// Remembers that something went wrong; the same again only moves.
    pub fn note_error(&mut self, text: String) {
        self.errors.retain(|(_, known)| *known != text);
        self.errors.push_back((self.now, text));
        if self.errors.len() > ERRORS_MAX {
            self.errors.pop_front();
        }
    }

    /// Goes to a screen.
    pub fn show(&mut self, screen: Screen) {
        if screen == self.screen {
            return;
        }
        self.trail.push(self.screen);
        if self.trail.len() > TRAIL_MAX {
            self.trail.remove(0);
        }
        self.turn(screen);
    }

    /// Shows a screen, and not what was said about the one before.
    pub fn turn(&mut self, screen: Screen) {
        self.screen = screen;
        self.toast = None;
        self.at_verifier = None;
    }

    /// Opens a session.
    pub fn open_session(&mut self, id: Uuid) {
        if self.session.id != Some(id) {
            self.session = SessionView {
                id: Some(id),
                ..SessionView::default()
            };
        }
        self.show(Screen::Session);
    }

    /// Opens an account.
    pub fn open_account(&mut self, id: Uuid) {
        if self.account.id != Some(id) {
            self.account = AccountView {
                id: Some(id),
                ..AccountView::default()
            };
        }
        self.show(Screen::Account);
    }

    /// Rows of a list on a screen of this size: all but borders and heading.
    pub fn list_rows(&self) -> usize {
        usize::from(self.size.1.saturating_sub(CHROME_ROWS + 3)).max(1)
    }

    /// Rows of the timeline in an opened session or account.
    pub fn timeline_rows(&self) -> usize {
        let body = self.size.1.saturating_sub(CHROME_ROWS);
        usize::from(super::split(body, self.size.0, self.shows_past()).timeline_rows).max(1)
    }

    /// Keeps every cursor visible.
    pub fn settle(&mut self) {
        let rows = self.list_rows();
        self.sessions.settle(rows);
        self.accounts.settle(rows);
        self.tail.settle(rows + 1);
        let rows = self.timeline_rows();
        let end = usize::from(ended_elsewhere(self).is_some());
        self.session
            .timeline
            .settle(rows.saturating_sub(end).max(1));
        self.account.timeline.settle(rows);
    }
}
