//! Signing keys: how they change, and how one is revoked.

mod emergency;
mod life;
mod many;
mod private;
mod published;
mod schedule;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use countersign_domain::Keyring;
use countersign_events::KeyringId;
use countersign_log::{Loaded, Repository};
use serde_json::{Value, json};

use crate::support::{Answer, Client, Jwt, PATIENCE, SignedIn, World, eventually};

/// How long a key is published before it signs, by the defaults.
const PUBLISHED: Duration = Duration::from_secs(300 + 10);

/// How long after it was superseded a key is published.
const WINDOW: Duration = Duration::from_mins(5 + 30 + 5);

impl World {
    /// The ring as the log has it.
    async fn ring(&self) -> Arc<Loaded<Keyring>> {
        let keyrings = Repository::<Keyring>::new(&self.log);
        let ring = keyrings.current(KeyringId::ONLY).await;
        ring.expect("the log answers")
    }

    /// Lets the world's service do what is due until something is so.
    async fn turned(&self, mut is_so: impl AsyncFnMut() -> bool) {
        let turn = async || {
            self.app.turn_keys().await.expect("the log answers");
            is_so().await
        };
        let turn = std::cell::RefCell::new(turn);
        eventually(PATIENCE, || {
            let turn = &turn;
            #[expect(clippy::await_holding_refcell_ref, reason = "nobody else asks")]
            async move {
                turn.borrow_mut()().await
            }
        })
        .await;
    }

    /// Lets the world's service do what is due until this key signs there.
    async fn signs_with(&self, kid: &str) {
        self.turned(async || self.app.signing_key().key_id() == kid)
            .await;
    }
}

/// The key that signed a token.
fn kid_of(token: &str) -> String {
    let header = Jwt::read(token).header;
    header["kid"].as_str().expect("a key id").to_owned()
}

/// The ids of the keys that a service publishes.
async fn published(service: &Client) -> BTreeSet<String> {
    let answer = service.get("/.well-known/jwks.json").send().await;
    let keys = answer.expect(200).json()["keys"].clone();
    let keys = keys.as_array().expect("keys").iter();
    keys.map(|key| key["kid"].as_str().expect("a key id").to_owned())
        .collect()
}

/// Waits until a service publishes exactly these keys.
async fn publishes(service: &Client, kids: &[&str]) {
    let wanted: BTreeSet<String> = kids.iter().map(|&kid| kid.to_owned()).collect();
    eventually(PATIENCE, || async { published(service).await == wanted }).await;
}

async fn rotate(service: &Client, operator: &SignedIn, force: bool) -> Answer {
    let form = json!({ "force": force, "reason": "a quiet afternoon" });
    let call = service.post("/v1/admin/keys/rotate", &form);
    call.by(&operator.access).send().await
}

async fn revoke(service: &Client, operator: &SignedIn, kid: &str) -> Answer {
    let form = json!({ "reason": "stolen backup, incident 313", "wait": true });
    let call = service.post(&format!("/v1/admin/keys/{kid}/revoke"), &form);
    call.by(&operator.access).send().await
}

async fn list(service: &Client, operator: &SignedIn) -> Vec<Value> {
    let call = service.get("/v1/admin/keys").by(&operator.access);
    call.send().await.items()
}

/// Kid and state of each key in a list.
fn states(keys: &[Value]) -> Vec<(&str, &str)> {
    let text = |key: &'static str| {
        move |one| -> &str {
            let one: &Value = one;
            one[key].as_str().expect("text")
        }
    };
    keys.iter()
        .map(|key| (text("kid")(key), text("state")(key)))
        .collect()
}

fn kid(answer: &Answer) -> String {
    answer.json()["kid"].as_str().expect("a key id").to_owned()
}
