//! A command that is carried out twice has one effect.

use countersign_domain::{Account, AccountCommand, EmailCommand, Session, SessionCommand};
use countersign_events::{AccountId, EmailId, EndReason, SessionId};
use countersign_log::{Repository, random};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::support::{World, email};

#[tokio::test]
async fn a_repeated_command_changes_nothing_and_answers_the_same() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let id = AccountId::from_uuid(ada.account);
    let rename = AccountCommand::SetDisplayName { display_name: None };
    let meta = world.meta(None);
    let before = world.ends().await;
    let first = world
        .app
        .accounts
        .execute(id, &meta, &rename)
        .await
        .expect("done");
    assert_eq!(first.events.len(), 1);
    // Here, in a process that has forgotten, and in one that never knew.
    for repository in [
        world.app.accounts.clone(),
        Repository::<Account>::new(&world.log),
    ] {
        let again = repository.execute(id, &meta, &rename).await.expect("done");
        assert_eq!(again.position, first.position);
    }
    let after = world.ends().await;
    let grown: u64 = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before)
        .sum();
    assert_eq!(grown, 1, "one message");

    let end = SessionCommand::End {
        reason: EndReason::Logout,
        note: None,
    };
    let meta = world.meta(None);
    let session = SessionId::from_uuid(ada.session);
    let first = world
        .app
        .sessions
        .execute(session, &meta, &end)
        .await
        .expect("done");
    let again = Repository::<Session>::new(&world.log)
        .execute(session, &meta, &end)
        .await
        .expect("done");
    assert_eq!(again.position, first.position);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_repeated_at_the_same_time_by_many_has_one_effect() {
    let world = World::start().await;
    let other = world.second_service().await;
    for _ in 0..20 {
        let id = EmailId::from_uuid(Uuid::from_bytes(random().expect("randomness")));
        let reserve = EmailCommand::Reserve {
            account: world.new_account_id(),
        };
        let meta = world.meta(None);
        let before = world.ends().await;
        let racing = (0..40).map(|racer| {
            let service = if racer % 2 == 0 {
                &world.app
            } else {
                &other.app
            };
            service.emails.execute(id, &meta, &reserve)
        });
        let positions: Vec<_> = join_all(racing)
            .await
            .into_iter()
            .map(|done| done.expect("done").position)
            .collect();
        assert!(positions.iter().all(|position| *position == positions[0]));
        let after = world.ends().await;
        let grown: u64 = after
            .iter()
            .zip(&before)
            .map(|(after, before)| after - before)
            .sum();
        assert_eq!(grown, 1, "one message");
    }
}
