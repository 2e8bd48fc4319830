//! Orders are carried out once, by whoever is there.

use std::time::Duration;

use countersign_domain::{Revocation, SessionCommand, Standing, Start};
use countersign_events::{AccountId, Acr, Actor, EndReason, MessageId, RevocationId, SessionId};
use countersign_log::{Meta, Repository, random};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use uuid::Uuid;

use super::{REVOCATIONS, finished, id_of, items, order, preview, shown};
use crate::support::{PATIENCE, SignedIn, World, email, eventually};

/// Sessions of somebody, as many sign-ins would make them.
async fn sign_in_often(world: &World, one: &SignedIn, client: &str, count: u64) -> Vec<SessionId> {
    let account = AccountId::from_uuid(one.account);
    let key = world.log.vault().data_key(account).await;
    let key = key.expect("the vault").expect("a key");
    let begin = async |_| -> Result<SessionId, String> {
        let now = world.now();
        let draw = || random().map_err(|error| error.to_string());
        let session = SessionId::generate(account, now, draw()?);
        let meta = Meta {
            message: MessageId::generate(now, draw()?),
            now,
            actor: Actor::Account(account),
            account: Some(account),
            correlation: Uuid::nil(),
            causation: None,
            trace_parent: None,
        };
        let ip = key.seal("203.0.113.7", account, meta.message, "ip");
        let start = Start {
            account,
            standing: Standing {
                active: true,
                needs_factor: false,
                min_epoch: 0,
                epoch: u64::MAX / 2,
            },
            client: client.to_owned(),
            ip: ip.map_err(|error| error.to_string())?,
            user_agent: None,
            acr: Acr::Aal1,
            amr: vec!["pwd".to_owned()],
            binding: None,
            now,
            idle: Duration::from_hours(24),
            absolute: Duration::from_hours(48),
            retention: Duration::from_hours(1),
        };
        let command = SessionCommand::Start(start);
        let started = world.app.sessions.execute(session, &meta, &command).await;
        started.map_err(|error| error.to_string())?;
        Ok(session)
    };
    let begun = stream::iter(0..count).map(begin).buffer_unordered(64);
    begun.try_collect().await.expect("they begin")
}

/// How many sessions of a client end with this order as their cause.
async fn ends(world: &World, sessions: &[SessionId]) -> u64 {
    let mut ends = 0;
    for session in sessions {
        let subject = world.log.subject_of(*session);
        let history = world
            .log
            .history(subject, 1)
            .await
            .expect("the log answers");
        ends += u64::try_from(history.len()).expect("short") - 1;
    }
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instance_goes_on_where_one_stopped_and_nothing_is_done_twice() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let sessions = sign_in_often(&world, &ada, "batch", 2_500).await;
    let form = json!({ "predicate": { "client": "batch" }, "reason": "the job goes on" });
    let id = id_of(&order(&world, &operator, &form).await);
    eventually(PATIENCE, || async {
        shown(&world, &operator, id).await["ended"].as_u64() > Some(50)
    })
    .await;
    // The one that is at it goes; the next one begins when it is gone.
    let second = world.second_service().await;
    let first = std::mem::replace(&mut world.service, second);
    first.stop().await;
    let done = finished(&world, &operator, id).await;
    assert_eq!(done["state"], "completed", "{done}");
    assert_eq!(
        (&done["matched"], &done["ended"]),
        (&json!(2_500), &json!(2_500)),
        "{done}"
    );
    assert_eq!(
        (&done["already_over"], &done["failed"]),
        (&json!(0), &json!(0)),
        "{done}"
    );
    assert_eq!(ends(&world, &sessions).await, 2_500, "each once");
    world.verify(&ada.access).await.expect(200);
}

