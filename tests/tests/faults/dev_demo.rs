//! `countersign dev --demo`: there is something to see from the first start on.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::dev::Dev;
use super::http::{Person, get};
use super::process::{Scratch, binary, command};
use super::wait::{note, until};

/// Everything has happened once within this time; old refresh tokens must
/// first grow old, and a code is good once in half a minute.
const HAPPENED: Duration = Duration::from_mins(2);

/// What must happen.
const EVENTS: &[&str] = &[
    "registered",
    "started",
    "refreshed",
    "refresh_reused",
    "ended",
    "factor_added",
    "stepped_up",
];

/// The items of a list, as an operator reads them.
async fn items(dev: &Dev, operator: &Person, path: &str) -> Result<Vec<Value>, String> {
    let call = get(path.to_owned()).bearer(&operator.access);
    let answer = dev.service.wants(&call, 200).await?;
    let items = answer.body["items"].as_array();
    items.cloned().ok_or_else(|| format!("{answer:?}"))
}

/// Whether there is an event of this name: a page may be empty and have a next
/// one, because each looks at a part of the log.
async fn happened(dev: &Dev, operator: &Person, name: &str) -> Result<bool, String> {
    let mut path = format!("/v1/admin/events?name={name}&limit=1");
    loop {
        let call = get(path).bearer(&operator.access);
        let page = dev.service.wants(&call, 200).await?.body;
        let found = page["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty());
        match page["next"].as_str() {
            Some(next) if !found => {
                path = format!("/v1/admin/events?name={name}&limit=1&after={next}");
            }
            _ => return Ok(found),
        }
    }
}

/// The value of a counter that has all of these labels; 0 if there is none.
async fn counted(dev: &Dev, name: &str, labels: &[&str]) -> u64 {
    let client = reqwest::Client::builder().no_proxy().build();
    let metrics = format!("{}/metrics", dev.service.url);
    let answer = client.expect("a client").get(metrics).send().await;
    let text = answer.expect("an answer").text().await.expect("text");
    let fits =
        |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
    let values = text.lines().filter(fits);
    let values = values.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    values.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_lives_outlives_an_outage_and_goes_on_after_a_restart() {
    let scratch = Scratch::new("dev-demo");
    let dir = scratch.path().join("data");
    let told = [
        "--demo",
        "--demo-rate",
        "50",
        "--set",
        "refresh_grace_seconds=0",
    ];
    let dev = Dev::told(command(&binary(), &[]), &dir, scratch.path(), &told).await;
    let operator = dev.operator_works().await;
    let mode = fs::metadata(dir.join("demo.json")).expect("demo.json");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);

    let mut seen = BTreeSet::new();
    let ((), took) = until("everything happens", HAPPENED, async || {
        for &name in EVENTS {
            if seen.contains(name) {
                continue;
            }
            if happened(&dev, &operator, name).await? {
                seen.insert(name);
            }
        }
        let missing: Vec<_> = EVENTS.iter().filter(|name| !seen.contains(*name)).collect();
        let wrong = counted(&dev, "countersign_", &["wrong_password"]).await;
        if missing.is_empty() && wrong > 0 {
            Ok(())
        } else {
            Err(format!("missing {missing:?}, {wrong} wrong passwords"))
        }
    })
    .await;
    note(&format!("everything happened once after {took:?}"));

    // They come from many networks, and their names are not all the same.
    let sessions = items(&dev, &operator, "/v1/admin/sessions?limit=200").await;
    let sessions = sessions.expect("a list");
    let all = |field: &str| -> BTreeSet<String> {
        let texts = sessions.iter().filter_map(|one| one[field].as_str());
        texts.map(str::to_owned).collect()
    };
    assert!(all("ip").len() > 5, "{:?}", all("ip"));
    assert!(all("user_agent").len() > 3, "{:?}", all("user_agent"));
    assert!(all("email").len() > 5, "{:?}", all("email"));

    // The log is away for a moment; afterwards life goes on.
    let nats = i32::try_from(dev.pids()[0]).ok().and_then(Pid::from_raw);
    kill_process(nats.expect("a pid"), Signal::KILL).expect("it is ours");
    let newest = async |dev: &Dev, operator: &Person| {
        let found = items(dev, operator, "/v1/admin/events?noun=session&limit=1").await?;
        let newest = found.first().map(|event| event["position"].clone());
        newest.ok_or_else(|| "no event".to_owned())
    };
    let (before, _) = until("it is back", HAPPENED, async || {
        newest(&dev, &operator).await
    })
    .await;
    until("life goes on", HAPPENED, async || {
        let now = newest(&dev, &operator).await?;
        if now == before {
            Err(format!("still {now}"))
        } else {
            Ok(())
        }
    })
    .await;
    dev.stops_on(Signal::TERM).await;

    // The same people are there after a restart, and are known.
    let people = |dir: &std::path::Path| {
        let text = fs::read_to_string(dir.join("demo.json")).expect("demo.json");
        let book: Value = serde_json::from_str(&text).expect("JSON");
        book["people"][0]["email"].clone()
    };
    let first = people(&dir);
    let dev = Dev::told(command(&binary(), &[]), &dir, scratch.path(), &told).await;
    let operator = dev.operator_works().await;
    let before = newest(&dev, &operator).await.expect("an event");
    until("life goes on", HAPPENED, async || {
        let now = newest(&dev, &operator).await?;
        if now == before {
            Err(format!("still {now}"))
        } else {
            Ok(())
        }
    })
    .await;
    assert_eq!(people(&dir), first);
    dev.stops_on(Signal::INT).await;
}
