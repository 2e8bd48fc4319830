//! Which pages may have a browser change something here (Fetch Metadata,
//! RFC 6454): those of our own origin, and those that the operator has named.
//!
//! What is our own is configuration. `Host` is not asked: whoever can rebind a
//! name or sits behind the same proxy can choose it.

use std::net::Ipv6Addr;

use countersign_openapi::ProblemCode;
use poem::http::{HeaderMap, HeaderName, Method, header};

use super::problem::Problem;

/// `Sec-Fetch-Site` (Fetch Metadata, section 2.4).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The longest name of a host (RFC 1035 section 2.3.4).
const HOST_MAX: usize = 253;

/// A scheme, a host and a port: what browsers keep apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: Scheme,
    /// In lower case; an IPv6 address with its brackets.
    host: String,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// The origins whose pages may change something.
#[derive(Debug, Clone)]
pub struct AllowedOrigins {
    own: Origin,
    others: Vec<Origin>,
}

/// The configuration names something that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no origin, for example https://app.example.com")]
pub struct BadOrigin(String);

/// A browser says that the page of another site is behind the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request comes from another site")]
pub struct CrossSite;

impl Origin {
    /// Exactly an origin as browsers write it: no path, no slash at its end,
    /// no user, no space.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let (scheme, usual) = if scheme.eq_ignore_ascii_case("https") {
            (Scheme::Https, 443)
        } else if scheme.eq_ignore_ascii_case("http") {
            (Scheme::Http, 80)
        } else {
            return None;
        };
        let (host, port) = match authority.rsplit_once(':') {
            // The colons inside an IPv6 address come before its bracket.
            Some((host, port)) if !port.ends_with(']') => (host, parse_port(port)?),
            _ => (authority, usual),
        };
        let host = parse_host(host)?;
        Some(Self { scheme, host, port })
    }

    /// The origin of a URL that may have a path.
    fn of_url(url: &str) -> Option<Self> {
        let authority = url.find("://")? + 3;
        let end = url[authority..].find(['/', '?', '#']);
        Self::parse(end.map_or(url, |end| &url[..authority + end]))
    }
}

/// A port in its one spelling: `parse` alone would take `+80` and `080`.
fn parse_port(text: &str) -> Option<u16> {
    let port: u16 = text.parse().ok()?;
    (port > 0 && !text.starts_with(['+', '0'])).then_some(port)
}

/// A host in its one spelling.
fn parse_host(text: &str) -> Option<String> {
    if let Some(inside) = text.strip_prefix('[') {
        let address: Ipv6Addr = inside.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_name = !text.is_empty() && text.len() <= HOST_MAX && text.bytes().all(plain);
    is_name.then(|| text.to_ascii_lowercase())
}

impl AllowedOrigins {
    /// `issuer` is the public URL of the service, which may have a path;
    /// `others` are origins.
    pub fn new<'a>(
        issuer: &str,
        others: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, BadOrigin> {
        let own = Origin::of_url(issuer).ok_or_else(|| BadOrigin(issuer.to_owned()))?;
        let parse = |text: &str| Origin::parse(text).ok_or_else(|| BadOrigin(text.to_owned()));
        let others = others.into_iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { own, others })
    }
}

/// Refuses a request that changes something and that a browser sends on behalf
/// of a page that is not ours.
///
/// Programs that are no browsers send neither header and pass: they have no
/// cookies that somebody else's page could make use of. `Sec-Fetch-Site` and
/// `Origin` have to agree: `none` is the person at the address bar, and
/// a sibling subdomain (`same-site`) is as foreign as any other.
pub fn cross_site(
    method: &Method,
    headers: &HeaderMap,
    allowed: &AllowedOrigins,
) -> Result<(), CrossSite> {
    if method.is_safe() {
        return Ok(());
    }
    let origin = match only(headers, &header::ORIGIN)? {
        Some(text) => Some(Origin::parse(text).ok_or(CrossSite)?),
        None => None,
    };
    if origin
        .as_ref()
        .is_some_and(|origin| allowed.others.contains(origin))
    {
        // The operator trusts it; which site it belongs to makes no odds.
        return Ok(());
    }
    if origin.is_some_and(|origin| origin != allowed.own) {
        return Err(CrossSite);
    }
    match only(headers, &SEC_FETCH_SITE)? {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(CrossSite),
    }
}

/// The one value of a header. Two are one too many: whichever is believed, a
/// proxy in between may have believed the other.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, CrossSite> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| CrossSite),
        (Some(_), Some(_)) => Err(CrossSite),
    }
}

