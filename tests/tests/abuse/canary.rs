//! Where secrets and personal data end up.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use countersign_log::VaultKey;
use serde_json::json;

use crate::support::{Answer, Registered, SignedIn, World, logged, nats_folder};

const SECRET: &str = "Canary-pw-8fQ2xZ7w";
const WRONG: &str = "Canary-wrong-5kD9vB3n";
const ADDRESS: &str = "canary.6tY1uR4e@people.example";
const NAME: &str = "Canary Name 0jH7gF5s";
const AGENT: &str = "canary-agent/2mN8bV6c";
const REASON: &str = "canary reason 3pL0oK9i";
const IP: &str = "198.51.100.213";

/// The text as it is and as base64 would hide it.
fn shapes(text: &str) -> Vec<Vec<u8>> {
    let mut shapes = vec![text.as_bytes().to_vec()];
    // Base64 looks different at each of three offsets; the middle is the same.
    for offset in 0..3 {
        let padded = format!("{}{text}", "x".repeat(offset));
        let encoded = STANDARD_NO_PAD.encode(&padded);
        let middle = &encoded[4..encoded.len() - 4];
        // What is short stands somewhere by chance.
        if middle.len() >= 10 {
            shapes.push(middle.as_bytes().to_vec());
        }
    }
    shapes
}

fn holds(haystack: &[u8], text: &str) -> bool {
    let found = |needle: &Vec<u8>| {
        haystack
            .windows(needle.len())
            .any(|window| window == needle.as_slice())
    };
    shapes(text).iter().any(found)
}

/// Every byte of every file below.
fn bytes_below(folder: &Path, all: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            bytes_below(&path, all);
        } else if path.extension().is_none_or(|extension| extension != "conf") {
            // A file may go away meanwhile.
            all.extend(fs::read(&path).unwrap_or_default());
        }
    }
}

async fn walk(world: &World, answers: &mut Vec<Answer>) -> Vec<SignedIn> {
    let form = json!({ "email": ADDRESS, "password": SECRET, "display_name": NAME });
    let call = |path: &str, body| {
        let call = world.post(path, &body).agent(AGENT);
        call.header("x-forwarded-for", IP)
    };
    let registered = SignedIn::of(
        &call("/v1/auth/register", form.clone())
            .send()
            .await
            .expect(201),
    );
    answers.push(call("/v1/auth/register", form).send().await.expect(409));
    let login = json!({ "email": ADDRESS, "password": SECRET });
    let login = SignedIn::of(&call("/v1/auth/login", login).send().await.expect(200));
    let wrong = json!({ "email": ADDRESS, "password": WRONG });
    answers.push(call("/v1/auth/login", wrong).send().await.expect(401));
    let weak = json!({ "email": "x@people.example", "password": "password", "display_name": NAME });
    answers.push(call("/v1/auth/register", weak).send().await);
    let extra = json!({ "email": ADDRESS, "password": SECRET, "secret": WRONG });
    answers.push(call("/v1/auth/login", extra).send().await.expect(400));
    let typed = json!({ "email": [ADDRESS], "password": { "x": SECRET } });
    answers.push(call("/v1/auth/login", typed).send().await.expect(400));
    let torn = format!("{{\"email\":\"{ADDRESS}\",\"password\":\"{SECRET}");
    answers.push(
        world
            .call("POST", "/v1/auth/login")
            .body("application/json", torn)
            .send()
            .await
            .expect(400),
    );
    let refreshed = call(
        "/v1/auth/refresh",
        json!({ "refresh_token": login.refresh }),
    );
    let refreshed = login.renewed(&refreshed.send().await);
    let forged = format!("{}x", &login.refresh[..login.refresh.len() - 1]);
    answers.push(
        call("/v1/auth/refresh", json!({ "refresh_token": forged }))
            .send()
            .await
            .expect(401),
    );
    let name = json!({ "display_name": format!("{NAME}!") });
    world
        .patch("/v1/me", &name)
        .by(&refreshed.access)
        .send()
        .await
        .expect(200);
    let missing = world
        .get(&format!("/v1/{ADDRESS}?password={SECRET}"))
        .by(&refreshed.access);
    answers.push(missing.send().await.expect(404));
    let filter = world
        .get(&format!("/v1/admin/sessions?q={ADDRESS}"))
        .by(&refreshed.access);
    answers.push(filter.send().await.expect(403));
    world.later(std::time::Duration::from_secs(11));
    answers.push(
        call(
            "/v1/auth/refresh",
            json!({ "refresh_token": login.refresh }),
        )
        .send()
        .await
        .expect(401),
    );
    answers.push(
        world
            .get("/v1/me")
            .by(&refreshed.access)
            .send()
            .await
            .expect(401),
    );
    vec![registered, login, refreshed]
}

