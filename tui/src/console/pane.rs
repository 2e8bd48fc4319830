//! Something that was fetched, and how old it is.

use time::{Duration, OffsetDateTime};

use super::order::Failed;
use super::text::ago;

/// The last good answer to a question, and what became of the next one.
#[derive(Debug, Clone)]
pub struct Pane<T> {
    data: Option<T>,
    /// When `data` came.
    at: Option<OffsetDateTime>,
    asked: Option<(u64, OffsetDateTime)>,
    tried: Option<OffsetDateTime>,
    failed: Option<Failed>,
}

impl<T> Default for Pane<T> {
    fn default() -> Self {
        Self {
            data: None,
            at: None,
            asked: None,
            tried: None,
            failed: None,
        }
    }
}

/// An answer that takes longer is taken for lost.
const PATIENCE: Duration = Duration::seconds(30);

impl<T> Pane<T> {
    /// Whether it is time to ask: nothing is under way, and the last answer is
    /// at least so old.
    pub fn is_due(&self, now: OffsetDateTime, every: Duration) -> bool {
        let waiting = self.asked.is_some_and(|(_, since)| now - since < PATIENCE);
        !waiting && self.tried.is_none_or(|tried| now - tried >= every)
    }

    /// Somebody asks now, under this ticket.
    pub fn ask(&mut self, ticket: u64, now: OffsetDateTime) {
        self.asked = Some((ticket, now));
    }

    /// Whether the answer under this ticket is waited for; then it is no more.
    pub fn expects(&mut self, ticket: u64, now: OffsetDateTime) -> bool {
        let expected = self.asked.is_some_and(|(asked, _)| asked == ticket);
        if expected {
            self.asked = None;
            self.tried = Some(now);
        }
        expected
    }

    /// Takes what came. What was good before stays when nothing comes.
    pub fn take(&mut self, outcome: Result<T, Failed>, now: OffsetDateTime) {
        match outcome {
            Ok(data) => {
                self.data = Some(data);
                self.came(now);
            }
            Err(failed) => self.failed = Some(failed),
        }
    }

    /// Data that is kept elsewhere came.
    pub fn came(&mut self, now: OffsetDateTime) {
        self.at = Some(now);
        self.failed = None;
    }

    /// When the last good answer came.
    pub fn since(&self) -> Option<OffsetDateTime> {
        self.at
    }

    /// What was fetched last.
    pub fn data(&self) -> Option<&T> {
        self.data.as_ref()
    }

    /// What was fetched last, to be changed.
    pub fn data_mut(&mut self) -> Option<&mut T> {
        self.data.as_mut()
    }

    /// Why nothing newer came.
    pub fn failed(&self) -> Option<&Failed> {
        self.failed.as_ref()
    }

    /// Whether nothing has come yet, good or bad.
    pub fn is_loading(&self) -> bool {
        self.at.is_none() && self.failed.is_none()
    }

    /// Lets it be asked again at once.
    pub fn expire(&mut self) {
        self.tried = None;
        self.asked = None;
    }

    /// How old the data is, in a few words; with whether asking takes long.
    /// What is old is stale where nobody answers.
    pub fn age(&self, now: OffsetDateTime, nobody_answers: bool) -> String {
        let slow = self
            .asked
            .is_some_and(|(_, since)| now - since > Duration::milliseconds(300));
        let waiting = if slow { " ..." } else { "" };
        match (self.at, &self.failed) {
            (None, None) => "loading".to_owned(),
            (None, Some(_)) => "not there".to_owned(),
            (Some(at), None) if !nobody_answers => match ago(now, at).as_str() {
                "now" => format!("new{waiting}"),
                age => format!("{age} old{waiting}"),
            },
            (Some(at), _) => format!("STALE, {} old{waiting}", ago(now, at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_the_expected_answer_counts_and_a_lost_one_is_asked_for_again() {
        let now = datetime!(2026-11-22 14:03:07 UTC);
        let every = Duration::seconds(5);
        let mut pane = Pane::default();
        assert!(pane.is_due(now, every));
        pane.ask(1, now);
        assert!(!pane.is_due(now, every));
        assert!(!pane.expects(2, now));
        assert!(pane.expects(1, now));
        pane.take(Ok(7), now);
        assert!(!pane.is_due(now + Duration::seconds(4), every));
        let later = now + every;
        assert!(pane.is_due(later, every));
        assert_eq!(pane.age(later, false), "5 s old");
        pane.ask(3, later);
        assert_eq!(pane.age(later + Duration::SECOND, false), "6 s old ...");
        assert!(pane.is_due(later + PATIENCE, every));
        pane.take(Err(Failed::NotTried), later);
        assert_eq!(pane.data(), Some(&7));
        assert!(pane.age(later, false).starts_with("STALE"));
        pane.came(later);
        assert_eq!(pane.age(later + every, true), "STALE, 5 s old ...");
    }
}
