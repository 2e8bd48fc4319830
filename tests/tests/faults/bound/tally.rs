//! What came of all revocations.

use std::time::Duration;

use super::host::Refused;

/// From an acknowledged revocation to what verifiers made of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// To the first refusal, in nanoseconds; one for each verifier and token.
    refusals: Vec<u64>,
    /// To the last acceptance that came after the acknowledgement.
    late: Vec<u64>,
    /// Refusals for another reason than the revocation.
    wrong: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, acknowledged: u64, refused: &Refused) {
        self.refusals.push(refused.at.saturating_sub(acknowledged));
        let late = refused.last_accepted.saturating_sub(acknowledged);
        if late > 0 {
            self.late.push(late);
        }
        if refused.code != "token_revoked" {
            self.wrong.push(format!("{refused:?}"));
        }
    }

    pub(super) fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// The longest time after an acknowledgement in which a token was still
    /// accepted.
    pub(super) fn latest_acceptance(&self) -> Duration {
        Duration::from_nanos(self.late.iter().copied().max().unwrap_or_default())
    }

    /// The time to the first refusal that this share of all kept, in percent.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.refusals.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        Duration::from_nanos(sorted.get(rank - 1).copied().unwrap_or_default())
    }

    /// One line for people.
    pub(super) fn line(&self, label: &str) -> String {
        format!(
            "bound, {label}: {} refusals, p50 {:.1?}, p99 {:.1?}, max {:.1?}; last acceptance {:.1?} after the acknowledgement",
            self.refusals.len(),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
            self.latest_acceptance(),
        )
    }
}
