//! What the console can do to a deployment.

use countersign_openapi::{Applied, ProblemCode, RevocationPredicate};
use time::{Duration, OffsetDateTime};

/// How long the console stays armed: as long as a proof of who is there is
/// taken for new.
pub const ARMED: Duration = Duration::minutes(10);

/// Most rows that can be acted on at once.
pub const TARGETS_MAX: usize = 1_000;

/// Proof that the console was armed when an order was given. Only
/// [`Arming::arms`] makes one, so code that is not armed cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arms {
    until: OffsetDateTime,
}

impl Arms {
    /// Whether they are still good.
    pub fn hold(self, now: OffsetDateTime) -> bool {
        now < self.until
    }
}

/// Whether the console may write, and until when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arming {
    until: Option<OffsetDateTime>,
}

impl Arming {
    /// Arms it after somebody proved at `proved_at` who they are.
    pub fn arm(&mut self, proved_at: OffsetDateTime, now: OffsetDateTime) {
        // A service whose clock is ahead does not lengthen it.
        self.until = Some(proved_at.min(now) + ARMED);
    }

    /// Back to read-only.
    pub fn disarm(&mut self) {
        self.until = None;
    }

    /// How long it will last; nothing while it is read-only.
    pub fn left(&self, now: OffsetDateTime) -> Option<Duration> {
        let left = self.until? - now;
        left.is_positive().then_some(left)
    }

    /// The proof, while it lasts.
    pub fn arms(&self, now: OffsetDateTime) -> Option<Arms> {
        let until = self.until?;
        (now < until).then_some(Arms { until })
    }
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// End one session.
    RevokeSession,
    /// End all sessions that fit a filter.
    RevokeFiltered,
    /// End all sessions of an account.
    RevokeAll,
    /// Keep an account from logging in.
    Suspend,
    /// Let it log in again.
    Reinstate,
    /// Take its second factors away.
    ResetFactors,
    /// Give a client no tokens.
    DisableClient,
    /// Give a client tokens again.
    EnableClient,
    /// Let another key sign.
    RotateKeys,
    /// Refuse everything a key has signed.
    RevokeKey,
    /// Have what stopped on a shard try its event again.
    Repair,
    /// Have all read models made anew.
    Rebuild,
}

