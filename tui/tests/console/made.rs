//! Things to show.

use countersign_openapi::{
    Account, AccountNote, Attempt, Client, Event, Overview, ProjectionState, Ready, Session,
    SigningKey, Verifiers,
};
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// When every story begins.
pub const NOW: OffsetDateTime = datetime!(2026-11-22 14:03:07 UTC);

fn at(seconds_ago: i64) -> String {
    let at = NOW - Duration::seconds(seconds_ago);
    let format = &time::format_description::well_known::Rfc3339;
    at.format(format).expect("a time")
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("as the contract says")
}

/// The id of the account with a number.
pub fn account_id(number: u64) -> Uuid {
    Uuid::from_u128(0x019a_2b3c_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

/// The id of the session with a number; higher ones are newer.
pub fn session_id(number: u64) -> Uuid {
    Uuid::from_u128(0x019a_2b3c_0000_7000_9000_0000_0000_0000 + u128::from(number))
}

const PEOPLE: [&str; 6] = ["ada", "bob", "carol", "dave", "erin", "mallory"];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36",
    "curl/8.14.1",
    "evil\u{1b}[31m\u{202e}agent\r\n",
];

/// The session with a number.
pub fn session(number: u64) -> Session {
    let person = PEOPLE[usize::try_from(number % 6).expect("small")];
    let agent = AGENTS[usize::try_from(number % 4).expect("small")];
    let revoked = number % 7 == 3;
    let ended = revoked
        .then(|| json!({"at": at(120), "by": account_id(99), "reason": "revoked_by_operator"}));
    let age = i64::try_from(number % 50).expect("small");
    read(json!({
        "id": session_id(number), "account_id": account_id(number % 6),
        "email": format!("{person}@example.com"),
        "state": if revoked { "revoked" } else { "active" },
        "client": "first-party", "ip": format!("203.0.113.{}", number % 250),
        "user_agent": agent, "acr": "aal2", "amr": ["pwd", "otp"],
        "started_at": at(3_600 + age), "last_seen_at": at(age * 7),
        "expires_at": at(-604_800), "generation": number % 9 + 1, "ended": ended,
        "position": format!("1.{number}"),
    }))
}

/// The account with a number.
pub fn account(number: u64) -> Account {
    let person = PEOPLE[usize::try_from(number % 6).expect("small")];
    read(json!({
        "id": account_id(number), "email": format!("{person}@example.com"),
        "display_name": if number % 6 == 5 { "Mall\u{202e}yro".to_owned() } else { person.to_owned() },
        "email_verified": number.is_multiple_of(2),
        "roles": if number == 0 { vec!["user", "operator"] } else { vec!["user"] },
        "created_at": at(86_400 * i64::try_from(number + 1).expect("small")),
        "state": if number == 4 { "suspended" } else { "active" },
        "mfa": number % 3 != 2,
        "factors": if number % 3 == 2 { vec![] } else { vec!["totp"] },
    }))
}

/// What an operator wrote who suspended it.
pub fn noted() -> AccountNote {
    read(json!({
        "at": at(600), "by": account_id(0), "what": "suspended",
        "note": "phishing,\u{202e} incident 311", "position": "1.8000",
    }))
}

/// An event of a session or account.
pub fn event(position: u64, noun: &str, subject: Uuid, name: &str, payload: Value) -> Event {
    let id = Uuid::from_u128(0x019a_2b3c_0000_7000_a000_0000_0000_0000 + u128::from(position));
    let actor = if name == "ended" {
        json!({"kind": "account", "id": account_id(99)})
    } else {
        json!({"kind": "account", "id": subject})
    };
    read(json!({
        "id": id, "position": format!("1.{position}"), "noun": noun, "subject_id": subject,
        "name": name, "version": 1,
        "occurred_at": at(4_000 - i64::try_from(position).expect("small")),
        "actor": actor, "correlation_id": id, "payload": payload,
    }))
}

/// What happened to a session.
pub fn session_history(id: Uuid) -> Vec<Event> {
    let say = |position, name, payload| event(position, "session", id, name, payload);
    let mut events = vec![
        say(11, "attempted", json!({"amr": ["pwd"]})),
        say(12, "factor_rejected", json!({"method": "totp", "tries": 1})),
        say(
            14,
            "started",
            json!({"client": "first-party", "acr": "aal2", "amr": ["pwd", "otp"]}),
        ),
        say(20, "refreshed", json!({"generation": 2})),
        say(31, "refresh_reused", json!({"presented": 1, "live": 2})),
        say(32, "ended", json!({"reason": "refresh_reused"})),
    ];
    events[5].causation_id = Some(events[4].id);
    events
}

/// What happened to an account.
pub fn account_history(id: Uuid) -> Vec<Event> {
    let say = |position, name, payload| event(position, "account", id, name, payload);
    let credential = Uuid::from_u128(7);
    vec![
        say(3, "registered", json!({"roles": ["user"]})),
        say(
            5,
            "factor_added",
            json!({"kind": "totp", "credential": credential}),
        ),
        say(
            5,
            "recovery_codes_set",
            json!({"credential": Uuid::from_u128(8), "count": 10}),
        ),
        say(9, "challenge_failed", json!({"method": "recovery_code"})),
        say(10, "sessions_ended", json!({"reason": "logout_all"})),
    ]
}

/// The newest tries to sign in to an account.
pub fn attempts() -> Vec<Attempt> {
    let one = |ago: i64, outcome: &str| {
        let mut attempt = json!({"at": at(ago), "outcome": outcome});
        if outcome == "signed_in" {
            attempt["session_id"] = json!(session_id(6));
        } else {
            attempt["network"] = json!("203.0.113.0/24");
        }
        read(attempt)
    };
    vec![
        one(1_300, "signed_in"),
        one(1_380, "throttled"),
        one(1_430, "wrong_password"),
        one(1_440, "wrong_password"),
        one(1_445, "wrong_password"),
        one(90_000, "signed_in"),
    ]
}

/// The session as it was, with the causes of its fields.
pub fn session_at(number: u64, at: OffsetDateTime) -> Session {
    let mut session = session(number);
    session.ended = session.ended.filter(|ended| ended.at <= at);
    session.last_seen_at = session.last_seen_at.min(at - Duration::seconds(40));
    if session.ended.is_none() {
        session.state = countersign_openapi::SessionState::Active;
    }
    let cause = |position: u64, name: &str, by: Uuid| {
        json!({"position": format!("1.{position}"), "noun": "session", "name": name,
            "at": self::at(4_000 - i64::try_from(position).expect("small")), "by": by})
    };
    let started = cause(14, "started", session.account_id);
    session.causes = Some(read(json!({
        "state": started, "ip": started, "user_agent": started, "client": started,
        "started_at": started, "acr": started, "expires_at": cause(20, "refreshed", session.account_id),
        "last_seen_at": cause(20, "refreshed", session.account_id),
        "generation": cause(20, "refreshed", session.account_id),
        "email": {"position": "0.3", "noun": "account", "name": "registered",
            "at": self::at(90_000), "by": "anonymous"},
    })));
    session
}

/// The account as it was, with the causes of its fields.
pub fn account_at(number: u64) -> Account {
    let mut account = account(number);
    let cause = |position: u64, name: &str, by: &str| {
        json!({"position": format!("1.{position}"), "noun": "account", "name": name,
            "at": at(4_000 - i64::try_from(position).expect("small")), "by": by})
    };
    let registered = cause(3, "registered", "anonymous");
    account.sessions_active = Some(2);
    account.causes = Some(read(json!({
        "email": registered, "roles": registered, "created_at": registered, "state": registered,
        "factors": cause(5, "factor_added", &account_id(number).to_string()),
    })));
    account
}

/// The numbers; with what needs attention, or without.
pub fn overview(troubled: bool) -> Overview {
    let projections = projections(troubled);
    read(json!({
        "at": at(0), "positions": ["0.8391", "1.8412"], "accounts": 120_551,
        "sessions_active": 48_210, "logins_15m": if troubled { 100 } else { 1_204 },
        "logins_failed_15m": if troubled { 311 } else { 4 }, "logins_24h": 61_377,
        "sessions_ended_24h": 912, "refresh_reused_24h": if troubled { 3 } else { 0 },
        "projections": projections,
    }))
}

/// Read models; one that stopped, or none.
pub fn projections(troubled: bool) -> Vec<ProjectionState> {
    let fault = json!({"position": "1.8401", "since": at(660),
        "message": "unknown event session.started version 9"});
    let one = |shard: u32, stopped: bool| {
        read(json!({
            "name": "accounts_and_sessions", "version": 1, "shard": shard,
            "state": if stopped { "stopped" } else { "running" },
            "position": format!("{shard}.8391"), "log_end": format!("{shard}.8412"),
            "lag_events": if stopped { 2_011 } else { 2 }, "events_per_second": 410,
            "owner": "node-a", "fault": if stopped { fault.clone() } else { Value::Null },
        }))
    };
    vec![one(0, false), one(1, troubled)]
}

/// Read models that serve, and what says that making them anew failed.
pub fn failed_rebuild() -> Vec<ProjectionState> {
    let mut items = projections(false);
    let mut failed = projections(true).remove(1);
    failed.name.push_str("_r2");
    failed.phase = Some("failed".to_owned());
    failed.shard = 0;
    items.push(failed);
    items
}

/// Read models that are being made anew.
pub fn rebuilding() -> Vec<ProjectionState> {
    let mut items = projections(false);
    for item in &mut items {
        item.state = countersign_openapi::ProjectionMode::Rebuilding;
        item.lag_events = 5_292_507;
        item.events_per_second = Some(12_100);
        item.eta_seconds = Some(437);
    }
    items
}

/// How the service is.
pub fn ready(troubled: bool) -> Ready {
    let views = if troubled {
        json!({"name": "views", "state": "down", "detail": "Postgres does not answer"})
    } else {
        json!({"name": "views", "state": "ok"})
    };
    read(json!({
        "status": if troubled { "degraded" } else { "ready" },
        "checks": [{"name": "log", "state": "ok"}, views, {"name": "keys", "state": "ok"},
            {"name": "revocations", "state": "ok"}, {"name": "anchor", "state": "ok"}],
    }))
}

/// Signing keys.
pub fn keys() -> Vec<SigningKey> {
    let one = |kid: &str, state: &str, days: i64| {
        let mut key = json!({
            "kid": kid, "algorithm": "ES256", "state": state, "created_at": at(86_400 * days),
            "published_at": at(86_400 * days), "signs_from": at(86_400 * days - 600),
            "lacking": if state == "next" { vec!["orders"] } else { vec![] },
        });
        if state == "retiring" {
            key["retires_at"] = json!(at(-3_600));
        }
        read(key)
    };
    vec![
        one("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "next", 0),
        one("Qd3Kd0s4m1vQ7xY2bW8pT5nR6cL9hJ0fG1aS2dF3gH4", "active", 24),
        one(
            "Zx9Cv8Bn7Mm6Kk5Jj4Hh3Gg2Ff1Dd0Ss9Aa8Pp7Oo6I",
            "retiring",
            54,
        ),
    ]
}

/// Programs.
pub fn clients() -> Vec<Client> {
    let one = |number: u64, name: &str, state: &str| {
        read(json!({
            "id": Uuid::from_u128(u128::from(number)), "name": name, "serves": [],
            "audiences": ["https://stock.example"], "scopes": ["stock:read"], "state": state,
            "secrets": [], "key_ids": ["a"], "created_at": at(86_400), "position": "0.7",
        }))
    };
    vec![one(1, "orders", "active"), one(2, "billing", "disabled")]
}

/// Who checks tokens.
pub fn verifiers() -> Verifiers {
    let one = |number: u64, name: &str, state: &str| {
        json!({
            "id": Uuid::from_u128(u128::from(number)), "name": name, "client": null,
            "state": state, "position": [8_391, 8_412], "staleness_ms": number * 420,
            "heard_ms_ago": number * 310, "kids": ["a", "b"],
        })
    };
    read(json!({
        "items": [one(1, "orders", "live"), one(40, "billing\u{1b}[2J", "silent")],
        "applied": null, "behind": [],
    }))
}
