//! Without Postgres lists are off, and nothing else is: no security decision
//! reads it.

use std::time::{Duration, Instant};

use countersign::stack::{Child, Signal};
use countersign_api::Clock;
use serde_json::json;

use super::deployment::{Deployment, ready};
use super::http::{
    Call, PASSWORD, Person, Service, get, login, logout, post, refresh, register, send, verify,
};
use super::wait::{note, until};

/// An outage must be told within this time.
const TOLD: Duration = Duration::from_secs(1);

/// Everything works again within this time.
const BACK: Duration = Duration::from_secs(10);

fn lists(person: &Person, operator: &Person) -> Vec<Call> {
    let admin = ["sessions", "accounts", "overview", "projections"];
    let admin = admin.map(|name| get(format!("/v1/admin/{name}")).bearer(&operator.access));
    let session = format!("/v1/admin/sessions/{}", person.session);
    let mut calls = vec![
        get("/v1/me/sessions").bearer(&person.access),
        get("/v1/me/sessions")
            .bearer(&person.access)
            .at_least(&person.position),
        get(session).bearer(&operator.access),
    ];
    calls.extend(admin);
    calls
}

/// Fails unless all lists are told off in time; one of two tries may be slow.
async fn lists_are_off(label: &str, service: &Service, person: &Person, operator: &Person) {
    let mut slowest = Duration::ZERO;
    for call in lists(person, operator) {
        let mut best = TOLD * 10;
        for _ in 0..2 {
            let answer = service.ask(&call).await;
            assert!(
                answer.is_unavailable(),
                "{label}: {} {}: {answer:?}",
                call.method,
                call.path
            );
            best = best.min(answer.took);
        }
        assert!(
            best <= TOLD,
            "{label}: {} {}: {best:?}",
            call.method,
            call.path
        );
        slowest = slowest.max(best);
    }
    note(&format!(
        "{label}: lists told off after {slowest:?} at most"
    ));
}

