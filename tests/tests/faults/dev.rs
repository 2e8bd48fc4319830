//! `countersign dev`, as somebody at a terminal meets it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::http::{PASSWORD, Person, Service, get, login, post, refresh, verify};
use super::process::{Process, Scratch, binary, command, is_alive};
use super::wait::{note, until};

/// A stop is over within this time.
const STOPPED: Duration = Duration::from_secs(10);

/// What was killed is back within this time.
const BACK: Duration = Duration::from_secs(20);

/// A running `countersign dev`.
pub(super) struct Dev {
    pub(super) process: Process,
    pub(super) service: Service,
    pub(super) file: Value,
}

impl Dev {
    pub(super) async fn start(dir: &Path, logs: &Path) -> Self {
        Self::with(command(&binary(), &[]), dir, logs).await
    }

    /// Starts the program of a command, and checks what it says of itself.
    pub(super) async fn with(command: std::process::Command, dir: &Path, logs: &Path) -> Self {
        Self::told(command, dir, logs, &[]).await
    }

    /// The same, told more.
    pub(super) async fn told(
        mut command: std::process::Command,
        dir: &Path,
        logs: &Path,
        more: &[&str],
    ) -> Self {
        command
            .arg("dev")
            .arg("--data-dir")
            .arg(dir)
            .args(["--listen", "127.0.0.1:0"])
            .args(more);
        let mut process = Process::start("dev", command, logs);
        let line = process.ready().await;
        let url = line
            .strip_prefix("countersign ready ")
            .unwrap_or_else(|| panic!("{line:?}"));
        assert_eq!(line, format!("countersign ready {}", url.trim()));
        let port = url
            .strip_prefix("http://127.0.0.1:")
            .and_then(|port| port.parse().ok());
        assert!(port.is_some_and(|port: u16| port > 0), "{url}");
        let service = Service::new(url);
        let file = read(dir);
        assert_eq!(file["url"], url);
        Self {
            process,
            service,
            file,
        }
    }

    pub(super) fn pids(&self) -> [u32; 2] {
        pids(&self.file)
    }

    /// Signs the operator in, and lets them look around.
    pub(super) async fn operator_works(&self) -> Person {
        let operator = &self.file["operator"];
        let text = |field: &str| operator[field].as_str().unwrap_or_default().to_owned();
        let [email, password, secret] = ["email", "password", "totp_secret"].map(text);
        let signing_in = self.service.login_with_code(&email, &password, &secret);
        let person = signing_in.await;
        for name in ["overview", "sessions", "accounts", "events", "projections"] {
            let call = get(format!("/v1/admin/{name}")).bearer(&person.access);
            let call = call.at_least(&person.position);
            // Right after a crash the first look may be too slow for its bound.
            until(name, BACK, async || self.service.wants(&call, 200).await).await;
        }
        person
    }

    /// Fails unless it ends by itself in good order and takes its children along.
    pub(super) async fn stops_on(mut self, signal: Signal) {
        self.process.signal(signal);
        let (status, took) = self.process.ended(STOPPED).await;
        note(&format!("dev stopped in {took:?}"));
        assert_eq!(status.code(), Some(0), "{}", self.process.stderr());
        for pid in self.pids() {
            assert!(!is_alive(pid), "{pid} lives on");
        }
        assert_eq!(
            self.process.stdout().len(),
            1,
            "one line, and no more: {:?}",
            self.process.stdout()
        );
    }
}

fn read(dir: &Path) -> Value {
    let text = fs::read_to_string(dir.join("dev.json")).expect("dev.json");
    serde_json::from_str(&text).expect("JSON")
}

