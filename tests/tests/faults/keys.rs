//! Signing keys of real processes: by the command line, over restarts, and on
//! a log that has lost its ring. SECURITY.md R-03.

use std::fs;
use std::time::Duration;

use countersign::stack::Child;
use countersign_events::{KeyringId, Subject, stream_name};
use serde_json::Value;

use super::deployment::{Deployment, Instance, SHARDS, free_port};
use super::http::{Person, get, login, refresh, verify};
use super::wait::until;
use crate::support::Jwt;

/// How long anything here may take.
const SOON: Duration = Duration::from_secs(15);

/// `countersign keys` as the operator, who answers with JSON.
async fn keys(deployment: &Deployment, operator: &Person, url: &str, words: &[&str]) -> Value {
    let mut command = deployment.command(&["keys", "-o", "json"]);
    command
        .args(words)
        .env("COUNTERSIGN_URL", url)
        .env("COUNTERSIGN_TOKEN", &operator.access);
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("no panic").expect("it runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn kid_of(person: &Person) -> String {
    let header = Jwt::read(&person.access).header;
    header["kid"].as_str().expect("a key id").to_owned()
}

async fn believed(instance: &Instance, person: &Person) {
    until("the token is believed", SOON, async || {
        instance.service.wants(&verify(&person.access), 200).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_03_keys_change_by_command_and_outlive_the_loss_of_their_ring() {
    let deployment = Deployment::start("rotated").await;
    let mut projector = deployment.project().await;
    let mut instance = deployment.serve().await;
    let url = format!("http://127.0.0.1:{}", instance.port);
    let operator = deployment.operator(&instance.service).await;
    let ada = instance.service.register("ada@example.com").await;
    let first = kid_of(&ada);

    let rotate = ["rotate", "--reason", "a test"];
    let signs = keys(
        &deployment,
        &operator,
        &url,
        &[&rotate[..], &["--force"]].concat(),
    )
    .await;
    assert_eq!(signs["state"], "active");
    let grace = instance.service.register("grace@example.com").await;
    let second = kid_of(&grace);
    assert_eq!(signs["kid"], second);
    let waits = keys(&deployment, &operator, &url, &rotate).await;
    assert_eq!(waits["state"], "next");
    let listed = keys(&deployment, &operator, &url, &["list"]).await;
    let states: Vec<&str> = listed
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|key| key["state"].as_str())
        .collect();
    assert_eq!(states, ["next", "active", "retiring"]);

    // Killed, and back.
    instance.process.kill();
    instance = deployment.serve_on(free_port()).await;
    for person in [&ada, &grace] {
        believed(&instance, person).await;
    }
    let alan = instance.service.register("alan@example.com").await;
    assert_eq!(kid_of(&alan), second);
    // What is anchored is known to have been there.
    let seen = get("/v1/me/sessions")
        .bearer(&alan.access)
        .at_least(&alan.position);
    until("it is projected", SOON, async || {
        instance.service.wants(&seen, 200).await
    })
    .await;

    // The shard of the ring is gone.
    instance.process.stop().await;
    projector.stop().await;
    deployment.hold_down(Child::Nats).await;
    let shard = Subject::of(KeyringId::ONLY, SHARDS).shard;
    let stream = stream_name("faults", shard);
    let accounts = fs::read_dir(deployment.store()).expect("the store");
    let folder = accounts
        .flatten()
        .map(|account| account.path().join("streams").join(&stream))
        .find(|folder| folder.is_dir())
        .expect("the shard's stream");
    fs::remove_dir_all(folder).expect("it is there");
    deployment.release(Child::Nats).await;
    let instance = deployment.serve_on(free_port()).await;
    until("the loss is noticed", SOON, async || {
        let (status, check) = instance.service.readiness("anchor").await;
        if status == 503 && check["state"] == "down" {
            Ok(())
        } else {
            Err(check.to_string())
        }
    })
    .await;
    // Tokens of both keys are believed, and nothing is signed.
    for person in [&ada, &grace] {
        believed(&instance, person).await;
    }
    let published = instance.service.ask(&get("/.well-known/jwks.json")).await;
    let published = published.expect(200).body.to_string();
    for kid in [&first, &second] {
        assert!(published.contains(kid), "{published}");
    }
    for call in [
        refresh(&ada.refresh),
        login("grace@example.com", super::http::PASSWORD),
    ] {
        let answer = instance.service.ask(&call).await;
        assert!(answer.is_unavailable(), "{answer:?}");
    }
    deployment.stop().await;
}
