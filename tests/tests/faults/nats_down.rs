//! Without NATS nothing can be written, which is said at once, and tokens are
//! verified all the same. SECURITY.md R-09.

use std::time::{Duration, Instant};

use countersign::stack::{Child, Signal};
use serde_json::json;

use super::deployment::{Deployment, Instance, ready};
use super::http::PASSWORD;
use super::http::{
    Call, Person, Service, get, login, logout, post, refresh, register, send, verify,
};
use super::process::Process;
use super::wait::{note, until};

/// An outage must be told within this time.
const TOLD: Duration = Duration::from_secs(1);

/// Everything works again within this time.
const BACK: Duration = Duration::from_secs(5);

/// A revocation reaches the other instance within this time.
const REVOKED: Duration = Duration::from_millis(250);

/// Fails unless the call is answered 503 `unavailable` with `Retry-After`, in
/// time. One of two tries may be slow: other tests use the machine, too.
async fn told(service: &Service, call: &Call) -> Duration {
    let first = service.ask(call).await;
    assert!(
        first.is_unavailable(),
        "{} {}: {first:?}",
        call.method,
        call.path
    );
    if first.took <= TOLD {
        return first.took;
    }
    let second = service.ask(call).await;
    assert!(
        second.is_unavailable(),
        "{} {}: {second:?}",
        call.method,
        call.path
    );
    assert!(
        second.took <= TOLD,
        "{} {}: told after {:?} and {:?}",
        call.method,
        call.path,
        first.took,
        second.took
    );
    second.took
}

/// What writes, for somebody the service knows and somebody it must look up.
fn writes(known: &Person, cold: &Person) -> Vec<Call> {
    let name = json!({"display_name": "Ada"});
    vec![
        login(&known.email, PASSWORD),
        login(&cold.email, PASSWORD),
        login("nobody@example.com", PASSWORD),
        register("new@example.com"),
        refresh(&known.refresh),
        refresh(&cold.refresh),
        logout(&known.refresh),
        logout(&cold.refresh),
        post("/v1/auth/logout-all", json!({})).bearer(&known.access),
        send(reqwest::Method::PATCH, "/v1/me", name).bearer(&known.access),
    ]
}

/// Everything about an outage of NATS that must hold while it lasts.
async fn holds(label: &str, service: &Service, known: &Person, cold: &Person) {
    let mut slowest = Duration::ZERO;
    for call in writes(known, cold) {
        slowest = slowest.max(told(service, &call).await);
    }
    // Read from the log, so it is either known or told.
    let me = service.ask(&get("/v1/me").bearer(&known.access)).await;
    assert!(me.status == 200 || me.is_unavailable(), "{me:?}");
    assert!(me.took <= TOLD * 2, "{me:?}");
    let mut verified = Duration::ZERO;
    for person in [known, cold] {
        for _ in 0..50 {
            let answer = service.ask(&verify(&person.access)).await.expect(200);
            assert_eq!(answer.text("session_id"), person.session);
            verified = verified.max(answer.took);
        }
    }
    service.ask(&verify("no.real.token")).await.expect(401);
    for path in ["/.well-known/jwks.json", "/healthz", "/openapi.json"] {
        service.ask(&get(path)).await.expect(200);
    }
    note(&format!(
        "{label}: told after {slowest:?} at most, verified after {verified:?} at most"
    ));
}

/// Ends sessions at one instance and measures when the other refuses them.
/// The first is the one that shows whether the feed is attached again.
async fn revocations_arrive(label: &str, one: &Service, other: &Service, people: &[Person]) {
    let mut times = Vec::new();
    for person in people {
        other.ask(&verify(&person.access)).await.expect(200);
        one.ask(&logout(&person.refresh)).await.expect(204);
        let ended = Instant::now();
        let call = verify(&person.access);
        until("the other instance refuses it", BACK, async || {
            other.wants(&call, 401).await
        })
        .await;
        times.push(ended.elapsed());
        let refused = other.ask(&call).await.expect(401);
        assert_eq!(refused.code(), "token_revoked");
    }
    note(&format!("{label}: revoked after {times:?}"));
    let mut sorted = times.clone();
    sorted.sort_unstable();
    assert!(sorted[sorted.len() / 2] <= REVOKED, "{label}: {times:?}");
    assert!(
        times[0] <= REVOKED * 2,
        "{label}: right after the outage: {times:?}"
    );
}

