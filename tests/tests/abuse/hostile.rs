//! Text that is meant for somebody's terminal, and headers that lie.

use serde_json::json;

use crate::support::{PASSWORD, SignedIn, World, email, logged};

const HOSTILE: [&str; 9] = [
    "\u{1b}]0;owned\u{7}",
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}]52;c;cm0gLXJm\u{7}",
    "\u{9b}2J",
    "\u{7f}\u{8}\u{8}",
    "one\r\ntwo level=ERROR forged",
    "\u{202e}drowssap",
    "nul\u{0}byte",
    "=cmd|' /C calc'!A0",
];

#[tokio::test]
async fn ab_72_names_and_programs_with_control_characters_reach_no_log_and_break_no_answer() {
    let log = logged();
    let world = World::start().await;
    let operator = world.operator().await;
    for (index, hostile) in HOSTILE.iter().enumerate() {
        let address = email("eve");
        let form = json!({ "email": address, "password": PASSWORD, "display_name": hostile });
        let answer = world.post("/v1/auth/register", &form).send().await;
        if answer.status == 400 {
            answer.clone().refused(400, "validation_failed");
            world.register(&address).await;
        } else {
            assert_eq!(answer.json()["account"]["display_name"], *hostile);
        }
        // What a header can carry of it: everything but line ends and NUL.
        let agent: Vec<u8> = hostile
            .bytes()
            .filter(|byte| *byte >= 0x20 && *byte != 0x7f)
            .collect();
        let form = json!({ "email": address, "password": PASSWORD });
        let call = world
            .post("/v1/auth/login", &form)
            .header_bytes("user-agent", &agent);
        let eve = SignedIn::of(&call.send().await.expect(200));
        world
            .patch("/v1/me", &json!({ "display_name": hostile }))
            .by(&eve.access)
            .send()
            .await;
        world.try_login(hostile, hostile).await;
        world.refresh(hostile).await;
        for path in [
            "/v1/me/sessions",
            "/v1/admin/sessions",
            "/v1/admin/accounts",
        ] {
            let by = if path.starts_with("/v1/me") {
                &eve
            } else {
                &operator
            };
            let answer = world
                .get(path)
                .by(&by.access)
                .at(&eve.position)
                .send()
                .await
                .expect(200);
            let raw = answer
                .body
                .iter()
                .find(|byte| **byte < 0x20 || **byte == 0x7f);
            assert!(
                raw.is_none_or(|byte| *byte == 0x7f),
                "{index}: {raw:?} in {path}"
            );
        }
        let reason = json!({ "reason": hostile });
        let path = format!("/v1/admin/sessions/{}/revoke", eve.session);
        world.post(&path, &reason).by(&operator.access).send().await;
    }
    let long = "\u{1b}[31m".repeat(2_000);
    let form = json!({ "email": email("eve"), "password": PASSWORD, "display_name": long });
    world
        .post("/v1/auth/register", &form)
        .send()
        .await
        .refused(400, "validation_failed");
    let answer = world
        .get("/healthz")
        .agent(&"x".repeat(10_240))
        .send()
        .await
        .expect(200);
    assert_eq!(
        answer.header("content-type").split(';').next(),
        Some("application/json")
    );

    let text = log.text();
    let bad = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    for line in text.lines() {
        assert!(!line.contains(bad), "{}", line.escape_debug());
        assert!(
            !line.contains("owned") && !line.contains("forged\""),
            "{line}"
        );
    }
    world.projected().await;
}

#[tokio::test]
async fn ab_71_only_a_trusted_proxy_says_where_somebody_is() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let form = json!({ "email": address, "password": PASSWORD });
    let hops = vec!["10.1.2.3"; 1_000].join(", ");
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-for", "a"),
        ("x-forwarded-for", &hops),
        ("x-forwarded-for", ",,,"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9;proto=https"),
        ("true-client-ip", "203.0.113.9"),
        ("x-forwarded-host", "evil.example"),
    ] {
        let call = world.post("/v1/auth/login", &form).header(name, value);
        let ada = SignedIn::of(&call.send().await.expect(200));
        let list = world
            .get("/v1/me/sessions")
            .by(&ada.access)
            .at(&ada.position)
            .send()
            .await;
        assert_eq!(list.items()[0]["ip"], "127.0.0.1", "{name}: {value:.40}");
        let wrong = json!({ "email": address, "password": "wrong-horse-battery" });
        let call = world.post("/v1/auth/login", &wrong).header(name, value);
        call.send().await.refused(401, "invalid_credentials");
        world
            .get("/v1/me")
            .header(name, value)
            .send()
            .await
            .refused(401, "token_missing");
    }
}

#[tokio::test]
async fn ab_71_behind_a_trusted_proxy_the_last_stranger_counts() {
    let world = World::with(&[("trusted_proxies", "127.0.0.0/8, 10.0.0.0/8")]).await;
    let address = email("ada");
    world.register(&address).await;
    let form = json!({ "email": address, "password": PASSWORD });
    let hops = vec!["10.1.2.3"; 1_000].join(", ");
    for (value, seen) in [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("a", "127.0.0.1"),
        ("203.0.113.9, a", "127.0.0.1"),
        (&hops, "127.0.0.1"),
    ] {
        let call = world
            .post("/v1/auth/login", &form)
            .header("x-forwarded-for", value);
        let ada = SignedIn::of(&call.send().await.expect(200));
        let list = world
            .get("/v1/me/sessions")
            .by(&ada.access)
            .at(&ada.position)
            .send()
            .await;
        assert_eq!(list.items()[0]["ip"], seen, "{value:.40}");
    }
}
