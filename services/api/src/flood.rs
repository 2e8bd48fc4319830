//! What is noted of floods.

use std::sync::{Mutex, PoisonError};

use countersign_events::AccountId;
use quick_cache::sync::Cache;

/// Of how many accounts it is known when their last flood was noted.
const ACCOUNTS: usize = 10_000;

/// How many floods are noted in one second, about whomever.
const NOTED_MAX: u32 = 100;

/// Decides which of very many observations are worth a message: of each
/// account one a second, so that a storm about another hides nobody's, and all
/// together not more than a hundred. A storm about more accounts than that in a
/// second does hide some, of which the counters of failures still know.
pub(crate) struct Floods {
    /// The second in which it was last noted; under none, about strangers.
    last: Cache<Option<AccountId>, i64>,
    /// A second, and how many were noted in it.
    noted: Mutex<(i64, u32)>,
}

impl Default for Floods {
    fn default() -> Self {
        Self {
            last: Cache::new(ACCOUNTS),
            noted: Mutex::new((i64::MIN, 0)),
        }
    }
}

impl Floods {
    /// Whether one about `account`, at this second, is noted. Two at the same
    /// moment may both be.
    pub(crate) fn admit(&self, account: Option<AccountId>, second: i64) -> bool {
        if self.last.get(&account) == Some(second) {
            return false;
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.0 != second {
            *noted = (second, 0);
        }
        if noted.1 >= NOTED_MAX {
            return false;
        }
        noted.1 += 1;
        self.last.insert(account, second);
        true
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(number: u128) -> AccountId {
        AccountId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn a_storm_about_others_hides_nobodys_flood() {
        let floods = Floods::default();
        assert!(floods.admit(None, 7));
        assert!(!floods.admit(None, 7));
        assert!(floods.admit(Some(account(1)), 7));
        assert!(!floods.admit(Some(account(1)), 7));
        assert!(floods.admit(Some(account(2)), 7));
        assert!(floods.admit(None, 8));
        assert!(floods.admit(Some(account(1)), 8));
        // As many as there is room for beside one, each over and over.
        for _ in 0..50 {
            for number in 0..99 {
                floods.admit(Some(account(number)), 9);
            }
        }
        assert!(floods.admit(Some(account(100)), 9));
        // Where there is none, those who come later are not noted.
        assert!(!floods.admit(Some(account(101)), 9));
    }

    #[test]
    fn a_second_holds_a_hundred() {
        let floods = Floods::default();
        let noted = (0..1_000).filter(|number| floods.admit(Some(account(*number)), 7));
        assert_eq!(noted.count(), 100);
        assert!(floods.admit(Some(account(5)), 8));
    }
}
