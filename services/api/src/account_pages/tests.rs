//! What the pages promise that can be seen without a browser.

use poem::http::{HeaderMap, Method, StatusCode, header};

use super::{PAGES, add_to};
use crate::http::Pages;
use crate::http::headers::{COOP, SecurityHeaders};

const SCRIPT: &str = include_str!("account.js");
const STYLE: &str = include_str!("account.css");

fn pages() -> Pages {
    add_to(Pages::default())
}

/// The headers as they go out.
fn headers(path: &str) -> HeaderMap {
    let answer = pages().answer(&Method::GET, path, None);
    let mut answer = answer.expect("a page").expect("GET is allowed");
    assert_eq!(answer.status(), StatusCode::OK);
    SecurityHeaders::new(true).apply(answer.headers_mut());
    answer.headers().clone()
}

#[test]
fn ab_08_a_page_loads_and_frames_nothing_is_kept_nowhere_and_tells_nobody_where_it_was() {
    for (path, _) in PAGES {
        let headers = headers(path);
        assert_eq!(
            headers[header::CONTENT_SECURITY_POLICY],
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
        );
        assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[COOP], "same-origin");
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        assert!(!headers.contains_key(header::SET_COOKIE));
    }
    for (path, kind) in [
        ("/account/account.js", "text/javascript; charset=utf-8"),
        ("/account/account.css", "text/css; charset=utf-8"),
    ] {
        let headers = headers(path);
        assert_eq!(headers[header::CONTENT_TYPE], kind);
        assert_eq!(headers[header::CACHE_CONTROL], "public, no-cache");
    }
}

#[test]
fn ab_36_a_page_is_read_and_nothing_else() {
    for (path, _) in PAGES {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = pages().answer(&method, path, None).expect("a page");
            assert_eq!(answer.err(), Some("GET, HEAD"), "{method} {path}");
        }
    }
    // What runs by itself sends nothing: the one call is in the one function
    // that the form's handler alone calls.
    assert_eq!(SCRIPT.matches("fetch(").count(), 1);
    assert_eq!(SCRIPT.matches("send()").count(), 2);
    let handler = SCRIPT.find("addEventListener(\"submit\"").expect("it");
    let called = SCRIPT.rfind("send()").expect("it");
    assert!(handler < called, "only when the person has said so");
    for other in ["XMLHttpRequest", "sendBeacon", "WebSocket", ".submit("] {
        assert!(!SCRIPT.contains(other), "{other}");
    }
}

#[test]
fn nothing_comes_from_elsewhere_or_runs_inline_or_becomes_markup() {
    for (path, html) in PAGES {
        assert!(!html.contains("//"), "{path}");
        assert!(!html.contains("<style") && !html.contains("style="));
        let mut words = html.split([' ', '\n']);
        let handler = words.find(|word| word.starts_with("on") && word.contains('='));
        assert_eq!(handler, None, "{path}");
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains("<script src=\"account.js\" defer></script>"));
        assert!(html.contains("<link rel=\"stylesheet\" href=\"account.css\">"));
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    assert!(!SCRIPT.contains("://"));
    for markup in [
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "eval(",
        "write(",
    ] {
        assert!(!SCRIPT.contains(markup), "{markup}");
    }
    for kept in ["localStorage", "sessionStorage", "console."] {
        assert!(!SCRIPT.contains(kept), "{kept}");
    }
}

#[test]
fn every_page_can_be_read_aloud_and_worked_with_keys() {
    for (path, html) in PAGES {
        assert!(html.contains("<html lang=\"en\">"), "{path}");
        assert_eq!(html.matches("<main>").count(), 1);
        assert_eq!(html.matches("<h1>").count(), 1);
        assert!(html.contains("aria-live=\"polite\""), "{path}");
        assert!(html.contains("<noscript>"), "{path}");
        for input in html.split("<input id=\"").skip(1) {
            let (id, rest) = input.split_once('"').expect("an id");
            assert!(html.contains(&format!("<label for=\"{id}\">")), "{id}");
            let (attributes, _) = rest.split_once('>').expect("its end");
            assert!(attributes.contains("autocomplete=\"new-password\""), "{id}");
        }
    }
    let (_, reset) = PAGES[2];
    assert_eq!(reset.matches("<input").count(), 2);
}

#[test]
fn each_page_posts_where_its_token_belongs() {
    for ((path, html), endpoint) in PAGES.into_iter().zip([
        "/v1/auth/email/verify",
        "/v1/auth/email/verify",
        "/v1/auth/password/reset",
    ]) {
        assert!(
            html.contains(&format!("data-to=\"..{endpoint}\"")),
            "{path}"
        );
    }
}