fn pids(file: &Value) -> [u32; 2] {
    ["nats", "postgres"].map(|name| {
        let pid = file["pids"][name].as_u64().unwrap_or_default();
        assert!(pid > 1, "{file}");
        u32::try_from(pid).expect("a pid")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_keeps_its_data_and_leaves_nothing_running() {
    let scratch = Scratch::new("dev");
    let dir = scratch.path().join("data");
    let dev = Dev::start(&dir, scratch.path()).await;

    let mode = fs::metadata(dir.join("dev.json"))
        .expect("dev.json")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for (field, start) in [("nats_url", "nats://"), ("postgres_url", "postgres://")] {
        assert!(
            dev.file[field]
                .as_str()
                .is_some_and(|url| url.starts_with(start)),
            "{field}"
        );
    }
    let operator = dev.file["operator"].as_object().expect("an operator");
    let client = dev.file["client"].as_object().expect("a client");
    for (field, length) in [("id", 36), ("secret", 47)] {
        let text = client[field].as_str().expect("text");
        assert_eq!(text.len(), length, "{field}");
    }
    assert!(dev.pids().into_iter().all(is_alive));
    let stderr = dev.process.stderr();
    for field in ["email", "password", "totp_secret"] {
        let value = operator[field].as_str().expect("text");
        assert!(stderr.contains(value), "the {field} is printed: {stderr}");
    }
    let signed_in = dev.operator_works().await;
    // Two factors, and so everything that an operator may do.
    let path = format!("/v1/admin/sessions/{}/revoke", signed_in.session);
    let revoke = post(path, json!({ "reason": "a test" }));
    let revoke = revoke.bearer(&signed_in.access);
    dev.service.ask(&revoke).await.expect(204);
    let first = dev.service.register("first@example.com").await;

    // A second one in the same place is sent away, and says why.
    let mut second = command(&binary(), &[]);
    second
        .arg("dev")
        .arg("--data-dir")
        .arg(&dir)
        .args(["--listen", "127.0.0.1:0"]);
    let mut second = Process::start("second", second, scratch.path());
    let (status, _) = second.ended(STOPPED).await;
    assert_eq!(status.code(), Some(1), "{}", second.stderr());
    let words = second.stderr();
    let place = dir.to_string_lossy().into_owned();
    let told = words.contains(&place) && words.contains(&dev.process.pid().to_string());
    assert!(told && words.contains("countersign:"), "{words}");
    assert_eq!(second.stdout(), [""; 0]);
    dev.service.ask(&verify(&first.access)).await.expect(200);

    let old = dev.file.clone();
    dev.stops_on(Signal::TERM).await;
    let dev = Dev::start(&dir, scratch.path()).await;
    assert_eq!(dev.file["operator"], old["operator"]);
    assert_eq!(dev.file["client"], old["client"]);
    dev.operator_works().await;
    let again = dev.service.login("first@example.com").await;
    assert_eq!(again.account, first.account);
    dev.service.ask(&refresh(&first.refresh)).await.expect(200);
    dev.stops_on(Signal::INT).await;

    // Killed without a word: what it started does not outlive it.
    let mut dev = Dev::start(&dir, scratch.path()).await;
    let left = dev.pids();
    dev.process.kill();
    until(
        "the children are gone",
        Duration::from_secs(5),
        async || {
            let alive = left.into_iter().filter(|pid| is_alive(*pid)).count();
            if alive == 0 {
                Ok(())
            } else {
                Err(format!("{alive} live on"))
            }
        },
    )
    .await;
    let dev = Dev::start(&dir, scratch.path()).await;
    dev.operator_works().await;
    dev.service.ask(&refresh(&again.refresh)).await.expect(200);
    dev.stops_on(Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_brings_back_what_dies() {
    let scratch = Scratch::new("dev-kill");
    let (one, other) = (scratch.path().join("one"), scratch.path().join("other"));
    // Two of them, side by side.
    let (dev, beside) = tokio::join!(
        Dev::start(&one, scratch.path()),
        Dev::start(&other, scratch.path())
    );
    beside.operator_works().await;
    let mut kept = vec![dev.service.register("kept@example.com").await];
    for (index, name) in ["nats", "postgres"].into_iter().enumerate() {
        kept.push(dev.service.login("kept@example.com").await);
        let before = pids(&read(&one));
        let pid = Pid::from_raw(before[index].cast_signed()).expect("a pid");
        kill_process(pid, Signal::KILL).expect("it is ours");
        let call = login("kept@example.com", PASSWORD);
        let (answer, took) = until("a login", BACK, async || {
            dev.service.wants(&call, 200).await
        })
        .await;
        note(&format!("{name} killed: a login again after {took:?}"));
        let (after, _) = until("dev.json names the new one", BACK, async || {
            let after = pids(&read(&one));
            if after[index] == before[index] {
                Err(format!("{after:?}"))
            } else {
                Ok(after)
            }
        })
        .await;
        assert_eq!(
            after[1 - index],
            before[1 - index],
            "the other one was left alone"
        );
        assert!(!is_alive(before[index]) && is_alive(after[index]));
        let mode = fs::metadata(one.join("dev.json"))
            .expect("dev.json")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        kept.push(Person::of("kept@example.com", &answer));
        // All that was acknowledged is there, in the log and in the lists.
        let last = kept.last().expect("some").clone();
        let list = get("/v1/me/sessions")
            .bearer(&last.access)
            .at_least(&last.position);
        let (list, _) = until("the list", BACK, async || {
            dev.service.wants(&list, 200).await
        })
        .await;
        let items = list.body["items"].as_array().expect("a list").clone();
        for person in &mut kept {
            assert!(
                items.iter().any(|item| item["id"] == person.session),
                "{person:?} in {items:?}"
            );
            let answer = dev.service.ask(&refresh(&person.refresh)).await.expect(200);
            person.renew(&answer);
        }
    }
    until("it is ready", BACK, async || {
        dev.service.wants(&get("/readyz"), 200).await
    })
    .await;
    assert_eq!(
        beside.file,
        read(&other),
        "nothing happened to the one beside it"
    );
    beside.operator_works().await;
    dev.stops_on(Signal::TERM).await;
    beside.service.ask(&get("/healthz")).await.expect(200);
    beside.stops_on(Signal::TERM).await;
}
