//! The headers that every answer carries.

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The name of the request id's header, in lower case.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("countersign-request-id");

/// `Cross-Origin-Resource-Policy` (Fetch, section 3.7).
pub const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// `Cross-Origin-Opener-Policy`, for pages (HTML, section 7.1.3).
pub const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What an answer may load, run, send and be framed by, if it is not a page:
/// nothing. The last three do not follow from the first (CSP level 3, section
/// 6.2).
const CSP_NOTHING: &str =
    "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// One year, the least that ASVS 3.4.1 accepts.
const HSTS: &str = "max-age=31536000; includeSubDomains";

/// The security headers, made once.
#[derive(Debug, Clone)]
pub struct SecurityHeaders {
    /// On every answer, whatever a handler said.
    fixed: Vec<(HeaderName, HeaderValue)>,
    /// On every answer whose handler did not choose its own.
    preset: [(HeaderName, HeaderValue); 4],
    /// On every page whose handler did not choose its own.
    page: (HeaderName, HeaderValue),
    /// On every answer that sets a cookie, whatever a handler said.
    private: (HeaderName, HeaderValue),
}

impl SecurityHeaders {
    /// `https`: whether the configured public URL is an https one. Only then
    /// is `Strict-Transport-Security` sent (RFC 6797 section 7.2).
    pub fn new(https: bool) -> Self {
        let value = HeaderValue::from_static;
        let mut fixed = vec![(header::X_CONTENT_TYPE_OPTIONS, value("nosniff"))];
        if https {
            fixed.push((header::STRICT_TRANSPORT_SECURITY, value(HSTS)));
        }
        Self {
            fixed,
            preset: [
                (header::CACHE_CONTROL, value("no-store")),
                (header::REFERRER_POLICY, value("no-referrer")),
                (header::CONTENT_SECURITY_POLICY, value(CSP_NOTHING)),
                (CORP, value("same-origin")),
            ],
            page: (COOP, value("same-origin")),
            private: (header::CACHE_CONTROL, value("no-store")),
        }
    }

    /// Adds them to an answer's headers.
    pub fn apply(&self, headers: &mut HeaderMap) {
        headers.reserve(self.fixed.len() + self.preset.len() + 2);
        for (name, value) in &self.fixed {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.preset {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if is_html(headers) {
            let (name, value) = &self.page;
            headers.entry(name).or_insert_with(|| value.clone());
        }
        // A cache would hand one person's cookie to the next.
        if headers.contains_key(header::SET_COOKIE) {
            let (name, value) = &self.private;
            headers.insert(name, value.clone());
        }
    }

    /// Every header and its preset value, for an answer that is written before
    /// there is a request.
    pub(super) fn all(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.fixed.iter().chain(&self.preset)
    }
}

fn is_html(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.as_bytes().split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(b"text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(https: bool, chosen: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in chosen {
            headers.append(name, HeaderValue::from_static(value));
        }
        SecurityHeaders::new(https).apply(&mut headers);
        headers
    }

    /// What a policy says about a directive, which falls back on `default-src`
    /// if it is one of those that fetch.
    fn directive<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
        let policy = headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .expect("ASCII");
        let find = |name: &str| {
            let mut all = policy.split("; ").filter_map(|one| one.split_once(' '));
            all.find(|(known, _)| *known == name)
                .map(|(_, value)| value)
        };
        let fetches = name.ends_with("-src");
        find(name)
            .or_else(|| find("default-src").filter(|_| fetches))
            .unwrap_or_default()
    }

    #[test]
    fn ab_08_every_answer_has_them() {
        let headers = answer(true, &[(header::CONTENT_TYPE, "application/json")]);
        assert_eq!(headers[header::STRICT_TRANSPORT_SECURITY], HSTS);
        let age = HSTS.strip_prefix("max-age=").expect("an age");
        let (age, scope) = age.split_once("; ").expect("a scope");
        assert!(age.parse::<u64>().expect("seconds") >= 31_536_000);
        assert_eq!(scope, "includeSubDomains");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(headers[CORP], "same-origin");
        for name in [
            "object-src",
            "script-src",
            "form-action",
            "frame-ancestors",
            "base-uri",
        ] {
            assert_eq!(directive(&headers, name), "'none'", "{name}");
        }
        assert!(!headers.contains_key(COOP), "it is no page");
        let plain = answer(false, &[]);
        assert!(!plain.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn ab_08_a_page_is_kept_apart_from_whoever_opened_it() {
        for kind in ["text/html", "text/html; charset=utf-8", "Text/HTML ;x=y"] {
            let headers = answer(true, &[(header::CONTENT_TYPE, kind)]);
            assert_eq!(headers[COOP], "same-origin", "{kind}");
        }
        for kind in ["text/htmlx", "text/css", ""] {
            let headers = answer(true, &[(header::CONTENT_TYPE, kind)]);
            assert!(!headers.contains_key(COOP), "{kind}");
        }
    }

    #[test]
    fn ab_08_an_answer_with_a_cookie_is_never_kept() {
        let chosen = [
            (header::SET_COOKIE, "a=b"),
            (header::CACHE_CONTROL, "public, max-age=3600"),
        ];
        let headers = answer(true, &chosen);
        let all: Vec<_> = headers.get_all(header::CACHE_CONTROL).iter().collect();
        assert_eq!(all, ["no-store"]);
    }

    #[test]
    fn a_handler_may_choose_its_policy_but_not_sniffing() {
        let chosen = [
            (header::CONTENT_SECURITY_POLICY, "default-src 'self'"),
            (header::X_CONTENT_TYPE_OPTIONS, "sniff"),
        ];
        let headers = answer(true, &chosen);
        assert_eq!(directive(&headers, "object-src"), "'self'");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}
