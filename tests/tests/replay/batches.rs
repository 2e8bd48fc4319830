//! How messages are cut into batches does not show in the rows, and neither
//! does a batch that is written twice.

mod past;
mod story;

use std::fmt::Write as _;

use countersign_views::generation::{self, State};
use countersign_views::{control, history, pool};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};

use crate::support::World;
use story::{Message, account, at, chaos, fold, forgotten, lives, session};

const TABLES: [&str; 4] = ["accounts", "sessions", "history", "erased"];

/// A database for these tests alone, which nobody else writes to.
async fn database() -> World {
    let mut world = World::start().await;
    world.stop_projector().await;
    world
}

async fn control(postgres: &PgConnectOptions) -> PgConnection {
    let options = pool::control_options(postgres.clone());
    let mut control = options.connect().await.expect("Postgres answers");
    control::prepare(&mut control).await.expect("prepared");
    control
}

/// Every row of every table.
async fn dump(connection: &mut PgConnection) -> String {
    let mut dump = String::new();
    for table in TABLES {
        let sql = format!("select t::text as row from {table} t order by 1");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *connection);
        for row in rows.await.expect("rows") {
            writeln!(dump, "{table} {}", row.get::<String, _>("row")).expect("text");
        }
    }
    dump
}

/// The rows that the messages make of an empty generation, in batches of this
/// size, each of them written so often.
async fn rows(
    postgres: &PgConnectOptions,
    messages: &[Message],
    batch: usize,
    times: usize,
    has_key: bool,
) -> String {
    let mut control = control(postgres).await;
    let made = generation::create(&mut control, State::Scratch)
        .await
        .expect("created");
    let options = pool::writer_options(postgres.clone(), made);
    let mut connection = options.connect().await.expect("Postgres answers");
    let mut from = 0;
    for chunk in messages.chunks(batch) {
        let fold = fold(chunk, from, has_key);
        for _ in 0..times {
            let mut transaction = connection.begin().await.expect("begun");
            fold.write(&mut transaction).await.expect("written");
            transaction.commit().await.expect("committed");
        }
        from += chunk.len();
    }
    let dump = dump(&mut connection).await;
    connection.close().await.expect("closed");
    generation::drop(&mut control, made).await.expect("dropped");
    dump
}

async fn agree(postgres: &PgConnectOptions, messages: &[Message]) -> String {
    let expected = rows(postgres, messages, 1, 1, true).await;
    for (batch, times) in [
        (1, 2),
        (2, 1),
        (3, 2),
        (7, 1),
        (messages.len(), 1),
        (messages.len(), 2),
    ] {
        let found = rows(postgres, messages, batch, times, true).await;
        let more = |these: &str, those: &str| -> Vec<String> {
            let more = these.lines().filter(|row| !those.contains(row));
            more.map(ToOwned::to_owned).collect()
        };
        let (wrong, missing) = (more(&found, &expected), more(&expected, &found));
        assert!(
            wrong.is_empty() && missing.is_empty(),
            "batches of {batch}, each {times} times: {wrong:#?} and not {missing:#?}"
        );
    }
    expected
}

#[tokio::test]
async fn batches_do_not_show_in_the_lives_of_people() {
    let world = database().await;
    let postgres = &world.postgres;
    let dump = agree(postgres, &lives()).await;
    assert_eq!(
        dump.lines()
            .filter(|row| row.starts_with("accounts"))
            .count(),
        2
    );
    assert_eq!(
        dump.lines()
            .filter(|row| row.starts_with("sessions"))
            .count(),
        4
    );
    assert!(!dump.lines().any(|row| row.starts_with("erased")));
}

#[tokio::test]
async fn batches_do_not_show_whatever_happens() {
    let world = database().await;
    let postgres = &world.postgres;
    for seed in 0..8 {
        agree(postgres, &chaos(seed)).await;
    }
}

#[tokio::test]
async fn nothing_is_left_of_who_is_forgotten_whether_the_key_was_there_or_not() {
    let world = database().await;
    let postgres = &world.postgres;
    let dump = agree(postgres, &forgotten()).await;
    let gone = account(1).to_string();
    let left: Vec<&str> = dump.lines().filter(|row| row.contains(&gone)).collect();
    // Who did something is no part of who it was done to.
    let of_the_other = account(2).to_string();
    let left: Vec<_> = left
        .iter()
        .filter(|row| !row.contains(&of_the_other))
        .collect();
    assert!(
        matches!(left.as_slice(), [row] if row.starts_with("erased ")),
        "{left:#?}"
    );
    let only_first: Vec<Message> = forgotten()
        .into_iter()
        .filter(|message| {
            message.subject != account(2).uuid() && message.subject != session(3).uuid()
        })
        .collect();
    let with_key = rows(postgres, &only_first, 100, 1, true).await;
    assert_eq!(rows(postgres, &only_first, 100, 1, false).await, with_key);
}