async fn works_again(label: &str, services: [&Service; 2], person: &Person) {
    let started = Instant::now();
    for service in services {
        let call = login(&person.email, PASSWORD);
        until(label, BACK, async || service.wants(&call, 200).await).await;
        ready(service).await;
    }
    let took = started.elapsed();
    note(&format!("{label}: works again after {took:?}"));
    assert!(took <= BACK, "{label}: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_09_ab_79_without_nats_writes_are_told_off_and_verification_goes_on() {
    let deployment = Deployment::start("nats-down").await;
    let one = deployment.serve().await;
    let Instance {
        service: two,
        process: _two,
        ..
    } = deployment.serve().await;
    let one = &one.service;
    let known = one.register("known@example.com").await;
    let cold = two.register("cold@example.com").await;
    let mut later = Vec::new();
    for round in 0..2 {
        let mut people = Vec::new();
        for number in 0..3 {
            people.push(
                one.register(&format!("later.{round}.{number}@example.com"))
                    .await,
            );
        }
        later.push(people);
    }

    // Gone: nobody listens.
    deployment.hold_down(Child::Nats).await;
    until(
        "readiness tells",
        Duration::from_secs(2),
        async || match one.readiness("log").await {
            (503, check) if check["state"] == "down" => Ok(()),
            (status, check) => Err(format!("{status} {check}")),
        },
    )
    .await;
    holds("NATS gone", one, &known, &cold).await;
    deployment.release(Child::Nats).await;
    works_again("NATS is back", [one, &two], &known).await;
    revocations_arrive("NATS is back", one, &two, &later[0]).await;

    // Hung: connections stay open, and nobody answers.
    deployment.signal(Child::Nats, Signal::STOP).await;
    holds("NATS hangs", one, &known, &cold).await;
    let ((), noticed) = until(
        "readiness tells",
        Duration::from_secs(15),
        async || match one.readiness("log").await {
            (503, check) if check["state"] == "down" => Ok(()),
            (status, check) => Err(format!("{status} {check}")),
        },
    )
    .await;
    note(&format!(
        "NATS hangs: readiness tells {noticed:?} after the calls above"
    ));
    // Noticed or not, the bounds are the same.
    holds("NATS hangs, and is known to", one, &known, &cold).await;
    deployment.signal(Child::Nats, Signal::CONT).await;
    works_again("NATS goes on", [one, &two], &known).await;
    revocations_arrive("NATS goes on", one, &two, &later[1]).await;

    // What was not acknowledged may have been stored, but is never half done:
    // whoever was told off can do it now.
    one.ask(&login(&known.email, PASSWORD)).await.expect(200);
    let again = one.ask(&register("new@example.com")).await;
    assert!(
        again.status == 201 || again.code() == "email_taken",
        "{again:?}"
    );
    deployment.stop().await;
}

/// A short hang, shorter than anything notices: tokens are verified through it
/// at full speed, and what was being written is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_nats_does_not_touch_verification() {
    let deployment = Deployment::start("pause").await;
    let one = deployment.serve().await;
    let two = deployment.serve().await;
    let person = one.service.register("paused@example.com").await;
    let ends = one.service.register("ends@example.com").await;
    two.service.ask(&verify(&person.access)).await.expect(200);

    deployment.signal(Child::Nats, Signal::STOP).await;
    let paused = Instant::now();
    let writing = {
        let (service, call) = (one.service.clone(), logout(&ends.refresh));
        tokio::spawn(async move { service.ask(&call).await })
    };
    let (mut verified, mut slowest) = (0_u32, Duration::ZERO);
    while paused.elapsed() < Duration::from_secs(3) {
        for service in [&one.service, &two.service] {
            let answer = service.ask(&verify(&person.access)).await.expect(200);
            slowest = slowest.max(answer.took);
            verified += 1;
        }
    }
    deployment.signal(Child::Nats, Signal::CONT).await;
    note(&format!(
        "paused: {verified} verified, the slowest in {slowest:?}"
    ));
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let unknown = writing.await.expect("no panic");
    assert!(unknown.is_unavailable(), "{unknown:?}");

    // The append was in the server's buffer when it was stopped: its outcome
    // was unknown, and repeating the command settles it.
    let call = logout(&ends.refresh);
    until("the session ends", BACK, async || {
        one.service.wants(&call, 204).await
    })
    .await;
    let refused = verify(&ends.access);
    for service in [&one.service, &two.service] {
        until("it is refused", BACK, async || {
            service.wants(&refused, 401).await
        })
        .await;
    }
    one.service.ask(&verify(&person.access)).await.expect(200);
    deployment.stop().await;
}

/// A service that cannot prove that no revocation is missing lets nobody in
/// for longer than it was told to, whoever is to blame.
#[tokio::test(flavor = "multi_thread")]
async fn r_09_a_service_without_nats_refuses_once_it_is_too_stale() {
    let deployment = Deployment::start("blind").await;
    let arguments = ["serve", "--listen", "127.0.0.1:0"];
    let mut command = deployment.command(&arguments);
    command.env("COUNTERSIGN_MAX_STALENESS_SECONDS", "3");
    let mut process = Process::start("serve", command, deployment.folder());
    let line = process.try_ready().await.expect("it listens");
    let url = line.strip_prefix("countersign ready ").expect("its URL");
    let service = Service::new(url);
    ready(&service).await;
    let person = service.register("blind@example.com").await;
    let call = verify(&person.access);
    service.ask(&call).await.expect(200);

    deployment.hold_down(Child::Nats).await;
    let (refused, took) = until("it refuses", Duration::from_secs(8), async || {
        let answer = service.ask(&call).await;
        if answer.is_unavailable() {
            Ok(answer)
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await;
    note(&format!("blind after {took:?}"));
    assert!(refused.is_unavailable());
    let open = [
        "/healthz",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
    ];
    for path in open {
        service.ask(&get(path)).await.expect(200);
    }
    let (status, check) = service.readiness("revocations").await;
    assert_eq!((status, &check["state"]), (503, &json!("down")), "{check}");

    deployment.release(Child::Nats).await;
    until("it accepts again", Duration::from_secs(15), async || {
        service.wants(&call, 200).await
    })
    .await;
    deployment.stop().await;
}
