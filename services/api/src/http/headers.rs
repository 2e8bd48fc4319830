//! The headers that every answer carries.

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The name of the request id's header, in lower case.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("countersign-request-id");

/// `Cross-Origin-Resource-Policy` (Fetch, section 3.7).
pub const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// `Cross-Origin-Opener-Policy`, for pages (HTML, section 7.1.3).
pub const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What an answer may load, run and be framed by, if it is not a page: nothing
/// (CSP level 3).
const CSP_NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/// One year, the least that ASVS 3.4.1 accepts.
const HSTS: &str = "max-age=31536000; includeSubDomains";

/// The security headers, made once.
#[derive(Debug, Clone)]
pub struct SecurityHeaders {
    /// On every answer, whatever a handler said.
    fixed: Vec<(HeaderName, HeaderValue)>,
    /// On every answer whose handler did not choose its own.
    preset: [(HeaderName, HeaderValue); 4],
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
        }
    }

    /// Adds them to an answer's headers.
    pub fn apply(&self, headers: &mut HeaderMap) {
        headers.reserve(self.fixed.len() + self.preset.len() + 1);
        for (name, value) in &self.fixed {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.preset {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }

    /// Every header and its preset value, for an answer that is written before
    /// there is a request.
    pub(super) fn all(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.fixed.iter().chain(&self.preset)
    }
}
