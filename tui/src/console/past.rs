//! Looking at a moment in the past.
//!
//! Sessions and accounts have one; everything else shows now, and says so. The
//! first answer tells exactly what it is as of, and every later question asks
//! for that, so that all panes show the same state. Nothing is done to what
//! was.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::message::Query;
use super::model::{AccountView, Link, Model, SessionView};
use super::pane::Pane;
use super::screens::Screen;
use super::text::{clock, stamp};
use super::theme::Tone;

/// A moment in the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// When.
    pub at: OffsetDateTime,
    /// What an answer said it is as of.
    as_of: Option<String>,
}

impl Past {
    /// At this moment.
    pub fn new(at: OffsetDateTime) -> Self {
        Self { at, as_of: None }
    }

    /// What is asked with.
    pub fn as_of(&self) -> String {
        let exact = self.as_of.clone();
        exact.unwrap_or_else(|| self.at.format(&Rfc3339).unwrap_or_default())
    }

    /// Whether an answer has said exactly what it is.
    pub fn is_exact(&self) -> bool {
        self.as_of.is_some()
    }

    /// An answer said what it is as of; the first one counts.
    pub fn told(&mut self, as_of: String) {
        if self.as_of.is_none() {
            self.as_of = Some(as_of);
        }
    }

    /// The moment, with its day unless that is today: `14:03:07Z`.
    pub fn name(&self, now: OffsetDateTime) -> String {
        if self.at.date() == now.date() {
            format!("{}Z", clock(self.at))
        } else {
            stamp(self.at)
        }
    }
}

/// Reads what was typed behind `:at`: `14:03:07`, `2026-11-22T14:03:07Z` or
/// `-5m`.
pub fn typed(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, String> {
    let at = crate::moment(text, now)?;
    if at > now {
        let told = stamp(at);
        return Err(format!(
            "{told} lies ahead; say the day if you mean another"
        ));
    }
    Ok(at)
}

/// What a line of the palette asks the past for, if it does.
pub fn asked(line: &str) -> Option<&str> {
    line.trim_start()
        .trim_start_matches(':')
        .strip_prefix("at ")
}

impl Screen {
    /// Whether it can show what was.
    pub fn has_past(self) -> bool {
        matches!(
            self,
            Self::Sessions | Self::Session | Self::Accounts | Self::Account
        )
    }
}

impl Query {
    /// Whether it can be asked about what was.
    fn has_past(&self) -> bool {
        matches!(
            self,
            Self::Sessions { .. }
                | Self::Accounts { .. }
                | Self::Session { .. }
                | Self::Account { .. }
                | Self::SessionEvents(..)
                | Self::AccountEvents(..)
                | Self::SessionsOf(_)
        )
    }
}

impl Model {
    /// Whether the screen shows what was.
    pub fn shows_past(&self) -> bool {
        self.past.is_some() && self.screen.has_past()
    }

    /// The moment that the screen shows.
    pub fn then(&self) -> OffsetDateTime {
        let past = self.past.as_ref().filter(|_| self.screen.has_past());
        past.map_or(self.now, |past| past.at)
    }

    /// Goes to a moment, or back to now. What is listed and opened is asked
    /// for anew; marks are gone.
    pub fn travel(&mut self, past: Option<Past>) {
        let told = match &past {
            Some(past) => format!("as of {}; :now returns", past.name(self.now)),
            None => "now".to_owned(),
        };
        let marks = self.sessions.marks().len();
        self.past = past;
        self.counting = None;
        self.sessions.reset();
        self.accounts.reset();
        self.session = SessionView {
            id: self.session.id,
            ..SessionView::default()
        };
        self.account = AccountView {
            id: self.account.id,
            ..AccountView::default()
        };
        if self.past.is_some() && !self.screen.has_past() {
            self.show(Screen::Sessions);
        }
        if marks > 0 {
            self.say(format!("{told}; {marks} marks are gone"), Tone::Warn);
        } else {
            self.say(told, Tone::Good);
        }
    }

    /// A question as of what the screen shows.
    pub fn as_shown(&self, query: Query) -> Query {
        match &self.past {
            Some(past) if self.screen.has_past() && query.has_past() => Query::AsOf {
                as_of: past.as_of(),
                query: Box::new(query),
            },
            _ => query,
        }
    }

    /// How old the data of a pane is, or as of when it is.
    pub fn age<T>(&self, pane: &Pane<T>) -> String {
        match &self.past {
            Some(past) if self.shows_past() && !pane.is_loading() && pane.failed().is_none() => {
                format!("as of {}", past.name(self.now))
            }
            _ => self.age_now(pane),
        }
    }

    /// How old the data of a pane is that has no past.
    pub fn age_now<T>(&self, pane: &Pane<T>) -> String {
        pane.age(self.now, matches!(self.link, Link::Down { .. }))
    }
}

/// What was does not change; it is not asked for again.
pub const NEVER: Duration = Duration::weeks(5_000);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 14:03:07 UTC);

    #[test]
    fn a_moment_is_typed_in_three_ways_and_never_lies_ahead() {
        assert_eq!(typed("-5m", NOW), Ok(NOW - Duration::minutes(5)));
        assert_eq!(
            typed(" 13:00:01", NOW),
            Ok(datetime!(2026-11-22 13:00:01 UTC))
        );
        let full = typed("2026-11-21T14:03:07Z", NOW);
        assert_eq!(full, Ok(NOW - Duration::DAY));
        assert!(typed("23:00:00", NOW).expect_err("ahead").contains("ahead"));
        assert!(typed("-5y", NOW).expect_err("no unit").contains("-15m"));
        assert!(typed("-4000000000d", NOW).is_err());
        assert!(typed("soon", NOW).is_err());
        assert_eq!(asked(":at  -5m"), Some(" -5m"));
        assert_eq!(asked("at"), None);
        assert_eq!(asked("attempts"), None);
    }

    #[test]
    fn the_first_answer_says_what_all_others_are_asked_for() {
        let mut past = Past::new(NOW);
        assert_eq!(past.as_of(), "2026-11-22T14:03:07Z");
        assert!(!past.is_exact());
        past.told("0.1-1.2@3".to_owned());
        past.told("0.9-1.9@9".to_owned());
        assert!(past.is_exact());
        assert_eq!(past.as_of(), "0.1-1.2@3");
        assert_eq!(past.name(NOW + Duration::DAY), "2026-11-22 14:03:07Z");
    }
}
