//! The example services, started as their users start them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::{Client, ISSUER, SignedIn, World, email, eventually, stack};

/// The stated bound.
const BOUND: Duration = Duration::from_secs(2);

/// A running example.
struct Example {
    client: Client,
    child: Child,
}

impl Example {
    /// Starts a program that was built beside this test.
    async fn start(world: &World, operator: &SignedIn, program: &str) -> Self {
        let test = std::env::current_exe().expect("this test knows its own file");
        let folder = test.ancestors().nth(2).expect("target/<profile>/deps");
        let path = folder.join(program);
        assert!(
            path.is_file(),
            "{} is missing: run make test",
            path.display()
        );
        let (id, secret) = client(world, operator, program).await;
        let nats = stack().endpoints.nats_url.expose_secret();
        let mut child = Command::new(path)
            .env("COUNTERSIGN_ISSUER", ISSUER)
            .env("COUNTERSIGN_URL", &world.client.url)
            .env("COUNTERSIGN_AUDIENCE", "countersign")
            .env("COUNTERSIGN_CLIENT_ID", id)
            .env("COUNTERSIGN_CLIENT_SECRET", secret)
            .env("COUNTERSIGN_NATS_URL", nats)
            .env("COUNTERSIGN_PREFIX", world.log.prefix())
            .env("COUNTERSIGN_NAME", program)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let output = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let line = lines.next_line().await.expect("text").expect("a line");
        let url = line.strip_prefix("ready ").expect("its address");
        let example = Self {
            client: Client::new(url.to_owned()),
            child,
        };
        let knows = async || example.client.get("/healthz").send().await.json()["ready"] == true;
        eventually(Duration::from_secs(20), knows).await;
        example
    }

    async fn orders(&self, token: &str) -> crate::support::Answer {
        self.client.get("/orders").by(token).send().await
    }

    /// Stops it as an operating system does, without a word.
    fn pause(&self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        let signal = rustix::process::Signal::STOP;
        rustix::process::kill_process(pid.expect("it runs"), signal).expect("it is stopped");
    }
}

/// A service that may hear of revocations: its id and secret.
async fn client(world: &World, operator: &SignedIn, name: &str) -> (String, String) {
    let body = json!({
        "name": name,
        "serves": ["countersign"],
        "audiences": ["countersign"],
        "scopes": ["revocations:read"],
    });
    let register = world.post("/v1/admin/clients", &body).by(&operator.access);
    let id = register.send().await.expect(201).json()["id"].clone();
    let id = id.as_str().expect("an id").to_owned();
    let path = format!("/v1/admin/clients/{id}/secrets");
    let added = world.post(&path, &json!({})).by(&operator.access);
    let secret = added.send().await.expect(200).json()["secret"].clone();
    (id, secret.as_str().expect("a secret").to_owned())
}

async fn revoke(
    world: &World,
    operator: &SignedIn,
    session: &str,
    wait: bool,
) -> serde_json::Value {
    let path = format!("/v1/admin/sessions/{session}/revoke");
    let body = json!({"reason": "phished", "wait": wait});
    let answer = world.post(&path, &body).by(&operator.access).send().await;
    assert!(answer.status < 300, "{}", answer.text());
    if wait { answer.json() } else { json!(null) }
}

#[tokio::test(flavor = "multi_thread")]
async fn example_services_refuse_a_revoked_session_within_the_bound() {
    let world = World::start().await;
    let operator = world.operator().await;
    let axum = Example::start(&world, &operator, "orders-axum").await;
    let poem = Example::start(&world, &operator, "orders-poem").await;
    for example in [&axum, &poem] {
        let ada = world.register(&email("ada")).await;
        example.client.get("/orders").send().await.expect(401);
        let orders = example.orders(&ada.access).await.expect(200).json();
        assert_eq!(orders["owner"], ada.account.to_string());
        revoke(&world, &operator, &ada.session.to_string(), false).await;
        let acknowledged = Instant::now();
        let refused = async || example.orders(&ada.access).await.status == 401;
        eventually(BOUND, refused).await;
        assert!(acknowledged.elapsed() < BOUND);
        let refused = example.orders(&ada.access).await.expect(401);
        let challenge = refused.header("www-authenticate");
        assert!(challenge.contains("invalid_token"), "{challenge}");
        // Nobody else is refused with her.
        let bob = world.register(&email("bob")).await;
        example.orders(&bob.access).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_example_service_asks_for_two_factors_where_money_moves() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    for program in ["orders-axum", "orders-poem"] {
        let example = Example::start(&world, &operator, program).await;
        let refund = |token: &str| {
            let call = example.client.post_nothing("/orders/7/refund");
            call.by(token).send()
        };
        let refused = refund(&ada.access).await.expect(401);
        let challenge = refused.header("www-authenticate");
        assert!(challenge.contains(r#"acr_values="aal2""#), "{challenge}");
        // The operator has just shown two factors.
        refund(&operator.access).await.expect(200);
    }
}

/// Every service that checks tokens has applied it when `wait` returns, or is
/// named.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_names_exactly_the_verifier_that_was_stopped() {
    let world = World::start().await;
    let operator = world.operator().await;
    let axum = Example::start(&world, &operator, "orders-axum").await;
    let poem = Example::start(&world, &operator, "orders-poem").await;
    let ada = world.register(&email("ada")).await;
    let answer = revoke(&world, &operator, &ada.session.to_string(), true).await;
    assert_eq!(answer["applied"]["behind"], json!([]), "{answer}");
    // Both examples, and the service itself.
    assert_eq!(answer["applied"]["verifiers"], 3, "{answer}");
    // It has been said that all refuse her, so they do, at once.
    axum.orders(&ada.access).await.expect(401);
    poem.orders(&ada.access).await.expect(401);

    poem.pause();
    let bob = world.register(&email("bob")).await;
    let answer = revoke(&world, &operator, &bob.session.to_string(), true).await;
    let behind = answer["applied"]["behind"].as_array().expect("a list");
    let names: Vec<_> = behind.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["orders-poem"], "{answer}");
    axum.orders(&bob.access).await.expect(401);
}