#[tokio::test]
async fn the_rows_show_what_happened() {
    let world = database().await;
    let postgres = &world.postgres;
    let mut control = control(postgres).await;
    let active = generation::active(&mut control)
        .await
        .expect("asked")
        .expect("one");
    let options = pool::writer_options(postgres.clone(), active.generation);
    let mut connection = options.connect().await.expect("Postgres answers");
    let mut write = async |messages: &[Message], from: usize| {
        let mut transaction = connection.begin().await.expect("begun");
        fold(messages, from, true)
            .write(&mut transaction)
            .await
            .expect("written");
        transaction.commit().await.expect("committed");
    };
    let pool = pool::api_pool(postgres.clone(), 2);
    let lives = lives();
    write(&lives[..4], 0).await;
    let find = |n| countersign_views::session::get(&pool, session(n));
    assert_eq!(find(1).await.expect("asked"), None, "it is only tried");
    write(&lives[4..9], 4).await;
    let one = find(1).await.expect("asked").expect("there");
    assert_eq!((one.acr.as_str(), one.generation), ("aal2", 2));
    assert_eq!(one.ended.expect("ended").reason, "factor_changed");
    write(&lives[9..10], 9).await;
    let one = find(1).await.expect("asked").expect("there");
    assert_eq!((one.ended, one.epoch), (None, 9), "it goes on");
    let two = find(2).await.expect("asked").expect("there");
    assert_eq!(two.ended.expect("ended").reason, "factor_changed");
    write(&lives[10..18], 10).await;

    let show = |n| countersign_views::account::get(&pool, account(n));
    let one = show(1).await.expect("asked").expect("there");
    assert_eq!(one.factors, ["totp"], "the passkey was removed");
    assert_eq!(one.disabled, ["password", "totp"]);
    assert_eq!(one.recovery_codes_left, Some(9));
    assert!(one.email_verified && one.state == "active");
    write(&lives[18..], 18).await;
    let one = show(1).await.expect("asked").expect("there");
    assert_eq!((one.factors, one.disabled), (vec![], vec![]));
    assert_eq!(
        one.recovery_codes_left, None,
        "the last factor took them along"
    );
    let two = show(2).await.expect("asked").expect("there");
    assert_eq!(two.email.as_deref(), Some("Bob@example.net"));
    assert_eq!(
        (two.state.as_str(), two.suspended_note.as_deref()),
        ("suspended", Some("note"))
    );
    assert_eq!(two.roles, ["operator"]);
    let three = find(3).await.expect("asked").expect("there");
    assert_eq!(three.elsewhere_at, Some(at(21)));
    assert_eq!(three.user_agent.as_deref(), Some("wget"));
    assert_eq!(three.ip.as_deref(), Some("198.51.100.9"));
    assert_eq!(
        three.ended.expect("ended").reason,
        "suspended",
        "the first end stands"
    );
    let one = find(1).await.expect("asked").expect("there");
    let end = one.ended.expect("ended again");
    assert_eq!((end.reason.as_str(), end.at), ("password_changed", at(19)));

    // All of the first person's messages but the refresh, newest first.
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = history::list(&pool, account(1), after, 7)
            .await
            .expect("asked");
        pages.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let order: Vec<_> = pages
        .iter()
        .map(|entry| (entry.position.sequence, entry.index))
        .collect();
    let mut sorted = order.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    sorted.dedup();
    assert_eq!(order, sorted, "newest first, each once");
    let names: Vec<&str> = pages.iter().map(|entry| entry.name.as_str()).collect();
    let of_one = lives.iter().filter(|message| {
        message.subject == account(1).uuid()
            || [1, 2, 4]
                .map(|n| session(n).uuid())
                .contains(&message.subject)
    });
    let events = of_one.map(|message| message.events.len()).sum::<usize>();
    assert_eq!(names.len(), events - 1, "{names:?}");
    assert!(names.contains(&"factor_rejected") && !names.contains(&"refreshed"));
    assert!(pages.iter().all(|entry| entry.actor == Some(account(1))));
}
