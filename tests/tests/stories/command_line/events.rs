//! The log, on the command line.

use std::process::Stdio;

use countersign_openapi::{Event, ProblemCode, ProblemDetails};
use poem_openapi::types::Example;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::support::{
    Canned, PATIENCE, Reply, World, command, email, eventually, program, program_at, soon,
};

#[tokio::test]
async fn events_are_listed_a_page_or_all_of_them() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let renewed = world.refresh(&ada.refresh).await.expect(200);
    let ada = ada.renewed(&renewed);
    world.logout(&ada.refresh).await.expect(204);
    let id = ada.session.to_string();
    let all = ["events", "list", "--id", &id, "--all"];
    let said = program(&world, &operator, &[&all[..], &["-o", "json"]].concat()).await;
    let found = said.ended(0).json();
    let names = |found: &Value| -> Vec<String> {
        let events = found.as_array().expect("a list").iter();
        let name = |event: &Value| event["name"].as_str().expect("a name").to_owned();
        events.map(name).collect()
    };
    let newest = names(&found);
    assert_eq!(newest.first().map(String::as_str), Some("ended"));
    assert_eq!(newest.last().map(String::as_str), Some("started"));
    // Every form says the same.
    let ids = program(&world, &operator, &[&all[..], &["-o", "id"]].concat()).await;
    let ids = ids.ended(0);
    let expected = found.as_array().expect("a list").iter();
    let expected: Vec<&str> = expected.filter_map(|event| event["id"].as_str()).collect();
    assert_eq!(ids.lines(), expected);
    let said = program(&world, &operator, &all).await.ended(0);
    assert_eq!(said.lines().len(), expected.len() + 1, "{}", said.out);
    let named = [&all[..], &["--name", "ended", "-o", "jsonl"]].concat();
    let said = program(&world, &operator, &named).await.ended(0);
    assert_eq!(said.json()["name"], "ended");
    // A page says where the next one begins, and nothing is no fault.
    let page = ["events", "list", "--limit", "1", "-o", "id"];
    let said = program(&world, &operator, &page).await.ended(0);
    assert!(said.err.starts_with("more: --after "), "{}", said.err);
    let none = ["events", "list", "--all", "--name", "nothing", "-o", "json"];
    let said = program(&world, &operator, &none).await.ended(0);
    assert_eq!(said.json(), json!([]));

    // The timeline of a session is told from its beginning on.
    let timeline = ["sessions", "show", &id, "--timeline", "-o", "json"];
    let said = program(&world, &operator, &timeline).await.ended(0);
    let mut oldest = names(&said.json());
    oldest.reverse();
    assert_eq!(oldest, newest);
    let show = ["sessions", "show", &id, "-o", "json"];
    world.projected().await;
    let said = program(&world, &operator, &show).await.ended(0);
    assert_eq!(said.json()["state"], "revoked");
}

/// A frame of a stream.
fn frame(kind: &str, id: &str, data: &Value) -> String {
    format!("event: {kind}\nid: {id}\ndata: {data}\n\n")
}

#[tokio::test]
async fn a_tail_says_what_happens_and_what_is_missing_until_ctrl_c() {
    let mut first = json!(Event::example());
    first["actor"]["kind"] = "a\u{1b}[2J\u{202e}".into();
    let mut second = first.clone();
    second["name"] = "refresh_reused".into();
    let told = frame("events", "1-2-3", &json!([first, second]))
        + &frame("gap", "1-2-9", &json!({"shard": 2, "from": 4, "to": 9}))
        + &frame(
            "beat",
            "1-2-9",
            &json!({"at": "2026-11-22T14:03:07Z", "cursor": "1-2-9"}),
        );
    let path = "GET /v1/admin/events/stream?noun=session".to_owned();
    let canned = Canned::start([(path, Reply::stream(&told))]).await;
    let variables = [
        ("COUNTERSIGN_URL", canned.url.as_str()),
        ("COUNTERSIGN_TOKEN", "t"),
    ];
    let words = ["events", "tail", "--noun", "session", "-o", "jsonl"];
    let mut tail = command(&variables, &words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run make test, or cargo build");
    let out = tail.stdout.take().expect("stdout");
    let mut lines = BufReader::new(out).lines();
    let mut names = Vec::new();
    for _ in 0..2 {
        let line = soon(lines.next_line())
            .await
            .expect("read")
            .expect("a line");
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
        let event: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(event["actor"]["kind"], first["actor"]["kind"]);
        names.push(event["name"].clone());
    }
    assert_eq!(names, ["ended", "refresh_reused"]);
    let mut err = BufReader::new(tail.stderr.take().expect("stderr")).lines();
    let gap = soon(err.next_line()).await.expect("read").expect("a line");
    assert!(gap.contains("shard 2, 4 to 9"), "{gap}");
    let pid = tail.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw).expect("a pid");
    kill_process(pid, Signal::INT).expect("it runs");
    let status = soon(tail.wait()).await.expect("it ended");
    assert_eq!(status.code(), Some(0));
    let mut rest = String::new();
    soon(err.into_inner().read_to_string(&mut rest))
        .await
        .expect("read");
    assert_eq!(rest, "more: --after 1-2-9\n");
}

#[tokio::test]
async fn a_tail_that_goes_on_outlasts_an_instance_that_is_full_or_starts() {
    let overloaded = json!(ProblemDetails::new(ProblemCode::Overloaded));
    for reply in [Reply::json(502, &json!({})), Reply::json(503, &overloaded)] {
        let path = "GET /v1/admin/events/stream".to_owned();
        let canned = Canned::start([(path, reply)]).await;
        let variables = [
            ("COUNTERSIGN_URL", canned.url.as_str()),
            ("COUNTERSIGN_TOKEN", "t"),
        ];
        let mut tail = command(&variables, &["events", "tail", "--after", "1-2-3"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("run make test, or cargo build");
        eventually(PATIENCE, async || canned.asked().len() > 1).await;
        let pid = tail.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, Signal::INT).expect("it runs");
        let status = soon(tail.wait()).await.expect("it ended");
        assert_eq!(status.code(), Some(0));
    }
}

#[tokio::test]
async fn a_tail_that_may_not_begin_says_so() {
    let canned = Canned::start([]).await;
    program_at(&canned.url, "t", &["events", "tail"])
        .await
        .ended(5);
}
