//! The refresh token in a cookie, for browsers (RFC 6265bis).
//!
//! A page that holds a refresh token in its own storage loses it to any script
//! that gets in. A client that asks for it with `Countersign-Transport:
//! cookie` is given the token in a cookie that no script can read, and not in
//! the body.
//!
//! `__Host-` makes the browser itself refuse a cookie that a subdomain or an
//! unencrypted page has planted. `Secure` stays on a development machine:
//! browsers take it from http://127.0.0.1 and http://localhost too.

use countersign_openapi::Secret;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The header by which a client chooses.
pub const TRANSPORT: HeaderName = HeaderName::from_static("countersign-transport");

const NAME: &str = "__Host-countersign";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// The longest refresh token that a request may carry, in its body as here.
const TOKEN_MAX: usize = 512;

/// No browser keeps a longer one (ASVS 3.3.5): name, value and attributes.
const COOKIE_MAX: usize = 4_096;

/// Name, `=`, token, attributes and a `Max-Age` of twenty digits.
const _: () = assert!(NAME.len() + TOKEN_MAX + ATTRIBUTES.len() + 40 <= COOKIE_MAX);

/// Where the refresh token travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In the body, unless the client asks for something else.
    Body,
    /// In a cookie.
    Cookie,
}

/// The client chose a transport that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Countersign-Transport is cookie, body or left out")]
pub struct UnknownTransport;

/// The cookie is there more than once, or is none that was ever set here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cookie was not set by this service")]
pub struct BadCookie;

impl Transport {
    /// What the client chose. A choice that is misspelt is refused: it would
    /// put the token where a script can read it.
    pub fn of(headers: &HeaderMap) -> Result<Self, UnknownTransport> {
        let mut values = headers.get_all(TRANSPORT).iter();
        match (values.next().map(HeaderValue::as_bytes), values.next()) {
            (None | Some(b"body"), None) => Ok(Self::Body),
            (Some(b"cookie"), None) => Ok(Self::Cookie),
            _ => Err(UnknownTransport),
        }
    }
}

/// The refresh token that a browser sent, if it sent one.
///
/// Several of the name are refused instead of one being chosen: the second may
/// be somebody else's, to whose account the person would then be working.
pub fn read(headers: &HeaderMap) -> Result<Option<Secret>, BadCookie> {
    let mut found = None;
    // HTTP/2 may split the field at any cookie (RFC 9113 section 8.2.3).
    for field in headers.get_all(header::COOKIE) {
        for pair in field.as_bytes().split(|byte| *byte == b';') {
            let Some(equals) = pair.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            let (name, value) = (&pair[..equals], &pair[equals + 1..]);
            // Some servers take names in any case, and browsers guard the
            // prefix in any case, so a second one could hide in its spelling.
            if !name.trim_ascii().eq_ignore_ascii_case(NAME.as_bytes()) {
                continue;
            }
            let token = token(value.trim_ascii())?;
            if name.trim_ascii() != NAME.as_bytes() || found.replace(token).is_some() {
                return Err(BadCookie);
            }
        }
    }
    Ok(found.map(Secret::new))
}

/// A value that can be one of our tokens: base64url and its prefix need no
/// quotes, no escapes and nothing that could end the cookie.
fn token(value: &[u8]) -> Result<&str, BadCookie> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    if value.is_empty() || value.len() > TOKEN_MAX || !value.iter().all(plain) {
        return Err(BadCookie);
    }
    str::from_utf8(value).map_err(|_| BadCookie)
}

