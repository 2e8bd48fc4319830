//! How commands end, and that none of them waits for somebody who is not
//! there.

use std::process::Stdio;

use countersign_openapi::{ProblemCode, ProblemDetails};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::{
    Canned, PASSWORD, Reply, World, command, email, program_at, program_with, soon,
};

#[tokio::test]
async fn a_problem_is_told_by_the_exit_code_and_in_words() {
    let path = "GET /v1/admin/keys".to_owned();
    for (code, exit) in [
        (ProblemCode::TokenExpired, 4),
        (ProblemCode::InsufficientUserAuthentication, 4),
        (ProblemCode::InsufficientPermissions, 1),
        (ProblemCode::NotFound, 5),
        (ProblemCode::ValidationFailed, 2),
        (ProblemCode::Overloaded, 7),
        (ProblemCode::InternalError, 1),
    ] {
        let mut problem = ProblemDetails::new(code);
        problem.detail = Some("\u{1b}]52;c;aGk=\u{7}\u{202e}".to_owned());
        let reply = Reply::json(problem.status, &json!(problem));
        let canned = Canned::start([(path.clone(), reply)]).await;
        let said = program_at(&canned.url, "t", &["keys", "list", "-o", "json"]).await;
        let said = said.ended(exit);
        assert!(said.out.is_empty(), "{}", said.out);
        assert!(said.err.contains(code.as_str()), "{}", said.err);
        let is_clean = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
        assert!(said.err.chars().all(is_clean), "{:?}", said.err);
    }
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", gone.local_addr().expect("an address"));
    drop(gone);
    program_at(&url, "t", &["keys", "list"]).await.ended(7);
    program_at("no url", "t", &["keys", "list"]).await.ended(2);
}

#[tokio::test]
async fn where_nobody_can_be_asked_nothing_is_asked() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    // No deployment, or one and nobody to be.
    let said = program_with(&[], &["sessions", "list"]).await.ended(2);
    assert!(said.err.contains("--context"), "{}", said.err);
    let list = ["sessions", "list", "--url", &world.client.url];
    let said = program_with(&[], &list).await.ended(4);
    assert!(said.err.contains("COUNTERSIGN_TOKEN"), "{}", said.err);
    let url = ("COUNTERSIGN_URL", world.client.url.as_str());
    let said = program_with(&[url], &list[..2]).await.ended(4);
    assert!(said.err.contains("COUNTERSIGN_TOKEN"), "{}", said.err);
    let said = program_with(&[("COUNTERSIGN_CONTEXT", "x")], &["sessions", "list"]).await;
    assert!(said.ended(2).err.contains("contexts.toml"));
    let token = ("COUNTERSIGN_TOKEN", operator.access.as_str());
    program_with(&[token], &list).await.ended(0);

    // A step-up is needed, and its code can be given.
    world.later(std::time::Duration::from_secs(901 - 60));
    let fresh = world.refresh(&operator.refresh).await.expect(200).json();
    let access = fresh["access_token"].as_str().expect("a token").to_owned();
    world.later(std::time::Duration::from_mins(2));
    let id = ada.session.to_string();
    let revoke = ["sessions", "revoke", &id, "--reason", "x"];
    let said = program_at(&world.client.url, &access, &revoke).await;
    let said = said.ended(4);
    assert!(said.err.contains("COUNTERSIGN_CODE"), "{}", said.err);
    let variables = [
        ("COUNTERSIGN_URL", world.client.url.as_str()),
        ("COUNTERSIGN_TOKEN", access.as_str()),
        ("COUNTERSIGN_CODE", "000000"),
    ];
    let said = program_with(&variables, &revoke).await.ended(4);
    assert!(said.err.contains("mfa_invalid"), "{}", said.err);
    assert!(!said.err.contains("000000"), "{}", said.err);
    world.refresh(&ada.refresh).await.expect(200);
}