impl Verb {
    /// As a button says it.
    pub fn button(self) -> &'static str {
        match self {
            Self::RevokeSession | Self::RevokeFiltered | Self::RevokeAll | Self::RevokeKey => {
                "Revoke"
            }
            Self::DisableClient => "Disable",
            Self::EnableClient => "Enable",
            Self::RotateKeys => "Rotate",
            Self::Repair => "Repair",
            Self::Rebuild => "Rebuild",
            Self::Suspend => "Suspend",
            Self::Reinstate => "Reinstate",
            Self::ResetFactors => "Reset factors",
        }
    }

    /// What is said once it was done, before whom it was done to.
    pub fn done(self) -> &'static str {
        match self {
            Self::RevokeSession => "over",
            Self::RevokeFiltered => "no active session of before is left",
            Self::RevokeAll => "all sessions of before are over",
            Self::Suspend => "suspended",
            Self::Reinstate => "may log in again",
            Self::ResetFactors => "no second factor is left",
            Self::DisableClient => "gets no tokens",
            Self::EnableClient => "gets tokens",
            Self::RotateKeys => "the next key will follow (SIGNS FROM says when)",
            Self::RevokeKey => "revoked",
            Self::Repair => "tries its event again",
            Self::Rebuild => "being made anew",
        }
    }

    /// What it does to whom, and what it does not undo.
    pub fn effects(self) -> &'static str {
        match self {
            Self::RevokeSession => {
                "Its refresh token stops working at once; access tokens already out are refused \
                 within the stated bound, or when they expire where nobody asks."
            }
            Self::RevokeFiltered => {
                "The service ends exactly what was counted, and none that begins from now on. It \
                 goes on when this console is closed; countersign revocations shows it."
            }
            Self::RevokeAll => {
                "Every session of the account ends, on all devices. It may log in again."
            }
            Self::Suspend => {
                "Every session of the account ends, and it cannot log in until it is reinstated."
            }
            Self::Reinstate => "The account may log in again. Sessions that ended stay ended.",
            Self::ResetFactors => {
                "Authenticator apps, passkeys and recovery codes are gone for good, and every \
                 session ends. The password alone lets in until a factor is added."
            }
            Self::DisableClient => {
                "The client gets no tokens, and those it has are refused everywhere."
            }
            Self::EnableClient => "The client gets tokens again, if it proves itself.",
            Self::RotateKeys => "Tokens of the key before stay valid until they expire.",
            Self::RevokeKey => {
                "Every token it has signed is refused, for good: everybody must refresh, and \
                 whoever fetched the keys must fetch them again."
            }
            Self::Repair => {
                "It tries the event it stopped at again, and goes on if that succeeds now. It \
                 skips nothing: if the event fails again, it stops there again."
            }
            Self::Rebuild => {
                "All read models are made anew from the log, beside those that serve, which go on \
                 serving until the new ones have caught up. The log is not changed. It takes as \
                 long as reading the whole log, and disk for a second copy."
            }
        }
    }

    /// Whether it concerns more than its one target.
    pub fn is_wide(self) -> bool {
        matches!(self, Self::RevokeAll | Self::RevokeKey | Self::Rebuild)
    }

    /// Most characters of a reason.
    pub fn reason_max(self) -> usize {
        match self {
            Self::RevokeSession => 200,
            _ => 500,
        }
    }

    /// Whether a reason is kept with it.
    pub fn takes_reason(self) -> bool {
        !matches!(self, Self::EnableClient | Self::Repair | Self::Rebuild)
    }

    /// Whether the service can wait until every verifier has applied it.
    pub fn can_wait(self) -> bool {
        matches!(
            self,
            Self::RevokeSession
                | Self::RevokeAll
                | Self::Suspend
                | Self::ResetFactors
                | Self::DisableClient
                | Self::RevokeKey
        )
    }

    /// Whether it is of no use before every verifier has applied it.
    pub fn is_watched(self) -> bool {
        self.can_wait() || self == Self::RevokeFiltered
    }

    /// Where it is done. An id is a UUID or the id of a key.
    pub fn path(self, id: &str) -> String {
        match self {
            Self::RevokeSession => format!("/v1/admin/sessions/{id}/revoke"),
            Self::RevokeFiltered => "/v1/admin/revocations".to_owned(),
            Self::RevokeAll => format!("/v1/admin/accounts/{id}/revoke-sessions"),
            Self::Suspend => format!("/v1/admin/accounts/{id}/suspend"),
            Self::Reinstate => format!("/v1/admin/accounts/{id}/reinstate"),
            Self::ResetFactors => format!("/v1/admin/accounts/{id}/reset-factors"),
            Self::DisableClient => format!("/v1/admin/clients/{id}/disable"),
            Self::EnableClient => format!("/v1/admin/clients/{id}/enable"),
            Self::RotateKeys => "/v1/admin/keys/rotate".to_owned(),
            Self::RevokeKey => format!("/v1/admin/keys/{id}/revoke"),
            Self::Repair => "/v1/admin/projections/repair".to_owned(),
            Self::Rebuild => "/v1/admin/projections/rebuild".to_owned(),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Where it stands in the log; empty if it leaves nothing there.
    pub position: String,
    /// Who has applied it, if that was waited for.
    pub applied: Option<Applied>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub verb: Verb,
    /// To whom: an id.
    pub target: String,
    /// Why; kept in the log.
    pub reason: String,
    /// Whether to wait until every verifier has applied it.
    pub wait: bool,
    /// All that a preview counted, if it is about what fits a filter.
    pub filtered: Option<Box<Filtered>>,
}

/// What a preview counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filtered {
    /// Which sessions.
    pub predicate: RevocationPredicate,
    /// How many that are.
    pub matched: u64,
    /// As of when.
    pub as_of: String,
}

/// Why something was not brought back or not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// Nobody answered. Of a write it is not known whether it was done.
    NoAnswer(String),
    /// Nobody is signed in any more.
    SignedOut(String),
    /// The proof of who is there is too old or too weak.
    Disarmed,
    /// The service said no.
    Refused(ProblemCode, String),
    /// The answer cannot be read.
    Unreadable(String),
    /// Some of it was done, and some was not.
    Partly(String),
    /// It was not tried, because one before it failed in a way that all would.
    NotTried,
}

impl Failed {
    /// For a person.
    pub fn told(&self) -> String {
        match self {
            Self::NoAnswer(text) => format!("no answer: {text}"),
            Self::SignedOut(text)
            | Self::Refused(_, text)
            | Self::Unreadable(text)
            | Self::Partly(text) => text.clone(),
            Self::Disarmed => "the proof of who you are has run out: arm again".to_owned(),
            Self::NotTried => "not tried".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn arms_run_out_by_themselves_and_no_clock_lengthens_them() {
        let now = datetime!(2026-11-22 14:03:07 UTC);
        let mut arming = Arming::default();
        assert_eq!(arming.arms(now), None);
        arming.arm(now + Duration::hours(1), now);
        assert_eq!(arming.left(now), Some(ARMED));
        let arms = arming.arms(now).expect("armed");
        assert!(arms.hold(now + ARMED - Duration::SECOND));
        assert!(!arms.hold(now + ARMED));
        assert_eq!(arming.arms(now + ARMED), None);
        arming.arm(now - Duration::minutes(9), now);
        assert_eq!(arming.left(now), Some(Duration::MINUTE));
        arming.disarm();
        assert_eq!(arming.left(now), None);
    }
}
