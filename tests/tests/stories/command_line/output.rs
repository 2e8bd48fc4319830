//! AB-72 on the command line: whatever people and programs call themselves,
//! what is written moves no cursor and reorders no line.

use countersign_openapi::{
    Account, Attempt, Client, Ended, Event, ProjectionState, ProjectionsRepaired, Revocation,
    RevocationItem, RevocationPreview, Session, SigningKey, Verifier,
};
use poem_openapi::types::Example;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Canned, PASSWORD, Reply, World, email, program, program_at};

/// A title, the clipboard, a cleared screen, C1, a line turned around, tags, a
/// forged line and a null.
const HOSTILE: &str = "\u{1b}]0;x\u{7}\u{1b}]52;c;aGk=\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{e0041}\u{feff}\r\nroot\t\u{7f}\0";

/// Whether a line of output does nothing but be seen.
fn is_clean(text: &str) -> bool {
    let forbidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    !text.chars().any(forbidden)
}

/// An example with something hostile behind every text that is not of a form
/// of its own, and in every text that may be left out.
fn hostile<T: Example + Serialize>() -> Value {
    fn poison(value: &mut Value, name: &str) {
        match value {
            Value::String(text) => {
                let is_id = Uuid::try_parse(text).is_ok();
                let is_time = text.len() >= 20 && text.ends_with('Z');
                let is_word = ["state", "acr", "acr_below", "outcome", "kind"].contains(&name);
                if !(is_id || is_time || is_word) {
                    text.push_str(HOSTILE);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| poison(item, name)),
            Value::Object(fields) => fields
                .iter_mut()
                .for_each(|(name, value)| poison(value, name)),
            Value::Null if ["email", "display_name", "user_agent", "owner"].contains(&name) => {
                *value = HOSTILE.into();
            }
            _ => {}
        }
    }
    let mut value = json!(T::example());
    poison(&mut value, "");
    value
}

fn page(item: &Value) -> Reply {
    Reply::json(200, &json!({"items": [item], "next": HOSTILE}))
}

#[tokio::test]
async fn ab_72_no_answer_reaches_the_terminal_in_any_form() {
    let id = Uuid::from_u128(7).to_string();
    let at = |path: &str| format!("GET /v1/admin/{path}");
    let of = |what: &str, more: &str| at(&format!("{what}/{id}{more}"));
    let mut session = hostile::<Session>();
    session["ended"] = hostile::<Ended>();
    session["ended"]["note"] = HOSTILE.into();
    let order = hostile::<Revocation>();
    let replies = [
        (at("sessions?limit=50"), page(&session)),
        (of("sessions", ""), Reply::json(200, &session)),
        (of("sessions", "/events?limit=200"), {
            let event = hostile::<Event>();
            Reply::json(200, &json!({"items": [event], "next": null}))
        }),
        (at("accounts?limit=50"), page(&hostile::<Account>())),
        (of("accounts", ""), Reply::json(200, &hostile::<Account>())),
        (
            of("accounts", "/attempts?limit=50"),
            page(&hostile::<Attempt>()),
        ),
        (at("events?limit=50"), page(&hostile::<Event>())),
        (at("clients?limit=50"), page(&hostile::<Client>())),
        (of("clients", ""), Reply::json(200, &hostile::<Client>())),
        (at("keys"), page(&hostile::<SigningKey>())),
        (at("projections"), page(&hostile::<ProjectionState>())),
        (at("verifiers"), {
            let one = hostile::<Verifier>();
            Reply::json(200, &json!({"items": [one], "applied": null, "behind": []}))
        }),
        (at("revocations?limit=50"), page(&order)),
        (of("revocations", ""), Reply::json(200, &order)),
        (
            of("revocations", "/items?limit=50"),
            page(&hostile::<RevocationItem>()),
        ),
        (
            "POST /v1/admin/revocations".to_owned(),
            Reply::json(200, &hostile::<RevocationPreview>()),
        ),
    ];
    let canned = Canned::start(replies).await;
    let commands: &[&[&str]] = &[
        &["sessions", "list"],
        &["sessions", "show", &id],
        &["sessions", "show", &id, "--timeline"],
        &["sessions", "revoke", "--where", "all", "--dry-run"],
        &["accounts", "list"],
        &["accounts", "show", &id],
        &["accounts", "attempts", &id],
        &["events", "list"],
        &["clients", "list"],
        &["clients", "show", &id],
        &["keys", "list"],
        &["projections", "list"],
        &["verifiers", "list"],
        &["revocations", "list"],
        &["revocations", "show", &id],
        &["revocations", "items", &id],
    ];
    for words in commands {
        for output in ["table", "json", "jsonl", "id"] {
            let all = [words, &["-o", output][..]].concat();
            let said = program_at(&canned.url, "t", &all).await.ended(0);
            assert!(is_clean(&said.out), "{all:?}: {:?}", said.out);
            assert!(is_clean(&said.err), "{all:?}: {:?}", said.err);
            assert!(!said.out.is_empty(), "{all:?}");
            let is_forged = said.out.lines().any(|line| line.starts_with("root"));
            assert!(!is_forged, "{all:?}: {}", said.out);
            if output == "json" || output == "jsonl" {
                // It is escaped, and means what the service said.
                let lines = said.json().to_string();
                assert!(!lines.contains("\\\\u{"), "{all:?}: {lines}");
            }
        }
    }
}

#[tokio::test]
async fn ab_72_names_and_user_agents_of_real_people_are_harmless() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("eve");
    let form = json!({
        "email": address, "password": PASSWORD, "display_name": "E\u{202e}ve\u{2066}",
    });
    let register = world.post("/v1/auth/register", &form);
    // A header holds no control characters but these, in bytes.
    let agent = "evil\u{9b}31m\u{202e}\u{feff}agent";
    let register = register.header_bytes("user-agent", agent.as_bytes());
    register.send().await.expect(201);
    world.projected().await;
    for what in ["sessions", "accounts"] {
        for output in ["table", "json", "jsonl"] {
            let list = [what, "list", "--q", &address, "-o", output];
            let said = program(&world, &operator, &list).await.ended(0);
            assert!(is_clean(&said.out), "{list:?}: {:?}", said.out);
            assert!(said.out.contains(&address), "{list:?}: {}", said.out);
        }
    }
}

