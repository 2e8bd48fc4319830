//! Which verifiers have applied what was done, in words.

use countersign_openapi::{Applied, VerifierState, display_safe_to};
use time::Duration;

use super::text::{many, span};
use super::theme::Tone;

/// How long the console looks after something was carried out, until it says
/// who has not applied it.
pub const WATCHED: Duration = Duration::seconds(10);

/// How many of those that have not are named.
const NAMED_MAX: usize = 3;

/// Characters of a name.
const NAME_CHARS_MAX: usize = 32;

/// What is known of who has applied something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// So far; it is looked at again.
    SoFar(Applied),
    /// As it was when nobody looked any more: all had it that are heard of, or
    /// the time was over.
    Last(Applied),
    /// Nobody can say.
    Unknown(String),
}

impl Reach {
    /// What an answer tells: the last word, if nobody is awaited.
    pub fn of(applied: Applied) -> Self {
        if applied.is_awaited() {
            Self::SoFar(applied)
        } else {
            Self::Last(applied)
        }
    }

    /// Whether it is looked at again.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::SoFar(_))
    }

    /// Whether it is not known that everybody has applied it.
    pub fn is_behind(&self) -> bool {
        match self {
            Self::SoFar(applied) | Self::Last(applied) => !applied.behind.is_empty(),
            Self::Unknown(_) => true,
        }
    }

    /// How it is meant.
    pub fn tone(&self) -> Tone {
        match self {
            Self::SoFar(_) => Tone::Plain,
            Self::Last(_) | Self::Unknown(_) if self.is_behind() => Tone::Warn,
            Self::Last(_) | Self::Unknown(_) => Tone::Good,
        }
    }

    /// In a few words, safe to show, the weightiest first.
    pub fn brief(&self) -> String {
        match self {
            Self::SoFar(applied) | Self::Last(applied) if applied.behind.is_empty() => all(applied),
            Self::SoFar(applied) | Self::Last(applied) => {
                let (number, of) = (applied.behind.len(), applied.verifiers);
                let names = names(applied);
                format!("! not applied yet by {number} of {of} verifiers: {names}")
            }
            Self::Unknown(_) => "! who has applied it is not known".to_owned(),
        }
    }

    /// In full, safe to show.
    pub fn told(&self) -> String {
        match self {
            Self::SoFar(applied) | Self::Last(applied) if applied.behind.is_empty() => all(applied),
            Self::SoFar(applied) => {
                let behind = u64::try_from(applied.behind.len()).unwrap_or(u64::MAX);
                let number = applied.verifiers.saturating_sub(behind);
                let of = applied.verifiers;
                let names = names(applied);
                format!("applied by {number} of {of} verifiers, not yet by {names}")
            }
            Self::Last(applied) => {
                let after = if applied.is_awaited() {
                    format!(" after {}", span(WATCHED))
                } else {
                    String::new()
                };
                let (number, of) = (applied.behind.len(), applied.verifiers);
                let names = names(applied);
                let refuse = refuse(applied);
                format!("! not applied{after} by {number} of {of} verifiers: {names}. {refuse}")
            }
            Self::Unknown(why) => format!("! who has applied it is not known: {why}"),
        }
    }
}

fn all(applied: &Applied) -> String {
    match applied.verifiers {
        0 => "no verifier is known".to_owned(),
        1 => "applied by the only verifier".to_owned(),
        all => format!("applied by all {all} verifiers"),
    }
}

/// Those that have not applied it: a few by name, those first that are awaited.
fn names(applied: &Applied) -> String {
    let (live, silent): (Vec<_>, Vec<_>) = applied
        .behind
        .iter()
        .partition(|one| one.state == VerifierState::Live);
    let named = live.into_iter().chain(silent).take(NAMED_MAX);
    let named: Vec<String> = named
        .map(|one| {
            let name = display_safe_to(&one.name, NAME_CHARS_MAX);
            match one.state {
                VerifierState::Live => name.into_owned(),
                VerifierState::Silent => format!("{name} (silent)"),
            }
        })
        .collect();
    let more = match applied.behind.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}

/// What protects the services of those that have not applied it.
fn refuse(applied: &Applied) -> String {
    if !applied.is_awaited() {
        return "Who is silent refuses everything by itself.".to_owned();
    }
    let most = applied.behind.iter().map(|one| one.max_staleness_ms);
    let most = most.collect::<Option<Vec<_>>>();
    let most = most.and_then(|all| all.into_iter().max());
    let within = match most {
        Some(most) => {
            let seconds = usize::try_from(most.div_ceil(1_000)).unwrap_or(usize::MAX);
            format!("at most {}", many(seconds, "second"))
        }
        None => "max_staleness".to_owned(),
    };
    format!("Who stays behind refuses everything by itself {within} after its last proof.")
}

#[cfg(test)]
mod tests {
    use countersign_openapi::VerifierBehind;
    use uuid::Uuid;

    use super::*;

    fn applied(behind: &[(&str, VerifierState)]) -> Applied {
        let one = |(name, state): &(&str, VerifierState)| VerifierBehind {
            id: Uuid::nil(),
            name: (*name).to_owned(),
            state: *state,
            staleness_ms: Some(300),
            max_staleness_ms: Some(10_000),
        };
        Applied {
            verifiers: 7,
            behind: behind.iter().map(one).collect(),
        }
    }

    #[test]
    fn who_lags_is_named_and_not_all_of_many() {
        use VerifierState::{Live, Silent};
        let some = applied(&[("a\u{202e}\u{1b}", Silent), ("b", Live)]);
        assert_eq!(
            Reach::of(some.clone()).told(),
            "applied by 5 of 7 verifiers, not yet by b, a\\u{202e}\\u{1b} (silent)"
        );
        let many = applied(&[
            ("a", Live),
            ("b", Live),
            ("c", Live),
            ("d", Live),
            ("e", Live),
        ]);
        assert_eq!(
            Reach::Last(many.clone()).told(),
            "! not applied after 10 s by 5 of 7 verifiers: a, b, c and 2 more. Who stays behind \
             refuses everything by itself at most 10 seconds after its last proof."
        );
        assert_eq!(
            Reach::Last(many).brief(),
            "! not applied yet by 5 of 7 verifiers: a, b, c and 2 more"
        );
        let silent = Reach::of(applied(&[("a", Silent)]));
        assert!(!silent.is_open() && silent.is_behind());
        assert_eq!(
            silent.told(),
            "! not applied by 1 of 7 verifiers: a (silent). Who is silent refuses everything by \
             itself."
        );
        let long = "n".repeat(500);
        let told = Reach::of(applied(&[(long.as_str(), Live)])).told();
        assert!(told.len() < 120, "{told}");
        assert_eq!(Reach::of(applied(&[])).tone(), Tone::Good);
    }

    #[test]
    fn a_bound_that_one_does_not_say_is_not_made_up() {
        let mut some = applied(&[("a", VerifierState::Live), ("b", VerifierState::Live)]);
        some.behind[1].max_staleness_ms = None;
        let told = Reach::Last(some).told();
        assert!(
            told.contains("by itself max_staleness after its last proof"),
            "{told}"
        );
    }
}
