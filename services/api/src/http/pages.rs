//! What the service serves as it is: the documents about itself
//! (`/openapi.json`, `/docs`, a page for each problem code) and any page that
//! it is given.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};

use bytes::Bytes;
use countersign_openapi::{ProblemCode, ProblemDetails};
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Body, Response};
use serde_json::{Value, json};

use super::headers::CORP;

/// Documents that never change while the process lives, by path.
///
/// Each has an entity tag, and `If-None-Match` is answered with 304. Empty by
/// default: an operator may not want them public (ASVS 13.4.5).
#[derive(Debug, Default)]
pub struct Pages {
    by_path: HashMap<String, Page>,
}

#[derive(Debug)]
struct Page {
    body: Bytes,
    headers: HeaderMap,
}

/// The bundled Swagger UI could not be taken apart: poem-openapi has changed
/// its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bundled Swagger UI is not laid out as expected")]
pub struct SwaggerUiError;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// May be kept, must be asked about each time.
const REVALIDATE: &str = "public, no-cache";
/// May be used for an hour without asking.
const HOUR: &str = "public, max-age=3600";

impl Pages {
    /// `/openapi.json` with `spec`, and `/problems/<code>` for every code.
    pub fn new(spec: impl Into<String>) -> Self {
        let mut pages = Self::default();
        // Tools on other origins read the document.
        pages.add("/openapi.json", JSON, Bytes::from(spec.into()), REVALIDATE);
        pages.set("/openapi.json", CORP, "cross-origin");
        for code in ProblemCode::ALL {
            let facts = code.facts();
            let page = json!({
                "code": facts.name,
                "status": facts.status,
                "title": facts.title,
                "description": facts.description,
            });
            let path = ProblemDetails::type_of(code);
            pages.add(&path, JSON, Bytes::from(page.to_string()), HOUR);
        }
        pages
    }

    /// Adds `/docs`: the Swagger UI that poem-openapi bundles, reading
    /// `/openapi.json`.
    ///
    /// `bundled` is `OpenApiService::swagger_ui_html()`. That page has
    /// everything inline, which only a policy that allows inline scripts could
    /// run, and shows the document before it was finished. So its script and
    /// its style are served as files, beside a page and a start script of
    /// ours, under a policy that runs and loads nothing from elsewhere.
    pub fn with_docs(mut self, spec: &str, bundled: String) -> Result<Self, SwaggerUiError> {
        let bundled = Bytes::from(bundled);
        let style = between(&bundled, "<style charset=\"UTF-8\">", "</style>")?;
        let script = between(&bundled, "<script charset=\"UTF-8\">", "</script>")?;
        let spec: Value = serde_json::from_str(spec).unwrap_or_default();
        let title = escape(spec["info"]["title"].as_str().unwrap_or("API"));
        self.add("/docs/swagger-ui.css", CSS, style, HOUR);
        self.add("/docs/swagger-ui.js", SCRIPT, script, HOUR);
        self.add(
            "/docs/start.js",
            SCRIPT,
            Bytes::from_static(START.as_bytes()),
            HOUR,
        );
        let page = Bytes::from(PAGE.replace("{title}", &title));
        self.add("/docs", HTML, page, REVALIDATE);
        self.set("/docs", header::CONTENT_SECURITY_POLICY, &policy(&spec));
        Ok(self)
    }

    /// Adds a page that is nobody's to keep, whose scripts, styles and calls
    /// are all its own origin's, and whose forms only a script can send.
    #[must_use]
    pub fn with_page(mut self, path: &str, html: &'static str) -> Self {
        self.add(path, HTML, Bytes::from_static(html.as_bytes()), "no-store");
        self.set(path, header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
        self
    }

    /// Adds a script that pages load.
    #[must_use]
    pub fn with_script(mut self, path: &str, script: &'static str) -> Self {
        let body = Bytes::from_static(script.as_bytes());
        self.add(path, SCRIPT, body, REVALIDATE);
        self
    }

    /// Adds a stylesheet that pages load.
    #[must_use]
    pub fn with_style(mut self, path: &str, style: &'static str) -> Self {
        self.add(path, CSS, Bytes::from_static(style.as_bytes()), REVALIDATE);
        self
    }

    fn add(&mut self, path: &str, content_type: &'static str, body: Bytes, cache: &'static str) {
        let mut hasher = DefaultHasher::new();
        hasher.write(&body);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        if let Ok(tag) = HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())) {
            headers.insert(header::ETAG, tag);
        }
        self.by_path.insert(path.to_owned(), Page { body, headers });
    }

    fn set(&mut self, path: &str, name: HeaderName, value: &str) {
        if let (Some(page), Ok(value)) = (self.by_path.get_mut(path), HeaderValue::try_from(value))
        {
            page.headers.insert(name, value);
        }
    }

    /// The answer to a request for `path`, if there is such a page. `Err` for
    /// a method that a page does not have.
    pub(crate) fn answer(
        &self,
        method: &Method,
        path: &str,
        known: Option<&HeaderValue>,
    ) -> Option<Result<Response, &'static str>> {
        let page = self.by_path.get(path)?;
        if method != Method::GET {
            return Some(Err("GET, HEAD"));
        }
        let tag = page.headers.get(header::ETAG);
        let unchanged = known.zip(tag).is_some_and(|(known, tag)| {
            let mut known = known.as_bytes().split(|byte| *byte == b',');
            // A proxy that compressed the page has weakened its tag; that is
            // no difference here (RFC 9110 section 8.8.3.2).
            known.any(|one| {
                let one = one.trim_ascii();
                one.strip_prefix(b"W/").unwrap_or(one) == tag.as_bytes()
            })
        });
        let mut response = if unchanged {
            Response::from(StatusCode::NOT_MODIFIED)
        } else {
            Response::builder().body(Body::from_bytes(page.body.clone()))
        };
        *response.headers_mut() = page.headers.clone();
        Some(Ok(response))
    }
}

/// What a page of [`Pages::with_page`] may do.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// What the page of the docs may do: run and style itself from here, and call
/// the API here or at the servers that the document names. Swagger UI needs no
/// inline script or style (tried in Chromium 156), only icons in `data:` URLs.
fn policy(spec: &Value) -> String {
    let mut connect = "'self'".to_owned();
    for server in spec["servers"].as_array().into_iter().flatten() {
        let url = server["url"].as_str().unwrap_or_default();
        let plain = url
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b":/.-[]_".contains(&b));
        if plain && (url.starts_with("https://") || url.starts_with("http://")) {
            connect.push(' ');
            connect.push_str(url);
        }
    }
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; \
         img-src 'self' data:; connect-src {connect}; form-action 'none'; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

/// The part of `text` between the first `start` and the next `end`, shared.
fn between(text: &Bytes, start: &str, end: &str) -> Result<Bytes, SwaggerUiError> {
    let page = std::str::from_utf8(text).map_err(|_| SwaggerUiError)?;
    let from = page.find(start).ok_or(SwaggerUiError)? + start.len();
    let length = page[from..].find(end).ok_or(SwaggerUiError)?;
    Ok(text.slice(from..from + length))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="ui"></div>
<script src="docs/swagger-ui.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"#;

const START: &str = r##"SwaggerUIBundle({
  dom_id: "#ui",
  url: "openapi.json",
  deepLinking: true,
  // No badge from validator.swagger.io.
  validatorUrl: null,
});
"##;
