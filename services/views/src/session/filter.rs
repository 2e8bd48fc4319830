//! Which sessions to list.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use countersign_events::{AccountId, SessionId, Timestamp};

use super::{Session, SessionState};
use crate::{Refused, text};

/// A filter on the state of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateFilter {
    /// Whatever their state.
    #[default]
    Any,
    /// Neither ended nor expired.
    Active,
    /// Expired without having been ended.
    Expired,
    /// Ended, for whatever reason.
    Revoked,
}

impl StateFilter {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl FromStr for StateFilter {
    type Err = Refused;

    fn from_str(word: &str) -> Result<Self, Refused> {
        [Self::Any, Self::Active, Self::Expired, Self::Revoked]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or(Refused(
                "not a session state: expected active, expired, revoked or any".into(),
            ))
    }
}

/// An address, or the addresses of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpFilter {
    low: IpAddr,
    high: IpAddr,
}

impl IpFilter {
    /// The lowest and highest address it lets through.
    pub fn range(&self) -> (IpAddr, IpAddr) {
        (self.low, self.high)
    }

    /// Whether it lets an address through; never what is none.
    pub fn holds(&self, address: &str) -> bool {
        let address = address
            .parse()
            .map(|address: IpAddr| address.to_canonical());
        address.is_ok_and(|address| (self.low..=self.high).contains(&address))
    }
}

impl FromStr for IpFilter {
    type Err = Refused;

    /// `192.0.2.7`, `192.0.2.0/24`, `2001:db8::1`, `2001:db8::/32`. Bits beyond
    /// the prefix are ignored.
    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused =
            || Refused("not an address or network: expected 192.0.2.7 or 2001:db8::/32".into());
        let (address, bits) = match text.split_once('/') {
            None => (text, None),
            Some((address, bits)) => {
                let plain = bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit());
                let bits = bits.parse::<u32>().ok().filter(|_| plain);
                (address, Some(bits.ok_or_else(refused)?))
            }
        };
        let mut address: IpAddr = address.parse().map_err(|_| refused())?;
        let mut bits = bits;
        // An IPv4 network in IPv6 clothes.
        if let IpAddr::V6(v6) = address
            && let Some(v4) = v6.to_ipv4_mapped()
            && bits.is_none_or(|bits| bits >= 96)
        {
            address = IpAddr::V4(v4);
            bits = bits.map(|bits| bits - 96);
        }
        match address {
            IpAddr::V4(v4) => {
                let bits = bits.unwrap_or(32);
                let host = match bits {
                    0 => u32::MAX,
                    1..=32 => u32::MAX.checked_shr(bits).unwrap_or(0),
                    _ => return Err(refused()),
                };
                let low = v4.to_bits() & !host;
                Ok(Self {
                    low: Ipv4Addr::from_bits(low).into(),
                    high: Ipv4Addr::from_bits(low | host).into(),
                })
            }
            IpAddr::V6(v6) => {
                let bits = bits.unwrap_or(128);
                let host = match bits {
                    0..=128 => u128::MAX.checked_shr(bits).unwrap_or(0),
                    _ => return Err(refused()),
                };
                let low = v6.to_bits() & !host;
                Ok(Self {
                    low: Ipv6Addr::from_bits(low).into(),
                    high: Ipv6Addr::from_bits(low | host).into(),
                })
            }
        }
    }
}

/// Which sessions to list, and from where on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// In this state at the moment asked about.
    pub state: StateFilter,
    /// Of exactly this client.
    pub client: Option<String>,
    /// Last seen from here.
    pub ip: Option<IpFilter>,
    /// A part of the account's address, in any case.
    pub q: Option<String>,
    /// Only those older than this one: where the page before ended.
    pub after: Option<SessionId>,
    /// Rows a page, at least 1 and at most [`crate::PAGE_ROWS_MAX`].
    pub limit: u16,
}

impl SessionFilter {
    /// Whether the session is of the list at `at`, but for where a page begins.
    pub fn holds(&self, session: &Session, at: Timestamp) -> bool {
        let state = session.state(at);
        let client = self.client.clone().map(text::storable);
        let is_at = |ip: IpFilter| session.ip.as_deref().is_some_and(|text| ip.holds(text));
        let is_of = |part: &String| {
            let email = session.email.as_deref();
            email.is_some_and(|email| text::contains(email, part))
        };
        self.account
            .is_none_or(|account| account == session.account)
            && client.is_none_or(|client| client == session.client)
            && match self.state {
                StateFilter::Any => true,
                StateFilter::Active => state == SessionState::Active,
                StateFilter::Expired => state == SessionState::Expired,
                StateFilter::Revoked => state == SessionState::Revoked,
            }
            && self.ip.is_none_or(is_at)
            && self.q.as_ref().is_none_or(is_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Option<(String, String)> {
        let filter: IpFilter = text.parse().ok()?;
        Some((filter.low.to_string(), filter.high.to_string()))
    }

    #[test]
    fn networks_become_ranges() {
        for (text, low, high) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.7"),
            ("192.0.2.77/24", "192.0.2.0", "192.0.2.255"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::1"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::1"),
            (
                "2001:db8:ff::/48",
                "2001:db8:ff::",
                "2001:db8:ff:ffff:ffff:ffff:ffff:ffff",
            ),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7/120", "192.0.2.0", "192.0.2.255"),
        ] {
            assert_eq!(range(text), Some((low.into(), high.into())), "{text}");
        }
    }

    #[test]
    fn a_network_holds_its_addresses_in_any_spelling() {
        let holds = |network: &str, address: &str| {
            let network: IpFilter = network.parse().expect("a network");
            network.holds(address)
        };
        assert!(holds("192.0.2.0/24", "192.0.2.255"));
        assert!(holds("192.0.2.0/24", "::ffff:192.0.2.7"));
        assert!(!holds("192.0.2.0/24", "192.0.3.0"));
        assert!(!holds("::/0", "192.0.2.7"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        assert!(!holds("0.0.0.0/0", "unknown"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "/",
            "localhost",
            "192.0.2",
            "192.0.2.7/33",
            "192.0.2.7/-1",
            "192.0.2.7/+8",
            "192.0.2.7/",
            "192.0.2.7/8/8",
            "2001:db8::/129",
            "fe80::1%eth0",
            "192.0.2.7\0",
            "' or 1=1",
        ] {
            assert_eq!(range(text), None, "{text}");
        }
    }
}