/// Who takes an order over cannot always see what was done: the log knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_read_models_have_not_heard_of_is_not_done_or_counted_twice() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let sessions = sign_in_often(&world, &ada, "batch", 2_500).await;
    world.projected().await;
    let predicate = json!({ "client": "batch" });
    let seen = preview(&world, &operator, predicate.clone()).await;
    world.stop_projector().await;
    // One goes by itself, and only the log knows.
    let gone = SessionCommand::End {
        reason: EndReason::Logout,
        note: None,
    };
    let meta = world.meta(Some(AccountId::from_uuid(ada.account)));
    let gone = world.app.sessions.execute(sessions[0], &meta, &gone);
    gone.await.expect("it ends");
    let before: u64 = world.ends().await.iter().sum();
    let form = json!({ "predicate": predicate, "reason": "blind", "expected": 2_500,
        "as_of": seen["as_of"] });
    let id = id_of(&order(&world, &operator, &form).await);
    eventually(PATIENCE, || async {
        world.ends().await.iter().sum::<u64>() > before + 50
    })
    .await;
    let second = world.second_service().await;
    let first = std::mem::replace(&mut world.service, second);
    first.stop().await;
    let orders = Repository::<Revocation>::new(&world.log);
    let is_done = || async {
        let order = orders.current(RevocationId::from_uuid(id)).await;
        !order.expect("the log answers").state.is_open()
    };
    eventually(PATIENCE, is_done).await;
    world.start_projector().await;
    world.projected().await;
    let done = shown(&world, &operator, id).await;
    assert_eq!(
        [&done["ended"], &done["already_over"], &done["failed"]],
        [2_499, 1, 0].map(|number| json!(number)).each_ref(),
        "{done}"
    );
    assert_eq!(ends(&world, &sessions).await, 2_500, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_instances_share_the_orders_and_count_once() {
    let world = World::start().await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let mut orders = Vec::new();
    let mut sessions = Vec::new();
    for number in 0..6 {
        let client = format!("batch-{number}");
        sessions.extend(sign_in_often(&world, &ada, &client, 40).await);
        let form = json!({ "predicate": { "client": client }, "reason": "shared",
            "expected": 40 });
        let service = if number % 2 == 0 {
            &world.client
        } else {
            &other.client
        };
        orders.push(id_of(&order(service, &operator, &form).await));
    }
    for id in &orders {
        let done = finished(&world, &operator, *id).await;
        assert_eq!(
            (&done["matched"], &done["ended"]),
            (&json!(40), &json!(40)),
            "{done}"
        );
        assert_eq!(items(&world, &operator, *id, "ended").await.len(), 40);
    }
    assert_eq!(ends(&world, &sessions).await, 240, "each once");
    // The newest first, a page at a time.
    let mut listed: Vec<Uuid> = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("{REVOCATIONS}?limit=2{after}");
        let page = other.get(&path).by(&operator.access).send().await;
        for row in page.items() {
            assert_eq!(row["state"], "completed", "{row}");
            assert_eq!(row["ended"], 40, "{row}");
            assert_eq!(row.get("predicate"), None, "a list does not say it");
            listed.push(row["id"].as_str().expect("an id").parse().expect("an id"));
        }
        match page.next() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    orders.reverse();
    assert_eq!(listed, orders);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_stops_and_says_what_is_left() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let sessions = sign_in_often(&world, &ada, "batch", 3_000).await;
    let form = json!({ "predicate": { "client": "batch" }, "reason": "a mistake" });
    let id = id_of(&order(&world, &operator, &form).await);
    eventually(PATIENCE, || async {
        shown(&world, &operator, id).await["ended"].as_u64() > Some(0)
    })
    .await;
    let cancel = format!("{REVOCATIONS}/{id}/cancel");
    let cancel = async || {
        world
            .post_nothing(&cancel)
            .by(&operator.access)
            .send()
            .await
    };
    cancel().await.expect(204);
    cancel().await.expect(204);
    let done = finished(&world, &operator, id).await;
    assert_eq!(done["state"], "cancelled", "{done}");
    // What was under way is done soon, and then nothing more.
    let mut before = u64::MAX;
    eventually(PATIENCE, || {
        let now = ends(&world, &sessions[..1_000]);
        let last = std::mem::replace(&mut before, u64::MAX);
        async move { now.await == last || last == u64::MAX }
    })
    .await;
    world.projected().await;
    let ended = ends(&world, &sessions).await;
    assert!(ended < 3_000, "it was given up before it was done");
    let shown = shown(&world, &operator, id).await;
    assert_eq!(shown["ended"], ended, "{shown}");
    assert_eq!(shown["failed"], json!(null), "{shown}");
    let left = items(&world, &operator, id, "left").await;
    assert_eq!(left.len() as u64 + ended, 3_000);
    assert!(items(&world, &operator, id, "failed").await.is_empty());
    // What is over is not given up.
    let form = json!({ "predicate": { "client": "batch" }, "reason": "the rest",
        "expected": left.len(), "wait": true });
    let rest = id_of(&order(&world, &operator, &form).await);
    finished(&world, &operator, rest).await;
    let path = format!("{REVOCATIONS}/{rest}/cancel");
    let late = world.post_nothing(&path).by(&operator.access).send().await;
    late.refused(409, "conflict");
}

#[tokio::test]
async fn a_repeated_request_is_one_order_of_one_operator() {
    let world = World::start().await;
    let other = world.second_service().await;
    let (operator, second) = (world.operator().await, world.operator().await);
    let ada = world.register(&email("ada")).await;
    let form = json!({ "predicate": { "account": ada.account, "client": "first-party" },
        "reason": "incident 311" });
    let send = async |service: &crate::support::Client, by: &SignedIn, form: &serde_json::Value| {
        let call = service.post(REVOCATIONS, form).by(&by.access);
        call.header("idempotency-key", "incident-311").send().await
    };
    let (one, two) = tokio::join!(
        send(&world, &operator, &form),
        send(&other, &operator, &form)
    );
    let id = id_of(&one);
    assert_eq!(id_of(&two), id);
    let done = finished(&world, &operator, id).await;
    assert_eq!(done["ended"], 1, "{done}");
    // Somebody comes back: the old order is not about them.
    let form_of_others = json!({ "predicate": { "client": "first-party" }, "reason": "other" });
    assert_eq!(id_of(&send(&world, &operator, &form).await), id);
    let mut counted = form.clone();
    counted["expected"] = json!(1);
    let again = send(&world, &operator, &counted).await;
    assert_eq!(id_of(&again), id, "it is not counted again");
    let answer = send(&world, &operator, &form_of_others).await;
    answer.refused(409, "conflict");
    assert_ne!(id_of(&send(&world, &second, &form).await), id);
}

#[tokio::test]
async fn only_who_may_end_sessions_orders_and_only_who_may_see_them_looks() {
    let world = World::start().await;
    let (user, support) = (
        world.somebody(&["user"]).await,
        world.somebody(&["support"]).await,
    );
    let form = json!({ "predicate": { "all": true }, "dry_run": true });
    let before = world.ends().await;
    order(&world, &user, &form)
        .await
        .refused(403, "insufficient_permissions");
    let id = Uuid::nil();
    for path in [
        REVOCATIONS.to_owned(),
        format!("{REVOCATIONS}/{id}"),
        format!("{REVOCATIONS}/{id}/items"),
    ] {
        let answer = world.get(&path).by(&user.access).send().await;
        answer.refused(403, "insufficient_permissions");
    }
    let cancel = format!("{REVOCATIONS}/{id}/cancel");
    let answer = world.post_nothing(&cancel).by(&user.access).send().await;
    answer.refused(403, "insufficient_permissions");
    assert!(preview(&world, &support, json!({ "all": true })).await["matched"].is_u64());
    let answer = world.post_nothing(&cancel).by(&support.access).send().await;
    answer.refused(404, "not_found");
    assert_eq!(world.ends().await, before, "a preview writes nothing");
    // An old or weak authentication is not enough.
    world.later(Duration::from_mins(14 + 2));
    let refreshed = support.renewed(&world.refresh(&support.refresh).await);
    let answer = order(&world, &refreshed, &form).await;
    answer.refused(401, "insufficient_user_authentication");
}

/// What an operator wrote, and whom they looked for, is gone with them.
#[tokio::test]
async fn what_an_erased_operator_ordered_is_known_only_by_what_it_did() {
    let world = World::start().await;
    let (operator, second) = (world.operator().await, world.operator().await);
    let ada = world.register(&email("ada")).await;
    let form = json!({ "predicate": { "account": ada.account, "network": "127.0.0.0/8" },
        "reason": "incident 311" });
    let id = id_of(&order(&world, &operator, &form).await);
    finished(&world, &operator, id).await;
    let path = format!("/v1/admin/accounts/{}/erase", operator.account);
    let erased = world.post_nothing(&path).by(&second.access).send().await;
    erased.expect(204);
    eventually(PATIENCE, || async {
        shown(&world, &second, id).await.get("predicate").is_none()
    })
    .await;
    let left = shown(&world, &second, id).await;
    assert_eq!(left.get("reason"), None, "{left}");
    assert_eq!(
        (&left["state"], &left["ended"]),
        (&json!("completed"), &json!(1)),
        "{left}"
    );
    assert_eq!(
        items(&world, &second, id, "ended").await,
        [ada.session].into()
    );
}