impl From<CrossSite> for Problem {
    fn from(_: CrossSite) -> Self {
        Self::new(ProblemCode::CsrfInvalid)
            .detail("The request comes from a page of another origin, which may not make it.")
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn allowed() -> AllowedOrigins {
        let others = ["https://app.example.com", "http://127.0.0.1:3000"];
        AllowedOrigins::new("https://id.example.com/auth", others).expect("origins")
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        headers
    }

    fn asked(fields: &[(&'static str, &str)]) -> bool {
        cross_site(&Method::POST, &headers(fields), &allowed()).is_ok()
    }

    #[test]
    fn programs_that_are_no_browsers_pass() {
        assert!(asked(&[]));
        assert!(asked(&[
            ("host", "evil.example"),
            ("referer", "https://evil.example/")
        ]));
    }

    #[test]
    fn our_own_pages_and_those_of_named_origins_pass() {
        for origin in [
            "https://id.example.com",
            "https://ID.example.COM",
            "HTTPS://id.example.com:443",
            "https://app.example.com",
            "http://127.0.0.1:3000",
        ] {
            assert!(asked(&[("origin", origin)]), "{origin}");
        }
        let own = ("origin", "https://id.example.com");
        assert!(asked(&[("sec-fetch-site", "same-origin")]));
        assert!(asked(&[("sec-fetch-site", "none")]));
        assert!(asked(&[own, ("sec-fetch-site", "same-origin")]));
        for site in ["same-site", "cross-site"] {
            let named = ("origin", "https://app.example.com");
            assert!(asked(&[named, ("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn ab_06_a_page_of_another_origin_is_refused() {
        for origin in [
            "https://evil.example",
            "http://id.example.com",
            "https://id.example.com:8443",
            "https://id.example.com:80",
            "https://example.com",
            "https://www.id.example.com",
            "https://id.example.com.evil.example",
            "https://evilid.example.com",
            "https://id.example.com.",
            "http://app.example.com",
            "http://127.0.0.1",
            "http://localhost:3000",
            "https://[::1]",
        ] {
            assert!(!asked(&[("origin", origin)]), "{origin}");
            let fields = [("origin", origin), ("sec-fetch-site", "same-origin")];
            assert!(!asked(&fields), "{origin}");
        }
        for site in ["cross-site", "same-site", "same-origin ", "None", "x", ""] {
            assert!(!asked(&[("sec-fetch-site", site)]), "{site}");
            let own = ("origin", "https://id.example.com");
            assert!(!asked(&[own, ("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn ab_06_what_cannot_be_understood_is_refused() {
        for origin in [
            "null",
            "NULL",
            "",
            " ",
            "https://",
            "https://id.example.com/",
            "https://id.example.com/auth",
            "https://id.example.com https://evil.example",
            "https://id.example.com, https://evil.example",
            "https://ada@id.example.com",
            "https://id.example.com:",
            "https://id.example.com:0443",
            "https://id.example.com:+443",
            "https://id.example.com:65979",
            "https://id.example.com#",
            "https://id.example.com\\",
            "https:/id.example.com",
            "//id.example.com",
            "id.example.com",
            "file://",
            "chrome-extension://abcdef",
            "https://[::1",
            "https://[::1]]",
            "https://[::1%25lo]",
        ] {
            assert!(!asked(&[("origin", origin)]), "{origin}");
        }
        let own = ("origin", "https://id.example.com");
        assert!(!asked(&[own, own]), "two, though the same");
        assert!(!asked(&[own, ("origin", "https://evil.example")]));
        let site = ("sec-fetch-site", "same-origin");
        assert!(!asked(&[site, site]));
        let mut headers = HeaderMap::new();
        let bytes = HeaderValue::from_bytes(b"https://id.example.com\xff").expect("a value");
        headers.insert(header::ORIGIN, bytes);
        assert_eq!(
            cross_site(&Method::POST, &headers, &allowed()),
            Err(CrossSite)
        );
    }

    #[test]
    fn only_what_changes_nothing_is_never_refused() {
        let evil = headers(&[
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ]);
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(cross_site(&method, &evil, &allowed()), Ok(()), "{method}");
        }
        let brew = Method::from_bytes(b"BREW").expect("a method");
        for method in [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            brew,
        ] {
            let result = cross_site(&method, &evil, &allowed());
            assert_eq!(result, Err(CrossSite), "{method}");
        }
    }

    #[test]
    fn the_configuration_is_read_strictly() {
        for issuer in ["", "id.example.com", "ftp://id.example.com", "https:///x"] {
            assert!(AllowedOrigins::new(issuer, []).is_err(), "{issuer}");
        }
        for other in ["*", "null", "https://*.example.com", "https://a.example/"] {
            let made = AllowedOrigins::new("https://id.example.com", [other]);
            assert_eq!(made.expect_err(other), BadOrigin(other.to_owned()));
        }
        let loopback = AllowedOrigins::new("http://[::1]:8080", []).expect("an origin");
        for (origin, expected) in [
            ("http://[::1]:8080", Ok(())),
            ("http://[0:0::1]:8080", Ok(())),
            ("http://[::1]", Err(CrossSite)),
            ("http://[::2]:8080", Err(CrossSite)),
        ] {
            let headers = headers(&[("origin", origin)]);
            let result = cross_site(&Method::POST, &headers, &loopback);
            assert_eq!(result, expected, "{origin}");
        }
    }

    #[test]
    fn the_answer_is_csrf_invalid() {
        assert_eq!(Problem::from(CrossSite).code(), ProblemCode::CsrfInvalid);
    }
}