/// Why somebody did something to a service or a key is as personal; what the
/// service has is secret.
async fn service_and_key(world: &World, operator: &SignedIn) -> (Registered, String) {
    let client = world.client_of(operator, &["a"], &["a"], &[]).await;
    let token = world.token_of(&client, &[]).await;
    assert!(world.is_active(&client, &token).await);
    let reason = json!({ "reason": REASON });
    let operate = async |path: &str, status: u16| {
        let call = world.post(path, &reason).by(&operator.access);
        call.send().await.expect(status)
    };
    operate(&format!("/v1/admin/clients/{}/disable", client.id), 204).await;
    let next = operate("/v1/admin/keys/rotate", 202).await.json();
    let kid = next["kid"].as_str().expect("a key id");
    operate(&format!("/v1/admin/keys/{kid}/revoke"), 200).await;
    (client, token)
}

#[tokio::test]
async fn ab_74_no_secret_is_anywhere_and_personal_data_only_where_it_can_be_erased() {
    let log = logged();
    let world = World::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let operator = world.operator().await;
    let mut errors = Vec::new();
    let sessions = walk(&world, &mut errors).await;
    let path = format!("/v1/admin/sessions/{}/revoke", sessions[0].session);
    world
        .post(&path, &json!({ "reason": REASON }))
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    // Whom an operator looks for, and why, is about people too.
    let form = json!({ "predicate": { "network": IP, "user_agent": AGENT },
        "reason": REASON, "wait": true });
    let order = world.post("/v1/admin/revocations", &form);
    order.by(&operator.access).send().await.expect(201);
    let (client, token) = service_and_key(&world, &operator).await;
    world.projected().await;

    let mut nats = Vec::new();
    bytes_below(&nats_folder(), &mut nats);
    assert!(
        holds(&nats, &sessions[0].account.to_string()),
        "these are the files"
    );
    let dump = world.read_models().await.dump().await;
    assert!(dump.contains(ADDRESS), "this is the database");
    let logged = log.bytes();
    assert!(!logged.is_empty());
    let metrics = world.get("/metrics").send().await.expect(200).text();
    assert!(errors.iter().all(|answer| answer.status >= 400));
    let errors: String = errors.iter().map(Answer::text).collect();
    let events = world
        .get("/v1/admin/events?limit=200")
        .by(&operator.access)
        .send()
        .await
        .text();
    let places: [(&str, &[u8]); 6] = [
        ("the NATS files", &nats),
        ("Postgres", dump.as_bytes()),
        ("the log lines", &logged),
        ("/metrics", metrics.as_bytes()),
        ("errors", errors.as_bytes()),
        ("/v1/admin/events", events.as_bytes()),
    ];

    let mut secrets = vec![SECRET.to_owned(), WRONG.to_owned(), "$argon2".to_owned()];
    for session in &sessions {
        let signature = session.access.rsplit('.').next().expect("a signature");
        secrets.extend([signature.to_owned(), session.refresh[4..].to_owned()]);
        // Also not without its prefix, as bytes.
        let bytes = URL_SAFE_NO_PAD
            .decode(&session.refresh[4..])
            .expect("base64url");
        let tag = STANDARD.encode(&bytes[bytes.len() - 30..]);
        secrets.push(tag);
    }
    let signature = token.rsplit('.').next().expect("a signature");
    secrets.extend([client.secret[4..].to_owned(), signature.to_owned()]);
    for name in ["email-index-key", "refresh-token-key"] {
        let key = world
            .log
            .vault()
            .get(VaultKey::Named(name))
            .await
            .expect("the vault")
            .expect("a key");
        secrets.push(STANDARD.encode(&key[..30]));
        let raw = nats
            .windows(key.len())
            .any(|window| window == key.as_slice());
        assert!(!raw, "{name} lies open in the NATS files");
    }
    for secret in &secrets {
        for (place, bytes) in places {
            assert!(!holds(bytes, secret), "a secret in {place}: {secret}");
        }
    }
    for personal in [ADDRESS, NAME, AGENT, REASON, IP] {
        for (place, bytes) in places.iter().filter(|(place, _)| *place != "Postgres") {
            assert!(
                !holds(bytes, personal),
                "personal data in {place}: {personal}"
            );
        }
    }
}
