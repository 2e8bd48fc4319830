//! Who holds a key.

use countersign_feed::Standing;

use crate::app::App;

/// Which verifiers do not hold a key.
pub(crate) struct Holders {
    /// Their names.
    pub(crate) lacking: Vec<String>,
}

impl App {
    /// Who of the live verifiers does not report to hold the key. One that is
    /// silent refuses everything by itself, and fetches the keys when it comes
    /// back.
    pub(crate) fn holders(&self, kid: &str) -> Holders {
        let known = self.feed.receipts().list();
        let lacks = |kids: &[String]| !kids.iter().any(|held| held == kid);
        let lacking = known
            .into_iter()
            .filter(|one| one.standing == Standing::Live && lacks(&one.kids));
        Holders {
            lacking: lacking.map(|one| one.name).collect(),
        }
    }

    /// Says which keys this instance checks tokens with, the newest first.
    pub(crate) fn tell_held_keys(&self) {
        let held = self.keys.held();
        let keys = held.ring.state.keys.iter().rev();
        let published = keys.filter(|key| key.is_published());
        self.feed
            .holds_keys(published.map(|key| key.kid.clone()).collect());
    }
}
