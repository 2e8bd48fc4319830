//! What is known about a request before its handler sees it.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use uuid::Uuid;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Bytes of a `User-Agent` that are kept.
pub const USER_AGENT_BYTES_MAX: usize = 512;

/// The name of one request: in the answer's `Countersign-Request-Id`, in every
/// problem, in the log, and as the correlation id of the events it caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A clock: milliseconds since the Unix epoch.
pub type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// Makes request ids: UUIDv7 from a clock and a seed.
///
/// The 74 random bits come from a counter, mixed with the seed. They are
/// unique, not secret: a request id opens nothing.
pub struct RequestIds {
    clock: Clock,
    seed: [u64; 2],
    drawn: AtomicU64,
}

impl RequestIds {
    /// `seed` must be random for each process.
    pub fn new(clock: Clock, seed: [u64; 2]) -> Self {
        Self {
            clock,
            seed,
            drawn: AtomicU64::new(0),
        }
    }

    /// The next id, and the moment it carries.
    pub fn next(&self) -> (RequestId, u64) {
        let now = (self.clock)();
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let low = mix(self.seed[0].wrapping_add(drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let high = mix(self.seed[1] ^ low);
        let mut random = [0; 10];
        random[..8].copy_from_slice(&low.to_be_bytes());
        random[8..].copy_from_slice(&high.to_be_bytes()[..2]);
        let id = uuid::Builder::from_unix_timestamp_millis(now, &random).into_uuid();
        (RequestId(id), now)
    }
}

/// The finaliser of SplitMix64: a bijection, so two counts never meet.
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A W3C Trace Context `traceparent`, version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The trace; never zero.
    pub trace_id: u128,
    /// The caller's span; never zero.
    pub parent_id: u64,
    /// The flags; bit 0 is "sampled".
    pub flags: u8,
}

impl TraceParent {
    /// Strictly `00-<32 hex>-<16 hex>-<2 hex>` in lower case, with ids that
    /// are not zero. A newer version is read as far as it looks the same, as
    /// the specification asks. Anything else is nothing.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(55)?;
        let [version_high, version_low, b'-', ids @ ..] = known else {
            return None;
        };
        let version = hex(&[*version_high, *version_low])?;
        let newer = version != 0 && version != 0xff && rest.first() == Some(&b'-');
        if !(newer || version != 0xff && rest.is_empty()) {
            return None;
        }
        if ids[32] != b'-' || ids[49] != b'-' {
            return None;
        }
        let trace_id = hex(&ids[..32]).filter(|id| *id != 0)?;
        let parent_id = hex(&ids[33..49]).filter(|id| *id != 0)?;
        let flags = hex(&ids[50..])?;
        Some(Self {
            trace_id,
            parent_id: u64::try_from(parent_id).ok()?,
            flags: u8::try_from(flags).ok()?,
        })
    }
}

/// At most 32 lower-case digits.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(digit))
    })
}

/// As the header writes it, version 00.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.parent_id, self.flags
        )
    }
}

/// What the shell found out about a request: in its extensions, for handlers
/// as `Data<&RequestInfo>`.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// The request's name.
    pub id: RequestId,
    /// When it began, in milliseconds since the Unix epoch, by the shell's
    /// clock.
    pub received_at: u64,
    /// Whose it is. See [`TrustedProxies`](super::TrustedProxies).
    pub client: IpAddr,
    /// The caller's trace, if it sent a valid one.
    pub trace_parent: Option<TraceParent>,
    user_agent: Option<HeaderValue>,
}

impl RequestInfo {
    /// Reads what the head of a request says.
    pub fn new(id: RequestId, received_at: u64, client: IpAddr, headers: &HeaderMap) -> Self {
        Self {
            id,
            received_at,
            client,
            trace_parent: sole(headers, &TRACEPARENT)
                .and_then(|value| TraceParent::parse(value.as_bytes())),
            user_agent: headers.get(header::USER_AGENT).cloned(),
        }
    }

    /// The `User-Agent`, cut to [`USER_AGENT_BYTES_MAX`] bytes at a character;
    /// bytes that are not UTF-8 become U+FFFD. It is the client's invention:
    /// show it through `display_safe`.
    pub fn user_agent(&self) -> Option<Cow<'_, str>> {
        let value = self.user_agent.as_ref()?.as_bytes();
        Some(lossy(value, USER_AGENT_BYTES_MAX)).filter(|text| !text.is_empty())
    }
}

/// The value of a field that occurs once; nothing if it occurs twice.
fn sole<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// At most `bytes_max` bytes of text, whatever the bytes are.
fn lossy(value: &[u8], bytes_max: usize) -> Cow<'_, str> {
    let value = &value[..value.len().min(bytes_max)];
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        // A character cut in two at the end is left out.
        Err(error) if error.error_len().is_none() => {
            String::from_utf8_lossy(&value[..error.valid_up_to()])
        }
        Err(_) => {
            let mut text = String::from_utf8_lossy(value).into_owned();
            text.truncate(text.floor_char_boundary(bytes_max));
            Cow::Owned(text)
        }
    }
}
