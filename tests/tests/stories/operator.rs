//! What operators see and do.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, PASSWORD, SignedIn, World, email, program};

/// Nothing found.
const NOBODY: [Uuid; 0] = [];

/// A login behind the proxy, from an address and with a program.
async fn login_from(client: &Client, email: &str, ip: &str, agent: &str) -> SignedIn {
    let form = json!({ "email": email, "password": PASSWORD });
    let call = client
        .post("/v1/auth/login", &form)
        .header("x-forwarded-for", ip);
    SignedIn::of(&call.agent(agent).send().await.expect(200))
}

fn ids(rows: &[Value]) -> Vec<Uuid> {
    let id = |row: &Value| row["id"].as_str().and_then(|id| id.parse().ok());
    rows.iter().map(|row| id(row).expect("an id")).collect()
}

#[tokio::test]
async fn sessions_are_found_by_state_address_name_client_and_account() {
    let world = World::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let operator = world.operator().await;
    let (ada, grace) = (email("ada"), email("Grace.Hopper"));
    let a1 = world.register(&ada).await;
    let a2 = login_from(&world, &ada, "203.0.113.7", "phone/1").await;
    let a3 = login_from(&world, &ada, "2001:db8:1::9", "tablet/1").await;
    let g1 = world.register(&grace).await;
    let g2 = login_from(&world, &grace, "203.0.113.8", "phone/2").await;
    let left = world.logout(&g1.refresh).await.expect(204);
    world.projected().await;
    let _ = left;

    let list = async |query: &str| {
        let path = format!("/v1/admin/sessions?{query}");
        ids(&world.get(&path).by(&operator.access).send().await.items())
    };
    let account = format!("account_id={}", a1.account);
    assert_eq!(list(&account).await, [a3.session, a2.session, a1.session]);
    assert_eq!(list("state=revoked").await, [g1.session]);
    assert_eq!(
        list("state=active&ip=203.0.113.0/24").await,
        [g2.session, a2.session]
    );
    assert_eq!(list("ip=203.0.113.7").await, [a2.session]);
    assert_eq!(list("ip=2001:db8:1::/48").await, [a3.session]);
    assert_eq!(list("ip=198.51.100.0/24").await, NOBODY);
    assert_eq!(list("q=grace.hop").await, [g2.session, g1.session]);
    assert_eq!(list("q=GRACE&state=active").await, [g2.session]);
    assert_eq!(list("q=%25").await, NOBODY, "a wildcard is a letter");
    assert_eq!(list("q=_").await, NOBODY, "a wildcard is a letter");
    assert_eq!(list("client=first-party").await.len(), 6);
    assert_eq!(list("client=other").await, NOBODY);
    assert_eq!(list("state=expired").await, NOBODY);

    let row = world.get(&format!("/v1/admin/sessions/{}", a2.session));
    let row = row.by(&operator.access).send().await.expect(200).json();
    assert_eq!(row["email"], ada);
    assert_eq!(row["ip"], "203.0.113.7");
    assert_eq!(row["user_agent"], "phone/1");
    assert_eq!(row["client"], "first-party");
    assert_eq!(row["acr"], "aal1");
    for bad in ["state=dead", "ip=nowhere", "ip=10.0.0.0/99", "account_id=x"] {
        let path = format!("/v1/admin/sessions?{bad}");
        world
            .get(&path)
            .by(&operator.access)
            .send()
            .await
            .refused(400, "validation_failed");
    }
}

