//! Orders to end every session of a kind.

mod applied;
mod job;
mod paths;
mod predicate;
mod same;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Client, PASSWORD, PATIENCE, SignedIn, World, eventually};

const REVOCATIONS: &str = "/v1/admin/revocations";

/// A login behind the proxy, from an address and with a program.
async fn login_from(client: &Client, email: &str, ip: &str, agent: &str) -> SignedIn {
    let form = json!({ "email": email, "password": PASSWORD });
    let call = client
        .post("/v1/auth/login", &form)
        .header("x-forwarded-for", ip);
    SignedIn::of(&call.agent(agent).send().await.expect(200))
}

/// What an order of this predicate would end.
async fn preview(client: &Client, by: &SignedIn, predicate: Value) -> Value {
    let form = json!({ "predicate": predicate, "dry_run": true });
    let answer = client.post(REVOCATIONS, &form).by(&by.access).send().await;
    answer.expect(200).json()
}

/// Gives an order.
async fn order(client: &Client, by: &SignedIn, form: &Value) -> Answer {
    client.post(REVOCATIONS, form).by(&by.access).send().await
}

/// The id of an order that was taken in.
#[track_caller]
fn id_of(answer: &Answer) -> Uuid {
    assert!(
        [201, 202].contains(&answer.status),
        "{} {}",
        answer.status,
        answer.text()
    );
    let id = answer.json()["id"].as_str().map(str::to_owned);
    id.and_then(|id| id.parse().ok()).expect("an id")
}

/// An order as it is shown.
async fn shown(client: &Client, by: &SignedIn, id: Uuid) -> Value {
    let path = format!("{REVOCATIONS}/{id}");
    let answer = client.get(&path).by(&by.access).send().await;
    answer.expect(200).json()
}

/// Waits until an order is carried out or given up, and answers it as it is
/// shown then.
async fn finished(client: &Client, by: &SignedIn, id: Uuid) -> Value {
    eventually(PATIENCE, || async {
        !shown(client, by, id).await["finished_at"].is_null()
    })
    .await;
    shown(client, by, id).await
}

/// The sessions of an order in this state, of all its pages.
async fn items(world: &World, by: &SignedIn, id: Uuid, state: &str) -> BTreeSet<Uuid> {
    world.projected().await;
    let mut found = BTreeSet::new();
    let mut after = String::new();
    loop {
        let path = format!("{REVOCATIONS}/{id}/items?limit=3&state={state}{after}");
        let answer = world.get(&path).by(&by.access).send().await.expect(200);
        for item in answer.items() {
            assert_eq!(item["state"], state, "{item}");
            let session = item["session_id"].as_str().expect("an id");
            assert!(found.insert(session.parse().expect("an id")), "twice");
        }
        match answer.next() {
            Some(next) => after = format!("&after={next}"),
            None => return found,
        }
    }
}
