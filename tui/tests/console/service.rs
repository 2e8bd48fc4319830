//! A service in memory.

use countersign_openapi::{
    Account, AccountState, Ended, Event, Page, ProblemCode, RevocationPredicate, RevocationPreview,
    Session, SessionState,
};
use countersign_tui::console::{Data, Done, Failed, Order, Query, Verb};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::made;

/// What it knows, and how it is.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Service {
    /// Newest first.
    pub sessions: Vec<Session>,
    /// Newest first.
    pub accounts: Vec<Account>,
    /// Oldest first.
    pub log: Vec<Event>,
    /// Whether it answers.
    pub up: bool,
    /// Whether all is not well.
    pub troubled: bool,
    /// Sessions that it refuses to end.
    pub refuses: Vec<Uuid>,
    /// Whether its read models are being made anew.
    pub rebuilding: bool,
    /// Whether a rebuild of theirs failed.
    pub failed_rebuild: bool,
    /// Whether there are more clients than the console asks for.
    pub more_clients: bool,
    /// Whether sessions end with their account, and not by themselves.
    pub ends_accounts: bool,
    /// Everything that it was told to do.
    pub told: Vec<Order>,
}

impl Service {
    /// With so many sessions, and six accounts.
    pub fn with(sessions: u64) -> Self {
        Self {
            sessions: (0..sessions).rev().map(made::session).collect(),
            accounts: (0..6).rev().map(made::account).collect(),
            log: made::session_history(made::session_id(1)),
            up: true,
            troubled: false,
            refuses: Vec::new(),
            rebuilding: false,
            failed_rebuild: false,
            more_clients: false,
            ends_accounts: false,
            told: Vec::new(),
        }
    }

    /// An answer.
    pub fn ask(&self, query: &Query) -> Result<Data, Failed> {
        if !self.up {
            return Err(Failed::NoAnswer("connection refused".to_owned()));
        }
        let unknown = || Failed::Refused(ProblemCode::NotFound, "Not found (not_found)".to_owned());
        Ok(match query {
            Query::Ready => Data::Ready(made::ready(self.troubled)),
            Query::Overview => Data::Overview(Box::new(made::overview(self.troubled))),
            Query::Projections if self.rebuilding => Data::Projections(made::rebuilding()),
            Query::Projections if self.failed_rebuild => Data::Projections(made::failed_rebuild()),
            Query::Projections => Data::Projections(made::projections(self.troubled)),
            Query::Keys => Data::Keys(made::keys()),
            Query::Clients => {
                let items = made::clients();
                let next = self.more_clients.then(|| "a".to_owned());
                Data::Clients(Page { items, next })
            }
            Query::Verifiers => Data::Verifiers(made::verifiers()),
            Query::Sessions { parameters, after } => {
                let asked = |name| parameters.iter().find(|(known, _)| *known == name);
                let fits = |session: &&Session| {
                    let email = session.email.as_deref().unwrap_or_default();
                    let state = format!("{:?}", session.state).to_lowercase();
                    asked("q").is_none_or(|(_, q)| email.contains(q.as_str()))
                        && asked("state").is_none_or(|(_, s)| s == "any" || *s == state)
                };
                let fitting = self.sessions.iter().filter(fits);
                let (items, next) = page(fitting, after.as_deref(), |session| session.id);
                Data::Sessions(Page { items, next })
            }
            Query::SessionsOf(id) => {
                let of = self
                    .sessions
                    .iter()
                    .filter(|session| session.account_id == *id);
                let items = of.take(20).cloned().collect();
                Data::Sessions(Page { items, next: None })
            }
            Query::Accounts { after, .. } => {
                let all = self.accounts.iter();
                let (items, next) = page(all, after.as_deref(), |account| account.id);
                Data::Accounts(Page { items, next })
            }
            Query::Session { id, .. } => {
                let found = self.sessions.iter().find(|session| session.id == *id);
                Data::Session(Box::new(found.cloned().ok_or_else(unknown)?))
            }
            Query::Account { id, .. } => {
                let found = self.accounts.iter().find(|account| account.id == *id);
                let mut account = found.cloned().ok_or_else(unknown)?;
                account.sessions_active = Some(9);
                let is_suspended = account.state == AccountState::Suspended;
                account.noted = is_suspended.then(made::noted);
                Data::Account(Box::new(account))
            }
            Query::SessionEvents(id, _) => {
                let mut events = made::session_history(*id);
                events.retain(|event| !self.ends_accounts || event.name != "ended");
                all(events)
            }
            Query::AccountEvents(id, _) => all(made::account_history(*id)),
            Query::Events { .. } => all(self.log.iter().rev().cloned().collect()),
            Query::Attempts(_) => Data::Attempts(made::attempts()),
            Query::AsOf { as_of, query } => {
                let at = moment(as_of);
                let data = Box::new(self.past(query, at)?);
                let as_of = format!("0.1-1.2@{}", at.unix_timestamp());
                Data::AsOf { as_of, data }
            }
        })
    }