/// The `Set-Cookie` that hands a refresh token to a browser.
pub fn set(refresh_token: &str, max_age_seconds: u64) -> Result<HeaderValue, BadCookie> {
    let token = token(refresh_token.as_bytes())?;
    let text = format!("{NAME}={token}; {ATTRIBUTES}; Max-Age={max_age_seconds}");
    let mut value = HeaderValue::try_from(text).map_err(|_| BadCookie)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The `Set-Cookie` that takes it away.
pub fn clear() -> HeaderValue {
    HeaderValue::from_static(
        "__Host-countersign=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fields: &[&str]) -> Result<Option<String>, BadCookie> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(
                header::COOKIE,
                HeaderValue::from_str(field).expect("a value"),
            );
        }
        Ok(read(&headers)?.map(|token| token.expose().to_owned()))
    }

    #[test]
    fn ab_03_the_cookie_has_exactly_these_attributes() {
        let value = set("csr_AbC-_9", 604_800).expect("a token");
        assert!(value.is_sensitive());
        assert_eq!(
            value.to_str().expect("ASCII"),
            "__Host-countersign=csr_AbC-_9; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=604800"
        );
        let cleared = clear();
        let cleared = cleared.to_str().expect("ASCII");
        assert_eq!(cleared, format!("{NAME}=; {ATTRIBUTES}; Max-Age=0"));
        let longest = set(&"x".repeat(TOKEN_MAX), u64::MAX).expect("a token");
        assert!(longest.len() <= COOKIE_MAX);
    }

    #[test]
    fn ab_03_no_value_can_add_an_attribute() {
        for token in [
            "",
            "a b",
            "a;Domain=example.com",
            "a; Path=/x",
            "a\r\nset-cookie: b",
            "a,b",
            "\"a\"",
            "ä",
            "a=",
        ] {
            assert_eq!(set(token, 1).err(), Some(BadCookie), "{token:?}");
        }
        assert!(set(&"x".repeat(TOKEN_MAX + 1), 1).is_err());
    }

    #[test]
    fn what_was_set_is_read() {
        let token = Ok(Some("csr_AbC-_9".to_owned()));
        assert_eq!(sent(&["__Host-countersign=csr_AbC-_9"]), token);
        assert_eq!(
            sent(&["a=b; __Host-countersign=csr_AbC-_9;c=\"d;e\""]),
            token
        );
        assert_eq!(sent(&["a=b", "__Host-countersign=csr_AbC-_9", "c"]), token);
        for others in [
            &[][..],
            &[""],
            &[";;=;"],
            &["countersign=x; __Host-countersign2=x; __Host-=x"],
            &["__Secure-countersign=x"],
        ] {
            assert_eq!(sent(others), Ok(None), "{others:?}");
        }
        let shown = format!("{:?}", {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_static("__Host-countersign=csr_secret");
            headers.insert(header::COOKIE, value);
            read(&headers)
        });
        assert!(!shown.contains("csr_secret"), "{shown}");
    }

    #[test]
    fn ab_01_a_second_cookie_or_a_strange_value_is_refused() {
        let long = format!("{NAME}={}", "x".repeat(TOKEN_MAX + 1));
        for fields in [
            &["__Host-countersign=a; __Host-countersign=a"][..],
            &["__Host-countersign=a; __Host-countersign=b"],
            &["__Host-countersign=a", "__Host-countersign=b"],
            &["__Host-countersign=a; x=y; __host-COUNTERSIGN=b"],
            &["__HOST-countersign=a"],
            &["__Host-countersign="],
            &["__Host-countersign=\"a\""],
            &["__Host-countersign=a b"],
            &["__Host-countersign=a=b"],
            &["__Host-countersign=%61"],
            &["__Host-countersign=a,b"],
            &[&long],
        ] {
            assert_eq!(sent(fields), Err(BadCookie), "{fields:?}");
        }
        let mut headers = HeaderMap::new();
        let bytes = HeaderValue::from_bytes(b"__Host-countersign=a\xff").expect("a value");
        headers.insert(header::COOKIE, bytes);
        assert_eq!(read(&headers).err(), Some(BadCookie));
    }

    #[test]
    fn a_client_chooses_the_cookie_in_one_spelling() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(TRANSPORT, HeaderValue::from_static(value));
            }
            Transport::of(&headers)
        };
        assert_eq!(of(&[]), Ok(Transport::Body));
        assert_eq!(of(&["body"]), Ok(Transport::Body));
        assert_eq!(of(&["cookie"]), Ok(Transport::Cookie));
        for wrong in [&["cookies"][..], &[""], &["Cookie"], &["cookie", "cookie"]] {
            assert_eq!(of(wrong), Err(UnknownTransport), "{wrong:?}");
        }
    }
}
