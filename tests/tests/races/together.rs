//! One command for many is one append, or as many as there are.

use async_nats::jetstream;
use countersign_domain::{Session, SessionCommand};
use countersign_events::{EndReason, SessionId, stream_name};
use countersign_log::{Meta, Repository};

use crate::support::{World, email};

const END: SessionCommand = SessionCommand::End {
    reason: EndReason::RevokedByOperator,
    note: None,
};

/// Sessions of one account, so of one shard.
async fn sessions(world: &World, count: usize) -> Vec<SessionId> {
    let address = email("ada");
    let mut sessions = vec![world.register(&address).await.session];
    while sessions.len() < count {
        sessions.push(world.login(&address).await.session);
    }
    sessions.into_iter().map(SessionId::from_uuid).collect()
}

fn work(world: &World, sessions: &[SessionId]) -> Vec<(SessionId, Meta)> {
    let meta = |id: &SessionId| (*id, world.meta(None));
    sessions.iter().map(meta).collect()
}

/// How many messages the log has.
async fn messages(world: &World) -> u64 {
    world.ends().await.iter().sum()
}

#[tokio::test]
async fn many_are_ended_by_one_append_and_each_once() {
    let world = World::start().await;
    let work = work(&world, &sessions(&world, 5).await);
    let before = messages(&world).await;
    let done = world.app.sessions.execute_together(&work, &END).await;
    let done: Vec<_> = done.expect("an answer").into_iter().flatten().collect();
    assert_eq!(done.len(), work.len());
    assert_eq!(messages(&world).await, before + 5);
    for ((id, meta), done) in work.iter().zip(&done) {
        // Who asks again, here or where nothing is known, is told the same.
        for repository in [
            world.app.sessions.clone(),
            Repository::<Session>::new(&world.log),
        ] {
            let again = repository.execute(*id, meta, &END).await.expect("done");
            assert_eq!(again.position, done.position);
            assert_eq!(again.state.last_message, Some(meta.message));
        }
    }
    for repository in [
        world.app.sessions.clone(),
        Repository::<Session>::new(&world.log),
    ] {
        let again = repository.execute_together(&work, &END).await;
        assert!(again.expect("an answer").iter().all(Option::is_none));
    }
    assert_eq!(messages(&world).await, before + 5);
}

#[tokio::test]
async fn if_somebody_was_quicker_nothing_is_done_together() {
    let world = World::start().await;
    let sessions = sessions(&world, 4).await;
    let work = work(&world, &sessions);
    // Knows all of them as they were.
    let late = Repository::<Session>::new(&world.log);
    for id in &sessions {
        late.recent(*id).await.expect("a session");
    }
    let quicker = world.meta(None);
    let first = world.app.sessions.execute(sessions[2], &quicker, &END);
    let first = first.await.expect("done");
    let before = messages(&world).await;
    let done = late.execute_together(&work, &END).await.expect("an answer");
    assert!(done.iter().all(Option::is_none));
    assert_eq!(messages(&world).await, before, "nothing at all");
    for (id, meta) in &work {
        let alone = late.execute(*id, meta, &END).await.expect("done");
        let is_ours = alone.state.last_message == Some(meta.message);
        assert_eq!(is_ours, *id != sessions[2]);
        if !is_ours {
            assert_eq!(alone.position, first.position);
        }
    }
    assert_eq!(messages(&world).await, before + 3);
}

#[tokio::test]
async fn of_many_those_that_are_over_are_left_out() {
    let world = World::start().await;
    let sessions = sessions(&world, 3).await;
    let work = work(&world, &sessions);
    let before = messages(&world).await;
    let twice = [work[1].clone(), work[1].clone()];
    let done = world.app.sessions.execute_together(&twice, &END).await;
    assert!(done.expect("an answer").iter().all(Option::is_none));
    assert_eq!(
        messages(&world).await,
        before,
        "not the first of them either"
    );
    let meta = world.meta(None);
    let over = world.app.sessions.execute(sessions[0], &meta, &END);
    over.await.expect("done");
    let done = world.app.sessions.execute_together(&work, &END).await;
    let done = done.expect("an answer");
    let is_done: Vec<_> = done.iter().map(Option::is_some).collect();
    assert_eq!(is_done, [false, true, true]);
}

#[tokio::test]
async fn streams_that_take_no_batches_are_appended_to_one_by_one() {
    let world = World::start().await;
    let work = work(&world, &sessions(&world, 3).await);
    let context = jetstream::new(world.log.client().clone());
    for shard in 0..world.log.shards() {
        let name = stream_name(world.log.prefix(), shard);
        let stream = context.get_stream(&name).await.expect("a stream");
        let mut config = stream.cached_info().config.clone();
        assert!(config.allow_atomic_publish);
        config.allow_atomic_publish = false;
        context.update_stream(config).await.expect("changed");
    }
    let before = messages(&world).await;
    let done = world.app.sessions.execute_together(&work, &END).await;
    assert!(done.expect("an answer").iter().all(Option::is_none));
    assert_eq!(messages(&world).await, before);
    for (id, meta) in &work {
        let done = world.app.sessions.execute(*id, meta, &END).await;
        assert_eq!(done.expect("done").state.last_message, Some(meta.message));
    }
}
