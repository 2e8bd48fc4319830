//! Why the last login failed, in a line.

use countersign_openapi::{Attempt, AttemptOutcome};
use time::OffsetDateTime;

use super::text::moment;
use super::theme::Tone;

/// Kinds of failures of one run that are told.
const KINDS_MAX: usize = 4;

/// How a try went, in a word.
pub fn outcome(outcome: AttemptOutcome) -> (&'static str, Tone) {
    match outcome {
        AttemptOutcome::SignedIn => ("signed in", Tone::Good),
        AttemptOutcome::WrongPassword => ("wrong password", Tone::Warn),
        AttemptOutcome::WrongFactor => ("wrong factor", Tone::Warn),
        AttemptOutcome::Throttled => ("throttled", Tone::Danger),
        AttemptOutcome::Shed => ("turned away", Tone::Danger),
    }
}

/// The last run of failures and what came of it, of tries that are newest
/// first: `13:39 wrong password x3, then throttled, signed in 13:41`.
pub fn summary(attempts: &[Attempt], now: OffsetDateTime) -> String {
    let is_failed = |attempt: &&Attempt| attempt.outcome != AttemptOutcome::SignedIn;
    let after = attempts.iter().take_while(|attempt| !is_failed(attempt));
    let after: Vec<&Attempt> = after.collect();
    let run = attempts.iter().skip(after.len()).take_while(is_failed);
    let run: Vec<&Attempt> = run.collect();
    // The first success behind the failures is what came of them.
    let success = after.last().map(|attempt| moment(now, attempt.at));
    let Some(first) = run.last() else {
        return match success {
            Some(at) => format!("no failed try is kept; signed in {at}"),
            None => "no try of the last days is kept".to_owned(),
        };
    };
    let mut kinds: Vec<(AttemptOutcome, usize)> = Vec::new();
    for attempt in run.iter().rev() {
        match kinds.last_mut() {
            Some((kind, number)) if *kind == attempt.outcome => *number += 1,
            _ => kinds.push((attempt.outcome, 1)),
        }
    }
    let told = kinds.iter().take(KINDS_MAX).map(|(kind, number)| {
        let (word, _) = outcome(*kind);
        match number {
            1 => word.to_owned(),
            number => format!("{word} x{number}"),
        }
    });
    let mut told = told.collect::<Vec<_>>().join(", then ");
    if kinds.len() > KINDS_MAX {
        told.push_str(", and more");
    }
    let outcome = success.map_or_else(
        || "not signed in since".to_owned(),
        |at| format!("signed in {at}"),
    );
    format!("{} {told}, {outcome}", moment(now, first.at))
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 14:03:07 UTC);

    /// Tries, newest first, each with how many minutes ago it was.
    fn tries(tries: &[(i64, AttemptOutcome)]) -> Vec<Attempt> {
        let attempt = |(minutes, outcome): &(i64, AttemptOutcome)| Attempt {
            at: NOW - Duration::minutes(*minutes),
            outcome: *outcome,
            network: None,
            session_id: None,
            correlation_id: None,
        };
        tries.iter().map(attempt).collect()
    }

    #[test]
    fn the_last_run_of_failures_is_told_with_what_came_of_it() {
        use AttemptOutcome::{SignedIn, Throttled, WrongFactor, WrongPassword};
        let all = tries(&[
            (1, SignedIn),
            (22, SignedIn),
            (23, Throttled),
            (24, WrongPassword),
            (24, WrongPassword),
            (24, WrongPassword),
            (90, SignedIn),
            (95, WrongFactor),
        ]);
        assert_eq!(
            summary(&all, NOW),
            "13:39 wrong password x3, then throttled, signed in 13:41"
        );
        assert_eq!(
            summary(&all[2..5], NOW),
            "13:39 wrong password x2, then throttled, not signed in since"
        );
        assert_eq!(
            summary(&all[..2], NOW),
            "no failed try is kept; signed in 13:41"
        );
        assert_eq!(summary(&[], NOW), "no try of the last days is kept");
    }
}