/// All that needs the log only. Returns somebody who is signed in.
async fn the_rest_works(label: &str, service: &Service, operator: &Person) -> (Person, Person) {
    let started = Instant::now();
    let email = format!("{label}@example.com");
    let mut person = service.register(&email).await;
    let other = service.login(&email).await;
    let third = service.login(&email).await;
    person.renew(&service.ask(&refresh(&person.refresh)).await.expect(200));
    service.ask(&verify(&person.access)).await.expect(200);
    service.ask(&logout(&other.refresh)).await.expect(204);
    let refused = service.ask(&verify(&other.access)).await.expect(401);
    assert_eq!(refused.code(), "token_revoked");
    let me = service
        .ask(&get("/v1/me").bearer(&person.access))
        .await
        .expect(200);
    assert_eq!(me.text("email"), email);
    // What was is in the log.
    for path in [
        format!("/v1/admin/sessions/{}", person.session),
        format!("/v1/admin/sessions/{}/events", person.session),
    ] {
        let then = Clock::system().now();
        let then = get(format!("{path}?as_of={then}")).bearer(&operator.access);
        service.ask(&then).await.expect(200);
    }
    let name = json!({"display_name": "Grace"});
    let me = send(reqwest::Method::PATCH, "/v1/me", name).bearer(&person.access);
    assert_eq!(
        service.ask(&me).await.expect(200).text("display_name"),
        "Grace"
    );
    let reason = json!({"reason": "a test"});
    let revoke = post(
        format!("/v1/admin/sessions/{}/revoke", third.session),
        reason,
    );
    service
        .ask(&revoke.bearer(&operator.access))
        .await
        .expect(204);
    service.ask(&verify(&third.access)).await.expect(401);
    let events = get("/v1/admin/events").bearer(&operator.access);
    service.ask(&events).await.expect(200);
    let all = format!("{label}.all@example.com");
    let (leaving, left) = (service.register(&all).await, service.login(&all).await);
    let everywhere = post("/v1/auth/logout-all", json!({})).bearer(&leaving.access);
    service.ask(&everywhere).await.expect(204);
    for gone in [&leaving, &left] {
        service.ask(&verify(&gone.access)).await.expect(401);
        service.ask(&refresh(&gone.refresh)).await.expect(401);
    }
    note(&format!(
        "{label}: all that needs no lists took {:?}",
        started.elapsed()
    ));
    (person, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn r_10_without_postgres_only_lists_are_off() {
    let deployment = Deployment::start("postgres-down").await;
    let one = deployment.serve().await;
    let one = &one.service;
    let mut projector = deployment.project().await;
    let operator = deployment.operator(one).await;
    let before = one.register("before@example.com").await;
    let seen = get("/v1/me/sessions")
        .bearer(&before.access)
        .at_least(&before.position);
    one.ask(&seen).await.expect(200);

    deployment.hold_down(Child::Postgres).await;
    let (person, ended) = the_rest_works("gone", one, &operator).await;
    lists_are_off("Postgres gone", one, &before, &operator).await;
    until(
        "readiness tells",
        Duration::from_secs(6),
        async || match one.readiness("views").await {
            (200, check) if check["state"] == "degraded" => Ok(()),
            (status, check) => Err(format!("{status} {check}")),
        },
    )
    .await;

    // A service that starts now must not append before it has compared the log
    // with its anchor, but verifies.
    let mut late = deployment.serve_on(super::deployment::free_port()).await;
    late.service.ask(&verify(&person.access)).await.expect(200);
    let refused = late.service.ask(&verify(&ended.access)).await.expect(401);
    assert_eq!(
        refused.code(),
        "token_revoked",
        "a late service knows who is out"
    );
    let writes = [
        login(&person.email, PASSWORD),
        register("late@example.com"),
        refresh(&person.refresh),
        logout(&person.refresh),
        post("/v1/auth/logout-all", json!({})).bearer(&person.access),
    ];
    let end = one
        .ask(&get("/v1/admin/events?limit=1").bearer(&operator.access))
        .await
        .expect(200);
    for call in &writes {
        let answer = late.service.ask(call).await;
        assert!(
            answer.is_unavailable(),
            "{} {}: {answer:?}",
            call.method,
            call.path
        );
        assert!(
            answer.took <= TOLD,
            "{} {}: {answer:?}",
            call.method,
            call.path
        );
    }
    let after = one
        .ask(&get("/v1/admin/events?limit=1").bearer(&operator.access))
        .await
        .expect(200);
    assert_eq!(
        end.body["items"], after.body["items"],
        "nothing was appended"
    );
    let (status, check) = late.service.readiness("anchor").await;
    assert!(
        status == 503 && check["state"] == "down",
        "{status} {check}"
    );

    // Back: what is missing in the read models comes by itself, without a gap.
    deployment.release(Child::Postgres).await;
    let back = Instant::now();
    let call = login(&person.email, PASSWORD);
    until("the late service opens by itself", BACK, async || {
        late.service.wants(&call, 200).await
    })
    .await;
    let mine = get("/v1/me/sessions")
        .bearer(&person.access)
        .at_least(&person.position);
    let (list, _) = until("lists are back", BACK, async || one.wants(&mine, 200).await).await;
    note(&format!(
        "Postgres is back: lists after {:?}",
        back.elapsed()
    ));
    lists_are_right(&list.body["items"], &person, &ended);
    let session = get(format!("/v1/admin/sessions/{}", person.session)).bearer(&operator.access);
    let shown = one
        .ask(&session.at_least(&person.position))
        .await
        .expect(200);
    assert_eq!(
        shown.body["generation"],
        super::http::generation_of(&person.refresh)
    );
    late.process.stop().await;

    // Hung instead of gone. A list may have a connection that was good a
    // moment ago; it is not waited for.
    deployment.signal(Child::Postgres, Signal::STOP).await;
    let (person, ended) = the_rest_works("hung", one, &operator).await;
    lists_are_off("Postgres hangs", one, &before, &operator).await;
    deployment.signal(Child::Postgres, Signal::CONT).await;
    let mine = get("/v1/me/sessions")
        .bearer(&person.access)
        .at_least(&person.position);
    let (list, _) = until("lists are back", BACK, async || one.wants(&mine, 200).await).await;
    lists_are_right(&list.body["items"], &person, &ended);
    ready(one).await;
    projector.stop().await;
    deployment.stop().await;
}

/// Three sessions: one lives, one was logged out, one was revoked.
fn lists_are_right(items: &serde_json::Value, live: &Person, ended: &Person) {
    let items = items.as_array().expect("a list");
    let find = |id: &str| {
        let found = items.iter().find(|item| item["id"] == id);
        found.unwrap_or_else(|| panic!("{id} is not among {items:?}"))
    };
    assert_eq!(find(&live.session)["state"], "active");
    assert_eq!(find(&ended.session)["state"], "revoked");
    assert_eq!(find(&ended.session)["ended"]["reason"], "logout");
    let revoked = items
        .iter()
        .filter(|item| item["state"] == "revoked")
        .count();
    assert_eq!(revoked, 2, "{items:?}");
}