#[tokio::test]
async fn a_named_context_is_spoken_to_with_a_token() {
    let world = World::start().await;
    let operator = world.operator().await;
    let home = std::env::temp_dir().join(format!("countersign-home-{}", Uuid::new_v4()));
    let config = home.join("countersign");
    std::fs::create_dir_all(&config).expect("a folder");
    let text = format!("[lab]\nurl = \"{}\"\nemail = \"a@b.c\"\n", world.client.url);
    std::fs::write(config.join("contexts.toml"), text).expect("written");
    let home = home.to_str().expect("a path");
    let homes = [("XDG_CONFIG_HOME", home), ("XDG_STATE_HOME", home)];
    let token = ("COUNTERSIGN_TOKEN", operator.access.as_str());
    let list = ["verifiers", "list", "--context", "lab"];
    let said = program_with(&[&homes[..], &[token]].concat(), &list).await;
    said.ended(0);
    let named = ("COUNTERSIGN_CONTEXT", "lab");
    let said = program_with(&[&homes[..], &[token, named]].concat(), &list[..2]).await;
    said.ended(0);
    let said = program_with(&homes, &list).await.ended(4);
    assert!(said.err.contains("COUNTERSIGN_TOKEN"), "{}", said.err);
    let other = ["verifiers", "list", "--context", "prod"];
    let said = program_with(&homes, &other).await.ended(2);
    assert!(said.err.contains("lab"), "{}", said.err);
    // What is said twice is refused.
    let twice = ["verifiers", "list", "--context", "lab", "--url", "http://x"];
    program_with(&homes, &twice).await.ended(2);
    std::fs::remove_dir_all(home).expect("removed");
}

#[tokio::test]
async fn ctrl_c_gives_up_whatever_waits() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nats = format!("nats://{}", gone.local_addr().expect("an address"));
    drop(gone);
    let variables = [
        ("COUNTERSIGN_NATS_URL", nats.as_str()),
        ("COUNTERSIGN_POSTGRES_URL", "postgres://127.0.0.1:1/none"),
        (
            "COUNTERSIGN_KEK",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
    ];
    let replay = (&["replay"][..], "waiting for NATS");
    let bootstrap = (&["bootstrap", "--email", "a@b.c"][..], "from stdin");
    for (words, waits) in [replay, bootstrap] {
        let mut program = command(&variables, words)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run make test, or cargo build");
        let mut err = BufReader::new(program.stderr.take().expect("stderr")).lines();
        loop {
            let line = soon(err.next_line()).await.expect("read").expect(waits);
            if line.contains(waits) {
                break;
            }
        }
        let pid = program.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, Signal::INT).expect("it runs");
        let status = soon(program.wait()).await.expect("it ended");
        assert_eq!(status.code(), Some(3), "{words:?}");
    }
}

#[tokio::test]
async fn manual_pages_and_settings_are_written_for_programs_too() {
    let page = ["man", "sessions", "revoke"];
    let said = program_with(&[], &page).await.ended(0);
    assert!(said.out.contains(".TH") && said.out.contains("expect"));
    program_with(&[], &["man", "sessoins"]).await.ended(2);
    let dir = std::env::temp_dir().join(format!("countersign-man-{}", Uuid::new_v4()));
    let path = dir.to_str().expect("a path");
    program_with(&[], &["man", "--dir", path]).await.ended(0);
    for name in [
        "countersign",
        "countersign-sessions-revoke",
        "countersign-events-tail",
    ] {
        let page = std::fs::read_to_string(dir.join(format!("{name}.1")));
        assert!(page.expect("a page").contains(".SH NAME"), "{name}");
    }
    std::fs::remove_dir_all(&dir).expect("removed");

    let secret = ("COUNTERSIGN_SMTP_PASSWORD", PASSWORD);
    let config = ["config", "--set", "product=Acme", "-o", "json"];
    let said = program_with(&[secret], &config).await.ended(0);
    assert!(!said.out.contains(PASSWORD));
    let all = said.json();
    let of = |name: &str| {
        let found = all
            .as_array()
            .and_then(|all| all.iter().find(|one| one["name"] == name));
        found.expect("a setting").clone()
    };
    assert_eq!(of("product")["value"], "Acme");
    assert_eq!(of("product")["origin"], "flag");
    assert_eq!(of("smtp_password")["value"], json!(null));
    let said = program_with(&[], &["config", "-o", "id"]).await.ended(0);
    assert!(said.lines().contains(&"listen"));
    let completions = soon(program_with(&[], &["completions", "bash"])).await;
    assert!(completions.ended(0).out.contains("revoke-sessions"));
}