#[tokio::test]
async fn nothing_is_an_empty_list_and_prose_goes_to_stderr() {
    let empty = json!({"items": [], "next": null});
    let paths = ["sessions?limit=50", "keys", "projections"];
    let replies = paths.map(|path| (format!("GET /v1/admin/{path}"), Reply::json(200, &empty)));
    let canned = Canned::start(replies).await;
    for what in ["sessions", "keys", "projections"] {
        let list = |output| [what, "list", "-o", output];
        let json = program_at(&canned.url, "t", &list("json")).await.ended(0);
        assert_eq!((json.out.as_str(), json.err.as_str()), ("[]\n", ""));
        for output in ["jsonl", "id"] {
            let none = program_at(&canned.url, "t", &list(output)).await.ended(0);
            assert_eq!((none.out.as_str(), none.err.as_str()), ("", ""));
        }
    }
}

#[tokio::test]
async fn projections_are_repaired_and_rebuilt() {
    let repaired = json!(ProjectionsRepaired { shards: vec![3, 4] });
    let post = |what: &str| format!("POST /v1/admin/projections/{what}");
    let canned = Canned::start([
        (post("repair"), Reply::json(200, &repaired)),
        (post("rebuild"), Reply::json(202, &json!({}))),
    ])
    .await;
    let repair = ["projections", "repair", "-o", "id"];
    let said = program_at(&canned.url, "t", &repair).await.ended(0);
    assert_eq!(said.lines(), ["3", "4"]);
    let repair = ["projections", "repair", "--shard", "3", "-o", "json"];
    let said = program_at(&canned.url, "t", &repair).await.ended(0);
    assert_eq!(said.json(), repaired);
    // Nobody is there who could say that all is meant.
    let rebuild = ["projections", "rebuild"];
    let said = program_at(&canned.url, "t", &rebuild).await.ended(2);
    assert!(said.err.contains("--yes"), "{}", said.err);
    let rebuild = ["projections", "rebuild", "--yes"];
    program_at(&canned.url, "t", &rebuild).await.ended(0);
    let asked = canned.asked();
    assert_eq!(
        asked,
        [
            "POST /v1/admin/projections/repair {}",
            "POST /v1/admin/projections/repair {\"shard\":3}",
            "POST /v1/admin/projections/rebuild",
        ]
    );
}
