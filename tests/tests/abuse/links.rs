//! Links in mails: where they lead, and what looking at them does.

use serde_json::json;

use crate::support::mailbox::{RESET, VERIFY};
use crate::support::{Mailbox, PASSWORD, email};

const OTHER: &str = "copper-Meadow-73-whistle";

#[tokio::test]
async fn ab_34_links_lead_to_the_configured_origin_whatever_a_request_says() {
    let (world, mailbox) = Mailbox::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let evil = "evil.example";
    for (name, value) in [
        ("host", evil),
        ("x-forwarded-host", evil),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "6666"),
        ("x-original-url", "https://evil.example/"),
        ("forwarded", "for=192.0.2.1;host=evil.example;proto=http"),
        ("referer", "https://evil.example/"),
    ] {
        let address = email("ada");
        let form = json!({ "email": address, "password": PASSWORD });
        let call = world.post("/v1/auth/register", &form).header(name, value);
        call.send().await.expect(201);
        let form = json!({ "email": address });
        let call = world.post("/v1/auth/password/forgot", &form);
        call.header(name, value).send().await.expect(202);
        for subject in [VERIFY, RESET] {
            let body = mailbox.open(&address, subject).await.body();
            assert!(!body.contains(evil), "{name}: {body}");
            assert!(!body.contains("6666"), "{name}: {body}");
            let links: Vec<&str> = body.split("://").skip(1).collect();
            assert!(links.len() >= 2, "as text and as HTML: {body}");
            for (before, link) in body.split("://").zip(links) {
                assert!(before.ends_with("https"), "{name}: {body}");
                let host = link.split(['/', '"', '<', '\r', '\n', ' ']).next();
                let host = host.map(|host| host.trim_end_matches(['.', ',']));
                assert_eq!(host, Some("id.people.example"), "{name}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn ab_36_looking_at_a_link_uses_nothing_up() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let address = email("ada");
    world.register(&address).await;
    let verify = mailbox.token(&address, VERIFY).await;
    world.forgot(&address).await.expect(202);
    let reset = mailbox.token(&address, RESET).await;
    let before = world.ends().await;
    for (page, token) in [("verify", &verify), ("reset", &reset), ("email", &reset)] {
        for path in [
            format!("/account/{page}"),
            format!("/account/{page}?token={token}"),
        ] {
            let page = world.get(&path).send().await.expect(200);
            assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
            assert!(!page.text().contains(token.as_str()), "{path}");
            world.call("HEAD", &path).send().await.expect(200);
        }
    }
    for path in ["/v1/auth/password/reset", "/v1/auth/email/verify"] {
        for method in ["GET", "HEAD"] {
            let call = world.call(method, &format!("{path}?token={reset}"));
            assert_eq!(call.send().await.status, 405, "{method} {path}");
        }
    }
    assert_eq!(world.ends().await, before);
    world.confirm_email(&verify).await.expect(204);
    world.reset_password(&reset, OTHER).await.expect(204);
    world.try_login(&address, OTHER).await.expect(200);
}

/// What a link carries stays with whoever opens it: no server, no log and no
/// other site sees the token.
#[tokio::test]
async fn ab_35_a_token_travels_in_the_fragment_and_leaks_to_nobody() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let address = email("ada");
    world.register(&address).await;
    world.forgot(&address).await.expect(202);
    for (subject, page) in [(VERIFY, "verify"), (RESET, "reset")] {
        let mail = mailbox.open(&address, subject).await;
        let token = mail.token().expect("a token");
        let body = mail.body();
        let link = format!("https://id.people.example/account/{page}#token={token}");
        let all = body.matches(token.as_str()).count();
        assert!(all >= 2, "as text and as HTML: {body}");
        assert_eq!(body.matches(&link).count(), all, "{body}");
    }
    for page in ["verify", "reset", "email"] {
        let page = world.get(&format!("/account/{page}")).send().await;
        let page = page.expect(200);
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cache-control"), "no-store");
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
    }
}
