//! Clients that fail to prove themselves.

use std::net::IpAddr;
use std::time::Duration;

use countersign_events::Timestamp;

use crate::key::Key;
use crate::record::Record;
use crate::rules::Limit;
use crate::{Refused, Throttle};

const MINUTE: Duration = Duration::from_mins(1);

/// How many more failures a network may have in the names of all clients than
/// in the name of one: many services may stand behind one address, and one
/// that is set up wrong must not silence the others' errors.
const CLIENTS_PER_NETWORK: u32 = 12;

/// The most that a window holds.
const MOST: u32 = 200;

impl Throttle {
    /// Counts a failure of somebody who says to be `client`, and refuses if
    /// there were too many, from this network in the name of this client or
    /// of all.
    ///
    /// Only failures are put here: nobody guesses a secret of 256 bits, so
    /// what this bounds is the noise, and whoever has the right secret is
    /// never made to wait for those who have not.
    pub async fn client_failed(
        &self,
        ip: IpAddr,
        client: &str,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let inner = &*self.0;
        let most = inner.config.network_failures_per_minute;
        if most == 0 {
            return Ok(());
        }
        inner.store.ensure_reachable()?;
        let all = most.saturating_mul(CLIENTS_PER_NETWORK).min(MOST);
        let keys = [
            (Key::client(&inner.blind, ip, client), most),
            (Key::clients(&inner.blind, ip), all),
        ];
        for (key, most) in keys {
            let limit = Limit {
                most,
                within: MINUTE,
            };
            let once_more = |record: &Record| match record.window().wait(limit, now) {
                Some(wait) => Err(wait.into()),
                None => Ok(Some(Record::Window(record.window().with(limit, now)))),
            };
            inner.store.change(&key, now, once_more).await?;
        }
        Ok(())
    }
}
