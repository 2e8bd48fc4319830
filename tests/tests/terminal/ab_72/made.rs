//! The people, as the log has them: more than the service lets in.

use std::time::Duration;

use countersign_domain::{AccountCommand, SessionCommand, Standing, Start};
use countersign_events::{AccountId, Acr, SessionId};
use countersign_log::random;
use serde_json::json;
use uuid::Uuid;

use super::{PAYLOADS, dressed};
use crate::support::{World, email, soon};

const DAY: Duration = Duration::from_hours(24);

/// A session of each of them; the last has ten thousand characters.
pub(super) async fn sessions(world: &World) -> Vec<SessionId> {
    let mut sessions = Vec::new();
    for number in 0..PAYLOADS.len() {
        sessions.push(session(world, dressed(number)).await);
    }
    let long = format!("P99{}", "\u{1b}[31m\u{202e}long ".repeat(1_000));
    sessions.push(session(world, long).await);
    verifier(world).await;
    world.projected().await;
    sessions
}

/// Somebody with this name, at this program, on this client.
async fn session(world: &World, text: String) -> SessionId {
    let person = world.register(&email("eve")).await;
    let account = AccountId::from_uuid(person.account);
    let key = world.log.vault().data_key(account).await;
    let key = key.expect("the vault answers").expect("a key");
    let meta = world.meta(Some(account));
    let seal = |text: &str, field| {
        let sealed = key.seal(text, account, meta.message, field);
        sealed.expect("sealed")
    };
    let name = AccountCommand::SetDisplayName {
        display_name: Some(seal(&text, "display_name")),
    };
    let done = world.app.accounts.execute(account, &meta, &name).await;
    done.expect("renamed");
    let meta = world.meta(Some(account));
    let seal = |text: &str, field| {
        let sealed = key.seal(text, account, meta.message, field);
        sealed.expect("sealed")
    };
    let start = SessionCommand::Start(Start {
        account,
        standing: Standing {
            active: true,
            needs_factor: false,
            min_epoch: 0,
            epoch: 1,
        },
        client: text.chars().take(60).collect(),
        ip: seal("192.0.2.7", "ip"),
        user_agent: Some(seal(&text, "user_agent")),
        acr: Acr::Aal1,
        amr: vec!["pwd".to_owned()],
        binding: None,
        now: meta.now,
        idle: 7 * DAY,
        absolute: 30 * DAY,
        retention: 90 * DAY,
    });
    let random = random().expect("randomness");
    let id = SessionId::generate(account, meta.now, random);
    let done = world.app.sessions.execute(id, &meta, &start).await;
    done.expect("started");
    id
}

/// A verifier of such a name.
async fn verifier(world: &World) {
    let report = json!({
        "v": 1, "id": Uuid::from_u128(7), "name": dressed(0), "seq": null, "cursor": null,
        "kids": [], "staleness_ms": null, "max_staleness_ms": 10_000, "leaving": false,
    });
    let subject = format!("{}.ver.report", world.log.prefix());
    let payload = report.to_string().into_bytes().into();
    let heard = soon(world.log.client().request(subject, payload)).await;
    heard.expect("an answer");
}