    /// What was.
    fn past(&self, query: &Query, at: OffsetDateTime) -> Result<Data, Failed> {
        let number = |id: Uuid| u64::try_from(id.as_u128() & 0xffff).expect("small");
        Ok(match self.ask(query)? {
            Data::Session(session) => {
                Data::Session(Box::new(made::session_at(number(session.id), at)))
            }
            Data::Account(account) => Data::Account(Box::new(made::account_at(number(account.id)))),
            Data::Sessions(mut page) => {
                page.items.retain(|session| session.started_at <= at);
                for session in &mut page.items {
                    *session = made::session_at(number(session.id), at);
                    session.causes = None;
                }
                Data::Sessions(page)
            }
            Data::Events(mut page) => {
                page.items.retain(|event| event.occurred_at <= at);
                Data::Events(page)
            }
            other => other,
        })
    }

    /// Counts what a network's end would be.
    pub fn preview(&self, predicate: &RevocationPredicate) -> RevocationPreview {
        assert_ne!(*predicate, RevocationPredicate::default());
        let active = self.sessions.iter();
        let active = active.filter(|session| session.state == SessionState::Active);
        let sample: Vec<_> = active.clone().take(10).cloned().collect();
        RevocationPreview {
            matched: active.count() as u64,
            accounts: 6,
            clients: 1,
            includes_own: true,
            as_of: "0.1-1.2@3".to_owned(),
            sample,
        }
    }

    /// Does it.
    pub fn act(&mut self, order: &Order) -> Result<Done, Failed> {
        if !self.up {
            return Err(Failed::NoAnswer("connection refused".to_owned()));
        }
        self.told.push(order.clone());
        let id = Uuid::try_parse(&order.target).unwrap_or_default();
        if self.refuses.contains(&id) {
            let told = "Not permitted (insufficient_permissions)".to_owned();
            return Err(Failed::Refused(ProblemCode::InsufficientPermissions, told));
        }
        for session in &mut self.sessions {
            let is_meant = match order.verb {
                Verb::RevokeSession => session.id == id,
                Verb::RevokeAll | Verb::Suspend => session.account_id == id,
                _ => false,
            };
            if is_meant && session.state == SessionState::Active {
                session.state = SessionState::Revoked;
                session.ended = Some(Ended {
                    at: made::NOW,
                    by: made::account_id(0).to_string(),
                    reason: "revoked_by_operator".to_owned(),
                    note: Some(order.reason.clone()),
                });
            }
        }
        if order.verb == Verb::Rebuild {
            self.rebuilding = true;
        }
        Ok(Done {
            position: match order.verb {
                Verb::Repair | Verb::Rebuild => String::new(),
                _ => "1.9000".to_owned(),
            },
            applied: None,
        })
    }
}

/// The moment that is asked for, or what an answer said it was.
fn moment(as_of: &str) -> OffsetDateTime {
    match as_of.split_once('@') {
        Some((_, seconds)) => {
            let seconds = seconds.parse().expect("as it was told");
            OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
        }
        None => OffsetDateTime::parse(as_of, &Rfc3339).expect("a time"),
    }
}

fn all(items: Vec<Event>) -> Data {
    Data::Events(Page { items, next: None })
}

/// Up to 200 items behind the one with the id of the cursor, and the cursor of
/// what is behind them.
fn page<'a, T: Clone + 'a>(
    items: impl Iterator<Item = &'a T>,
    after: Option<&str>,
    id: impl Fn(&T) -> Uuid,
) -> (Vec<T>, Option<String>) {
    let before = |item: &&T| after.is_some_and(|after| id(item).to_string().as_str() >= after);
    let mut items = items.skip_while(before);
    let shown: Vec<T> = items.by_ref().take(200).cloned().collect();
    let next = items
        .next()
        .and_then(|_| shown.last().map(|last| id(last).to_string()));
    (shown, next)
}
