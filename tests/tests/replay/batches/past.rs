//! What is folded of the past is what the rows were: after every message, the
//! row of every session and account is compared with the fold of the messages
//! up to it.

use std::collections::BTreeSet;
use std::convert::Infallible;

use countersign_events::{AccountId, Sealed, SessionId};
use countersign_views::generation;
use countersign_views::session::owner;
use countersign_views::{account, pool, session};
use sqlx::{ConnectOptions, Connection};

use super::story::{Message, chaos, fold, forgotten, header, lives, position, text};
use super::{control, database};

/// Opens while the key is there.
fn opener(
    has_key: bool,
) -> impl Fn(&Sealed, &'static str) -> Result<Option<String>, Infallible> + Copy {
    move |sealed, _| Ok(has_key.then(|| text(sealed)))
}

/// An account as the messages make it.
fn account_of(messages: &[Message], id: AccountId, has_key: bool) -> Option<account::Account> {
    let mut past = account::Past::new(id);
    for (index, message) in messages.iter().enumerate() {
        let position = position(index + 1);
        let header = header(message, position);
        let Ok(()) = past.add(position, &header, &message.events, opener(has_key));
    }
    past.account().cloned()
}

/// A session as the messages about it and its account make it.
fn session_of(messages: &[Message], id: SessionId, has_key: bool) -> Option<session::Session> {
    let mut own = messages
        .iter()
        .filter(|message| message.subject == id.uuid());
    let account = own.find_map(|message| owner(&message.events))?;
    let mut past = session::Past::new(id, account);
    for (index, message) in messages.iter().enumerate() {
        let position = position(index + 1);
        let header = header(message, position);
        let Ok(()) = past.add(position, &header, &message.events, opener(has_key));
    }
    past.session()
}

/// Compares rows and folds after every message; answers how many rows.
async fn agree(messages: &[Message], has_key: bool) -> usize {
    let world = database().await;
    let postgres = &world.postgres;
    let mut control = control(postgres).await;
    let active = generation::active(&mut control).await.expect("asked");
    let generation = active.expect("one").generation;
    let options = pool::writer_options(postgres.clone(), generation);
    let mut connection = options.connect().await.expect("Postgres answers");
    let pool = pool::api_pool(postgres.clone(), 2);
    let subjects: BTreeSet<_> = messages.iter().map(|message| message.subject).collect();
    let mut compared = 0;
    for (index, message) in messages.iter().enumerate() {
        let mut transaction = connection.begin().await.expect("begun");
        let fold = fold(std::slice::from_ref(message), index, has_key);
        fold.write(&mut transaction).await.expect("written");
        transaction.commit().await.expect("committed");
        let so_far = &messages[..=index];
        for subject in &subjects {
            let id = AccountId::from_uuid(*subject);
            let row = account::get(&pool, id).await.expect("asked");
            assert_eq!(account_of(so_far, id, has_key), row, "after {}", index + 1);
            compared += usize::from(row.is_some());
            let id = SessionId::from_uuid(*subject);
            let row = session::get(&pool, id).await.expect("asked");
            assert_eq!(session_of(so_far, id, has_key), row, "after {}", index + 1);
            compared += usize::from(row.is_some());
        }
    }
    compared
}

#[tokio::test]
async fn the_lives_of_people_are_folded_as_they_were() {
    assert!(agree(&lives(), true).await > 100);
}

#[tokio::test]
async fn whatever_happens_is_folded_as_it_was() {
    for seed in 0..8 {
        assert!(agree(&chaos(seed), true).await > 50);
    }
}

#[tokio::test]
async fn whoever_is_forgotten_is_folded_as_they_were_without_what_was_sealed() {
    for has_key in [true, false] {
        assert!(agree(&forgotten(), has_key).await > 100);
    }
    // What was sealed under a key that is gone is left out, and the rest stays.
    let before = lives().len();
    let messages = &forgotten()[..before];
    let ada = account_of(messages, super::account(1), false).expect("there");
    assert_eq!((ada.email, ada.roles.len()), (None, 1));
}
