//! What the service and the projector log of them, in both formats.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use countersign::settings::Settings;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::super::bytes::taken_apart;
use super::super::console::{Home, built};
use super::{PAYLOADS, made};
use crate::support::{Client, PASSWORD, World, email, soon};

/// What a process of its own needs to know of a world.
const TOLD: &[&str] = &[
    "issuer",
    "kek",
    "nats_url",
    "postgres_url",
    "prefix",
    "shards",
    "key_rotation_days",
    "failed_logins_per_minute",
];

/// Starts a verb that logs as much as it can to a file; its first line.
async fn started(settings: &Settings, verb: &str, format: &str, log: &Path) -> (Child, String) {
    let mut command = Command::new(built("countersign"));
    for name in TOLD {
        let value = settings.get(name).expect("it is set").expose_secret();
        command.env(format!("COUNTERSIGN_{}", name.to_uppercase()), value);
    }
    let mut child = command
        .args([verb, "--listen", "127.0.0.1:0"])
        .env(
            "COUNTERSIGN_LOG",
            "debug,countersign::access=info,hyper=info,h2=info",
        )
        .env("COUNTERSIGN_LOG_FORMAT", format)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(log).expect("a file"))
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = soon(lines.next_line()).await.expect("readable");
    let said = || fs::read_to_string(log).unwrap_or_default();
    (child, line.unwrap_or_else(|| panic!("{}", said())))
}

/// Says every payload wherever the service listens.
async fn attack(client: &Client) {
    for payload in PAYLOADS {
        let agent: Vec<u8> = payload
            .bytes()
            .filter(|byte| *byte >= 0x20 && *byte != 0x7f)
            .collect();
        let form = json!({ "email": email("eve"), "password": PASSWORD, "display_name": payload });
        let call = client.post("/v1/auth/register", &form);
        call.header_bytes("user-agent", &agent).send().await;
        client.try_login(payload, payload).await;
        client.refresh(payload).await;
        let escaped = payload.bytes().fold(String::new(), |mut path, byte| {
            let _ = write!(path, "%{byte:02x}");
            path
        });
        let call = client.get(&format!("/v1/{escaped}?q={escaped}"));
        let call = call.header_bytes("traceparent", &agent);
        call.header_bytes("x-forwarded-for", &agent).send().await;
        let torn = format!("{{\"email\":\"{payload}\",");
        let call = client.call("POST", "/v1/auth/login");
        call.body("application/json", torn).send().await;
    }
}

#[tokio::test]
async fn ab_72_no_byte_of_theirs_is_in_the_logs() {
    let mut world = World::start().await;
    world.stop_projector().await;
    let home = Home::new(&world.client.url);
    for format in ["text", "json"] {
        let log = |verb: &str| home.path().join(format!("{verb}.{format}.log"));
        let (serve, project) = (log("serve"), log("project"));
        let (_projector, _) = started(&world.settings, "project", format, &project).await;
        let (_service, line) = started(&world.settings, "serve", format, &serve).await;
        let url = line.strip_prefix("countersign ready ").expect("its URL");
        let client = Client::new(url.to_owned());
        attack(&client).await;
        // The projector meets what the service would not have let in, too.
        made::sessions(&world).await;
        for path in [serve, project] {
            let text = fs::read_to_string(&path).expect("UTF-8");
            assert!(text.lines().count() > 3, "{} has nothing", path.display());
            for line in text.lines() {
                let written = taken_apart(line.as_bytes());
                assert_eq!(written.strange, [""; 0], "{}", path.display());
                assert!(!line.starts_with("two level"), "{line}");
                if format == "json" {
                    let read: Result<serde_json::Value, _> = serde_json::from_str(line);
                    assert!(read.is_ok_and(|read| read.is_object()), "{line}");
                }
            }
        }
    }
}
