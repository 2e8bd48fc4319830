//! Whether the log's stream is there, and where it goes on.

use time::{Duration, OffsetDateTime};

use super::order::Failed;

/// The longest wait between two tries, in seconds.
const WAIT_MAX: i64 = 15;

/// How the stream is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum State {
    /// Nobody looks.
    #[default]
    Off,
    /// It was asked for under this ticket.
    Asked(u64),
    /// What happened since the cursor comes.
    Replay {
        ticket: u64,
        /// When it began.
        since: OffsetDateTime,
        /// Whether the last thing that came was a beat.
        rests: bool,
    },
    /// It goes with the log.
    Live(u64),
    /// It was cut, and is tried again then.
    Waiting(OffsetDateTime),
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Follow {
    state: State,
    cursor: Option<String>,
    tries: u32,
    /// Why it was cut last.
    pub failed: Option<Failed>,
}

/// How the stream is, for the heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is asked for the first time.
    Connecting,
    /// It was cut; it is tried again in so long, or now.
    Reconnecting(Duration),
    /// What happened meanwhile comes.
    Replay,
    /// It goes with the log.
    Live,
}

impl Follow {
    /// Whether to ask for it now.
    pub fn is_wanted(&self, now: OffsetDateTime) -> bool {
        match self.state {
            State::Off => true,
            State::Waiting(next) => now >= next,
            _ => false,
        }
    }

    /// Whether it was asked for and not cut.
    pub fn is_on(&self) -> bool {
        !matches!(self.state, State::Off | State::Waiting(_))
    }

    /// Whether it is there: what happens from now on comes by it.
    pub fn is_there(&self) -> bool {
        matches!(self.state, State::Replay { .. } | State::Live(_))
    }

    /// Whether what happened since the cursor comes, one shard after the other.
    pub fn replays(&self) -> bool {
        matches!(self.state, State::Replay { .. })
    }

    /// The cursor to go on with.
    pub fn cursor(&self) -> Option<String> {
        self.cursor.clone()
    }

    /// It begins at the end of the log the next time.
    pub fn forget(&mut self) {
        self.cursor = None;
    }

    /// It is asked for under this ticket.
    pub fn ask(&mut self, ticket: u64) {
        self.state = State::Asked(ticket);
    }

    /// Nobody looks any more.
    pub fn stop(&mut self) {
        self.state = State::Off;
    }

    /// It is tried at once.
    pub fn hurry(&mut self) {
        if let State::Waiting(_) = self.state {
            self.state = State::Off;
        }
    }

    fn is(&self, ticket: u64) -> bool {
        match self.state {
            State::Asked(asked) | State::Live(asked) | State::Replay { ticket: asked, .. } => {
                asked == ticket
            }
            _ => false,
        }
    }

    /// It is there.
    pub fn began(&mut self, ticket: u64, now: OffsetDateTime) {
        if self.is(ticket) {
            self.failed = None;
            self.state = match self.cursor {
                Some(_) => State::Replay {
                    ticket,
                    since: now,
                    rests: false,
                },
                None => State::Live(ticket),
            };
        }
    }

    /// It brought something, the newest of it from `newest`; whether that is
    /// waited for.
    pub fn brought(
        &mut self,
        ticket: u64,
        cursor: Option<String>,
        newest: Option<OffsetDateTime>,
    ) -> bool {
        if !self.is(ticket) {
            return false;
        }
        self.cursor = cursor.or(self.cursor.take());
        self.tries = 0;
        if let State::Replay { since, rests, .. } = &mut self.state {
            // A beat comes every second, in between as well; what happened
            // meanwhile is at its end when nothing is between two of them.
            let is_over = match newest {
                Some(newest) => newest >= *since,
                None => *rests,
            };
            *rests = newest.is_none();
            if is_over {
                self.state = State::Live(ticket);
            }
        }
        true
    }

    /// It was cut; whether that is news.
    pub fn cut(&mut self, ticket: u64, failed: Option<Failed>, now: OffsetDateTime) -> bool {
        if !self.is(ticket) {
            return false;
        }
        // What the service ends goes on at once, if it did not just begin.
        let wait = match (&failed, self.tries) {
            (None, 0) => 0,
            (_, tries) => (1_i64 << tries.min(4)).min(WAIT_MAX),
        };
        self.tries = self.tries.saturating_add(1);
        self.failed = failed;
        self.state = State::Waiting(now + Duration::seconds(wait));
        true
    }

    /// How it is.
    pub fn standing(&self, now: OffsetDateTime) -> Standing {
        match self.state {
            State::Live(_) => Standing::Live,
            State::Replay { .. } => Standing::Replay,
            State::Waiting(next) => Standing::Reconnecting((next - now).max(Duration::ZERO)),
            State::Off | State::Asked(_) if self.cursor.is_none() && self.tries == 0 => {
                Standing::Connecting
            }
            State::Off | State::Asked(_) => Standing::Reconnecting(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 14:03:07 UTC);

    #[test]
    fn what_is_cut_is_tried_again_later_and_later_from_its_cursor() {
        let mut follow = Follow::default();
        assert!(follow.is_wanted(NOW));
        follow.ask(1);
        assert_eq!(follow.standing(NOW), Standing::Connecting);
        follow.began(1, NOW);
        assert!(follow.brought(1, Some("a".to_owned()), None));
        assert_eq!(follow.standing(NOW), Standing::Live);
        assert!(!follow.cut(9, None, NOW), "not this one");
        let mut waits = Vec::new();
        for ticket in 1..8 {
            assert!(follow.cut(ticket, None, NOW));
            let Standing::Reconnecting(wait) = follow.standing(NOW) else {
                panic!("{follow:?}");
            };
            assert!(!follow.is_wanted(NOW + wait - Duration::MILLISECOND));
            assert!(follow.is_wanted(NOW + wait));
            waits.push(wait.whole_seconds());
            follow.ask(ticket + 1);
        }
        assert_eq!(waits, [0, 2, 4, 8, 15, 15, 15]);
        follow.began(8, NOW);
        assert_eq!(follow.standing(NOW), Standing::Replay);
        assert_eq!(follow.cursor().as_deref(), Some("a"));
        let before = Some(NOW - Duration::MINUTE);
        assert!(follow.brought(8, Some("b".to_owned()), before));
        assert_eq!(follow.standing(NOW), Standing::Replay);
        assert!(follow.brought(8, Some("c".to_owned()), None));
        assert!(follow.brought(8, Some("d".to_owned()), before));
        assert!(follow.brought(8, Some("d".to_owned()), None));
        assert_eq!(
            follow.standing(NOW),
            Standing::Replay,
            "one beat is no rest"
        );
        assert!(follow.brought(8, Some("d".to_owned()), None));
        assert_eq!(follow.standing(NOW), Standing::Live);
        follow.cut(8, Some(Failed::NotTried), NOW);
        assert_eq!(
            follow.standing(NOW),
            Standing::Reconnecting(Duration::SECOND)
        );
    }
}
