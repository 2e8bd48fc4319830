//! What comes into the console and what goes out of it.

use countersign_openapi::{
    Account, Attempt, Client, Event, Overview, Page, ProjectionState, Ready, RevocationPredicate,
    RevocationPreview, Secret, Session, SigningKey, Verifiers,
};
use crossterm::event::KeyEvent;
use time::OffsetDateTime;
use uuid::Uuid;

use super::confirm::Far;
use super::order::{Arms, Done, Failed, Order};
use super::verifier::Reach;
use crate::{EventsQuery, Followed};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// Time went by.
    Tick,
    /// A key was pressed.
    Key(KeyEvent),
    /// The wheel was turned: lines, downwards positive.
    Wheel(i8),
    /// Text was pasted.
    Paste(String),
    /// The terminal has so many columns and rows.
    Resize(u16, u16),
    /// Somebody is signed in.
    Entered(Identity),
    /// A password is needed, from this address unless it is empty; with why,
    /// if there was one before.
    AskPassword {
        /// The address to begin with.
        email: String,
        /// Why the last try did not succeed.
        refused: Option<String>,
    },
    /// The password was right, a code is needed; with why, if there was one
    /// before.
    AskCode {
        /// Why the last try did not succeed.
        refused: Option<String>,
    },
    /// Who is there was proved again, at this moment.
    Proved(OffsetDateTime),
    /// It was not.
    NotProved(String),
    /// Something that was asked for.
    Answer(Answer),
    /// An order of a job was carried out, or not.
    Acted {
        /// Which job.
        job: u64,
        /// Which order of it.
        index: usize,
        /// What was done.
        outcome: Result<Done, Failed>,
    },
    /// The service is so far with what it does on its own.
    Progress {
        /// Which job.
        job: u64,
        /// What it tells of itself.
        far: Far,
    },
    /// So many verifiers have applied what a job did.
    Reached {
        /// Which job.
        job: u64,
        /// Who has, and who has not.
        reach: Reach,
    },
    /// What would be ended was counted, or not.
    Previewed {
        /// The question's.
        ticket: u64,
        /// What was counted.
        outcome: Result<Box<RevocationPreview>, Failed>,
    },
    /// The stream of events is there.
    Following(u64),
    /// The stream of events brought something.
    Followed {
        /// The stream's.
        ticket: u64,
        /// What came.
        item: Followed,
        /// The cursor behind it.
        cursor: Option<String>,
    },
    /// The stream of events was cut, or ended by the service.
    Cut {
        /// The stream's.
        ticket: u64,
        /// Why; nothing if the service said that it ends.
        failed: Option<Failed>,
    },
    /// A file was written, or not.
    Saved(Result<String, String>),
}

/// Something to be done outside.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Sign in with what the deployment's files hold.
    Enter,
    /// Sign in.
    SignIn {
        /// The address.
        email: String,
        /// The password.
        password: Secret,
    },
    /// Answer with a code.
    Code(Secret),
    /// Prove again who is there, by a code; without one, by the seed in the
    /// deployment's files.
    Prove(Option<Secret>),
    /// Forget the proof.
    Disarm,
    /// Ask for something.
    Ask {
        /// Comes back with the answer.
        ticket: u64,
        /// What.
        query: Query,
    },
    /// Follow the log, instead of what was followed before.
    Follow {
        /// Comes back with everything that it brings.
        ticket: u64,
        /// Which events.
        query: EventsQuery,
        /// The cursor to go on with; nothing for the end of the log.
        after: Option<String>,
    },
    /// Follow it no longer.
    Unfollow,
    /// Keep how lists are sorted for the next start.
    Remember(String),
    /// Do something.
    Act {
        /// The right to.
        arms: Arms,
        /// Comes back with each outcome.
        job: u64,
        /// What, in this order.
        orders: Vec<Order>,
    },
    /// Count what would be ended. It takes the same right as ending it.
    Preview {
        /// The right to.
        arms: Arms,
        /// Comes back with the answer.
        ticket: u64,
        /// Which sessions.
        predicate: Box<RevocationPredicate>,
    },
    /// Put a text on the clipboard (OSC 52).
    Copy(String),
    /// Write a file of this name.
    Save {
        /// The name, without a folder.
        name: String,
        /// What is in it.
        text: String,
    },
    /// Listen to the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell goes on.
    Suspend,
    /// Leave.
    Quit,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: Uuid,
    /// The session.
    pub session: Uuid,
    /// The address.
    pub email: String,
    /// Names of roles.
    pub roles: Vec<String>,
}

/// A question to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// What the service needs, and how that is.
    Ready,
    /// The numbers.
    Overview,
    /// The read models.
    Projections,
    /// The signing keys.
    Keys,
    /// The clients.
    Clients,
    /// The verifiers.
    Verifiers,
    /// A page of sessions.
    Sessions {
        /// `name=value` of the query.
        parameters: Vec<(&'static str, String)>,
        /// Where the page before ended.
        after: Option<String>,
    },
    /// A page of accounts.
    Accounts {
        /// `name=value` of the query.
        parameters: Vec<(&'static str, String)>,
        /// Where the page before ended.
        after: Option<String>,
    },
    /// A session.
    Session {
        /// Which.
        id: Uuid,
        /// As of at least this position.
        at_least: Option<String>,
    },
    /// An account.
    Account {
        /// Which.
        id: Uuid,
        /// As of at least this position.
        at_least: Option<String>,
    },
    /// What happened to a session, from a cursor on.
    SessionEvents(Uuid, Option<String>),
    /// What happened to an account, from a cursor on.
    AccountEvents(Uuid, Option<String>),
    /// The newest sessions of an account.
    SessionsOf(Uuid),
    /// The newest tries to sign in to an account.
    Attempts(Uuid),
    /// The log, backwards.
    Events {
        /// `name=value` of the query.
        parameters: Vec<(&'static str, String)>,
        /// Where the page before ended.
        after: Option<String>,
    },
    /// One of the others about sessions or accounts, as of a moment.
    AsOf {
        /// The moment, or what an answer said it was as of.
        as_of: String,
        /// The question.
        query: Box<Query>,
    },
}

/// What a question brought.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The question's.
    pub ticket: u64,
    /// The question.
    pub query: Query,
    /// What came.
    pub outcome: Result<Data, Failed>,
}

/// What the service said.
#[derive(Debug, Clone)]
pub enum Data {
    /// How things are.
    Ready(Ready),
    /// The numbers.
    Overview(Box<Overview>),
    /// The read models.
    Projections(Vec<ProjectionState>),
    /// The signing keys.
    Keys(Vec<SigningKey>),
    /// The clients; more than these, if there is a `next`.
    Clients(Page<Client>),
    /// The verifiers.
    Verifiers(Verifiers),
    /// Sessions.
    Sessions(Page<Session>),
    /// Accounts.
    Accounts(Page<Account>),
    /// One session.
    Session(Box<Session>),
    /// One account.
    Account(Box<Account>),
    /// Events.
    Events(Page<Event>),
    /// Tries to sign in, newest first.
    Attempts(Vec<Attempt>),
    /// What was, and as of when exactly.
    AsOf {
        /// What `as_of` asks for the same state.
        as_of: String,
        /// What was.
        data: Box<Data>,
    },
}
