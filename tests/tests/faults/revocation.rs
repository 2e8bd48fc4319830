//! Orders to end many sessions, whose instance is killed.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use tokio::task::JoinSet;

use super::deployment::{Deployment, ready};
use super::http::{Call, Person, get, login, post, refresh, verify};
use super::http::{PASSWORD, Service};
use super::wait::{note, until};

const REVOCATIONS: &str = "/v1/admin/revocations";

/// Longer than it takes until an order is given to somebody else.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sessions of a few people, who share the cost of their passwords.
async fn sign_in(service: &Service, people: usize, each: usize) -> Vec<Person> {
    let mut all = Vec::new();
    for number in 0..people {
        let email = format!("many.{number}@example.com");
        all.push(service.register(&email).await);
        let mut logins = JoinSet::new();
        for _ in 0..each {
            let (service, email) = (service.clone(), email.clone());
            logins.spawn(async move {
                let answer = service.ask(&login(&email, PASSWORD)).await.expect(200);
                Person::of(&email, &answer)
            });
        }
        all.extend(logins.join_all().await);
    }
    all
}

fn seen(id: &str, by: &Person) -> Call {
    get(format!("{REVOCATIONS}/{id}")).bearer(&by.access)
}

/// `kill -9` of the instance that took an order, right after its answer: the
/// order is carried out by the next one, each session ends once, and the count
/// is right.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_outlives_the_instance_that_took_it() {
    an_order_is_carried_out_after("revocation", async |_| ()).await;
}

/// The same, and NATS has forgotten who reads what, as it does when streams
/// are restored from a copy.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_outlives_the_consumers_that_would_give_it_out() {
    an_order_is_carried_out_after("forgotten", async |deployment| {
        let streams = deployment.streams().await;
        let mut names = streams.stream_names();
        let mut forgotten = 0;
        while let Some(name) = names.next().await {
            let name = name.expect("a list");
            let stream = streams
                .get_stream_no_info(&name)
                .await
                .expect("it is there");
            forgotten += u32::from(stream.delete_consumer("revocation").await.is_ok());
        }
        assert!(forgotten > 0, "there were none");
    })
    .await;
}

async fn an_order_is_carried_out_after(label: &str, harm: impl AsyncFnOnce(&Deployment)) {
    let deployment = Deployment::start(label).await;
    let mut projector = deployment.project().await;
    let mut doomed = deployment.serve().await;
    let operator = deployment.operator(&doomed.service).await;
    let people = sign_in(&doomed.service, 5, 7).await;
    let form = json!({"predicate": {"client": "first-party"}, "reason": "incident 311"});
    // The read models may still be on their way.
    let (given, _) = until("it is taken in", PATIENCE, async || {
        let call = post(REVOCATIONS, form.clone()).bearer(&operator.access);
        let answer = doomed.service.ask(&call).await;
        match answer.status {
            202 => Ok(answer),
            _ => Err(format!("{answer:?}")),
        }
    })
    .await;
    doomed.process.kill();
    harm(&deployment).await;
    let id = given.text("id").to_owned();
    let other = deployment.serve_on(doomed.port).await;
    ready(&other.service).await;
    let (done, took) = until("it is carried out", PATIENCE, async || {
        let answer = other.service.ask(&seen(&id, &operator)).await;
        match answer.text("state") {
            "completed" => Ok(answer),
            _ => Err(format!("{answer:?}")),
        }
    })
    .await;
    note(&format!("carried out {took:?} after the next start"));
    // The operator's own session is spared.
    let matched = people.len();
    assert_eq!(done.body["matched"], matched, "{done:?}");
    assert_eq!(done.body["failed"], 0, "{done:?}");
    assert_eq!(done.body["ended"], matched, "each counted once: {done:?}");
    for person in &people {
        let answer = other.service.ask(&refresh(&person.refresh)).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        let answer = other.service.ask(&verify(&person.access)).await;
        assert_eq!(answer.code(), "token_revoked", "{answer:?}");
        let path = format!("/v1/admin/sessions/{}/events", person.session);
        let call = get(path).bearer(&operator.access);
        let events = other.service.ask(&call).await.expect(200);
        let events = events.body["items"].as_array().expect("a page").clone();
        let ends = events.iter().filter(|event| event["name"] == "ended");
        assert_eq!(ends.count(), 1, "{events:?}");
    }
    other
        .service
        .ask(&verify(&operator.access))
        .await
        .expect(200);
    projector.stop().await;
    deployment.stop().await;
}
