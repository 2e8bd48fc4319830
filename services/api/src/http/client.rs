//! Whose request it is: the client's address, behind proxies or not.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use poem::http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Hops of `X-Forwarded-For` that are looked at, from the right.
const HOPS_MAX: usize = 16;

/// The proxies whose `X-Forwarded-For` is believed.
///
/// Parsed from a list of addresses and CIDR ranges, separated by commas or
/// spaces: `10.0.0.0/8, fd00::/8, 192.0.2.7`. Empty by default: then no header
/// is ever looked at. `Forwarded`, `X-Real-IP`, `X-Forwarded-Host` and `Host`
/// are never used for anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Cidr>);

/// A range of addresses; IPv4 as its IPv4-mapped IPv6 range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cidr {
    bits: u128,
    mask: u128,
}

/// A part of the list is neither an address nor a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address nor a range like 10.0.0.0/8")]
pub struct TrustedProxiesError(String);

/// An address as 128 bits, IPv4 mapped (RFC 4291 section 2.5.5.2).
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl FromStr for Cidr {
    type Err = TrustedProxiesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || TrustedProxiesError(text.chars().take(64).collect());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let (width, offset) = if address.is_ipv4() {
            (32, 96)
        } else {
            (128, 0)
        };
        let length = match length {
            Some(length) => length.parse::<u32>().map_err(|_| refused())?,
            None => width,
        };
        if length > width {
            return Err(refused());
        }
        let mask = u128::MAX.checked_shl(128 - (length + offset)).unwrap_or(0);
        let bits = bits(address) & mask;
        Ok(Self { bits, mask })
    }
}

impl FromStr for TrustedProxies {
    type Err = TrustedProxiesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split([',', ' '])
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TrustedProxies {
    fn trusts(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.0.iter().any(|cidr| bits & cidr.mask == cidr.bits)
    }

    /// The address of the client: the socket's peer, unless that is a trusted
    /// proxy; then the right-most address in `X-Forwarded-For` that is not.
    ///
    /// A proxy appends what it saw, so everything to the left of the first
    /// stranger is the stranger's own invention and is not read. If the list
    /// is malformed where it is read, too long or missing, the peer counts.
    /// IPv4-mapped IPv6 addresses become IPv4.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if self.0.is_empty() || !self.trusts(peer) {
            return peer;
        }
        let lines = headers.get_all(X_FORWARDED_FOR);
        let hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let mut furthest = peer;
        for (count, hop) in hops.enumerate() {
            if count == HOPS_MAX {
                return peer;
            }
            let Some(address) = parse_hop(hop) else {
                return peer;
            };
            furthest = address;
            if !self.trusts(address) {
                break;
            }
        }
        furthest
    }
}

/// One entry: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or
/// `[2001:db8::1]:4711`.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    // The longest address with brackets and port has 47 bytes.
    let hop = hop.trim_ascii();
    if hop.len() > 56 {
        return None;
    }
    let hop = std::str::from_utf8(hop).ok()?;
    let bracketed = || {
        hop.strip_prefix('[')?
            .strip_suffix(']')?
            .parse::<Ipv6Addr>()
            .ok()
    };
    hop.parse::<IpAddr>()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| bracketed().map(IpAddr::V6))
        .map(|address| address.to_canonical())
}

/// The network a client is counted by: one IPv4 address, or an IPv6 /64, of
/// which a single subscriber has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// One address.
    V4(Ipv4Addr),
    /// The upper 64 bits.
    V6(u64),
}

impl Network {
    /// The network of an address; IPv4-mapped IPv6 counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                let word = |high: u16, low: u16| u64::from(high) << 16 | u64::from(low);
                Self::V6(word(a, b) << 32 | word(c, d))
            }
        }
    }
}

/// As a range: `203.0.113.7/32`, `2001:db8:1:2::/64`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(v4) => write!(f, "{v4}/32"),
            Self::V6(upper) => {
                write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(*upper) << 64))
            }
        }
    }
}

/// An address cut to what is left when it must not name a person any more:
/// the /24 or the /48 (`203.0.113.0/24`, `2001:db8:1::/48`).
pub fn truncated(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}