#[tokio::test]
async fn pages_meet_every_session_and_account_once_newest_first() {
    let world = World::start().await;
    let operator = world.operator().await;
    let mut expected = vec![operator.session];
    let mut accounts = vec![operator.account];
    for name in 0..4 {
        let address = email(&format!("p{name}"));
        let first = world.register(&address).await;
        accounts.insert(0, first.account);
        expected.insert(0, first.session);
        expected.insert(0, world.login(&address).await.session);
    }
    world.projected().await;
    for (path, expected) in [
        ("/v1/admin/sessions", &expected),
        ("/v1/admin/accounts", &accounts),
    ] {
        for limit in [1, 2, 3, 200] {
            let (mut found, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = world.get(&format!("{path}?limit={limit}{cursor}"));
                let page = page.by(&operator.access).send().await;
                assert!(page.items().len() <= limit);
                found.extend(ids(&page.items()));
                match page.next() {
                    None => break,
                    Some(next) => cursor = format!("&after={next}"),
                }
            }
            assert_eq!(&found, expected, "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_session_is_ended_with_a_reason_that_only_operators_read() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    let ada = world.register(&address).await;
    let next = ada.renewed(&world.refresh(&ada.refresh).await);
    let path = format!("/v1/admin/sessions/{}/revoke", ada.session);
    let reason = json!({ "reason": "stolen laptop, incident 311" });
    let done = world
        .post(&path, &reason)
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    for token in [&ada.access, &next.access] {
        world.verify(token).await.refused(401, "token_revoked");
    }
    for token in [&ada.refresh, &next.refresh] {
        world.refresh(token).await.refused(401, "session_revoked");
    }
    let row = world.get(&format!("/v1/admin/sessions/{}", ada.session));
    let row = row
        .by(&operator.access)
        .at(&done.position())
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(row["state"], "revoked");
    assert_eq!(row["ended"]["by"], operator.account.to_string());
    assert_eq!(row["ended"]["reason"], "revoked_by_operator");
    assert_eq!(row["ended"]["note"], reason["reason"]);
    world.projected().await;
    let now = world.now();
    for path in [
        format!("/v1/admin/sessions?account_id={}", ada.account),
        format!("/v1/admin/sessions?account_id={}&as_of={now}", ada.account),
        format!("/v1/admin/sessions/{}?as_of={now}", ada.session),
    ] {
        let read = world.get(&path).by(&operator.access).send().await;
        let read = read.expect(200).text();
        assert!(read.contains("incident 311"), "{path}: {read}");
    }
    let show = ["sessions", "show", &ada.session.to_string()];
    let said = program(&world, &operator, &show).await.ended(0);
    assert!(said.out.contains("laptop, incident 311"), "{}", said.out);
    let again = world.login(&address).await;
    for path in ["/v1/me/sessions", "/v1/me/export"] {
        let own = world.get(path).by(&again.access).at(&again.position);
        let own = own.send().await.expect(200).text();
        assert!(own.contains("revoked_by_operator"), "{path}: {own}");
        assert!(!own.contains("incident 311"), "{path}: {own}");
    }
    let events = world.get(&format!("/v1/admin/sessions/{}/events", ada.session));
    let events = events.by(&operator.access).send().await;
    assert_eq!(
        events.items()[2]["actor"]["id"],
        operator.account.to_string()
    );
    // Opened for operators, and sealed in the event itself.
    assert_eq!(events.items()[2]["note"], reason["reason"]);
    let payload = events.items()[2]["payload"].to_string();
    assert!(!payload.contains("incident 311"), "{payload}");
    let mut models = world.read_models().await;
    assert_eq!(
        models.session(ada.session).await,
        Some((2, Some("revoked_by_operator".into())))
    );

    let before = world.ends().await;
    world
        .post(&path, &reason)
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    assert_eq!(world.ends().await, before, "it was over already");
    let unknown = format!("/v1/admin/sessions/{}/revoke", Uuid::from_u128(9));
    world
        .post(&unknown, &reason)
        .by(&operator.access)
        .send()
        .await
        .refused(404, "not_found");
    for bad in [
        json!({}),
        json!({ "reason": "" }),
        json!({ "reason": "x".repeat(201) }),
        json!({ "reason": 1 }),
    ] {
        let answer = world.post(&path, &bad).by(&operator.access).send().await;
        assert_eq!(answer.code(), "validation_failed", "{bad}");
    }
}

#[tokio::test]
async fn support_ends_sessions_but_does_not_read_the_log() {
    let world = World::start().await;
    let support = world.somebody(&["user", "support"]).await;
    let ada = world.register(&email("ada")).await;
    for path in ["/v1/admin/events", "/v1/admin/projections"] {
        world
            .get(path)
            .by(&support.access)
            .send()
            .await
            .refused(403, "insufficient_permissions");
    }
    for path in [
        "/v1/admin/sessions",
        "/v1/admin/accounts",
        "/v1/admin/overview",
    ] {
        world.get(path).by(&support.access).send().await.expect(200);
    }
    let path = format!("/v1/admin/sessions/{}/revoke", ada.session);
    let reason = json!({ "reason": "asked on the phone" });
    world
        .post(&path, &reason)
        .by(&support.access)
        .send()
        .await
        .expect(204);
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
}

#[tokio::test]
async fn the_numbers_are_those_of_what_happened() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    let ada = world.register(&address).await;
    world.login(&address).await;
    world.logout(&ada.refresh).await.expect(204);
    for _ in 0..3 {
        world
            .try_login(&address, "wrong-horse-battery")
            .await
            .refused(401, "invalid_credentials");
    }
    world.projected().await;
    let numbers = world
        .get("/v1/admin/overview")
        .by(&operator.access)
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(numbers["accounts"], 2);
    assert_eq!(numbers["sessions_active"], 2);
    assert_eq!(numbers["logins_15m"], 3);
    assert_eq!(numbers["logins_24h"], 3);
    assert_eq!(numbers["logins_failed_15m"], 3);
    assert_eq!(numbers["sessions_ended_24h"], 1);
    let projections = numbers["projections"].as_array().expect("a list");
    assert_eq!(projections.len(), 3);
    for (shard, end) in projections.iter().zip(world.ends().await) {
        assert_eq!(shard["state"], "running", "{shard}");
        assert_eq!(shard["lag_events"], 0, "{shard}");
        assert_eq!(shard["position"], format!("{}.{end}", shard["shard"]));
    }
    // Counted once for all who ask within a moment.
    let again = world.get("/v1/admin/overview").by(&operator.access);
    assert_eq!(again.send().await.expect(200).json()["at"], numbers["at"]);
    let path = format!("/v1/admin/accounts/{}", ada.account);
    let account = world.get(&path).by(&operator.access).send().await;
    assert_eq!(account.expect(200).json()["sessions_active"], 1);
    let metrics = world.get("/metrics").send().await.expect(200).text();
    assert!(
        metrics.contains("countersign_logins_total{outcome=\"wrong_password\"} 3"),
        "{metrics}"
    );
}
