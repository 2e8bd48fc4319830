//! Questions about the past.

mod command;
mod life;

use std::time::Duration;

use countersign_api::Clock;
use countersign_events::{Cursor, SessionId};
use countersign_log::{LogError, RawMessage};
use serde_json::Value;
use uuid::Uuid;

use crate::support::{Answer, PATIENCE, SignedIn, World, email, eventually};

const AS_OF: &str = "countersign-as-of";

/// A moment after all that was done so far and before all that comes.
async fn moment() -> String {
    let clock = Clock::system();
    let at = clock.now();
    eventually(PATIENCE, || async { clock.now() > at }).await;
    at.to_string()
}

/// Somebody who asks, and remembers what the answers were.
struct Asker<'a> {
    world: &'a World,
    operator: SignedIn,
    told: std::cell::RefCell<Vec<(String, String, Answer)>>,
}

impl<'a> Asker<'a> {
    async fn of(world: &'a World) -> Self {
        Self {
            operator: world.operator().await,
            world,
            told: std::cell::RefCell::default(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let call = self.world.get(path).by(&self.operator.access);
        call.send().await
    }

    /// Asks as of a time, and then as of what the answer says of itself: the
    /// answers are the same.
    async fn ask(&self, path: &str, at: &str) -> Answer {
        let parameter = |as_of: &str| {
            let sign = if path.contains('?') { '&' } else { '?' };
            format!("{path}{sign}as_of={as_of}")
        };
        let answer = self.get(&parameter(at)).await;
        if answer.status == 200 {
            let as_of = answer.header(AS_OF).to_owned();
            let again = self.get(&parameter(&as_of)).await;
            assert_eq!(again.text(), answer.text(), "{path}");
            assert_eq!(again.header(AS_OF), as_of);
            let mut told = self.told.borrow_mut();
            told.push((parameter(at), as_of.clone(), answer.clone()));
            told.push((parameter(&as_of), as_of, answer.clone()));
        }
        answer
    }

    async fn json(&self, path: &str, at: &str) -> Value {
        self.ask(path, at).await.expect(200).json()
    }

    async fn ids(&self, path: &str, at: &str) -> Vec<Uuid> {
        ids(&self.ask(path, at).await.items())
    }

    /// Whatever has happened since, all the answers are still the same.
    async fn nothing_has_changed(&self) {
        let told = self.told.borrow().clone();
        assert!(told.len() > 20, "{}", told.len());
        for (path, as_of, answer) in told {
            let again = self.get(&path).await;
            assert_eq!(again.text(), answer.text(), "{path}");
            assert_eq!(again.header(AS_OF), as_of);
        }
    }
}

fn ids(rows: &[Value]) -> Vec<Uuid> {
    let id = |row: &Value| row["id"].as_str().and_then(|id| id.parse().ok());
    rows.iter().map(|row| id(row).expect("an id")).collect()
}

#[tokio::test]
async fn what_is_to_come_and_what_is_no_moment_is_refused() {
    let world = World::start().await;
    let asker = Asker::of(&world).await;
    let ada = world.register(&email("ada")).await;
    world.projected().await;
    let here = world.ends().await;
    let now = world.now().as_millis();
    let cursor = |ends: &[u64]| {
        let texts: Vec<String> = ends.iter().map(ToString::to_string).collect();
        texts.join("-")
    };
    let beyond: Vec<u64> = here.iter().map(|end| end + 1).collect();
    let later = world.now().plus(Duration::from_hours(1));
    let paths = [
        "/v1/admin/sessions".to_owned(),
        format!("/v1/admin/sessions/{}", ada.session),
        format!("/v1/admin/sessions/{}/events", ada.session),
        "/v1/admin/accounts".to_owned(),
        format!("/v1/admin/accounts/{}", ada.account),
        format!("/v1/admin/accounts/{}/events", ada.account),
    ];
    for path in &paths {
        for bad in [
            String::new(),
            "yesterday".to_owned(),
            "12:00".to_owned(),
            "1795356187000".to_owned(),
            "2026-02-30T10:00:00Z".to_owned(),
            "1969-12-31T23:59:59Z".to_owned(),
            later.to_string(),
            "9999-12-31T23:59:59Z".to_owned(),
            format!("{}@{}", cursor(&here), later.as_millis()),
            format!("{}@{now}", cursor(&beyond)),
            format!("{}@{now}", cursor(&here[1..])),
            format!("{}@", cursor(&here)),
            "@".to_owned(),
            format!("{}-0@{now}", cursor(&here)),
            "1".repeat(2_000),
        ] {
            let answer = asker.get(&format!("{path}?as_of={bad}")).await;
            let refused = answer.refused(400, "validation_failed").json();
            assert_eq!(refused["errors"][0]["parameter"], "as_of", "{bad:.40}");
        }
        let good = format!("{}@{now}", cursor(&here));
        let answer = asker.get(&format!("{path}?as_of={good}")).await.expect(200);
        assert_eq!(answer.header(AS_OF), good);
        // Now is no future, and long ago is no mistake.
        let now = world.now().to_string();
        asker.get(&format!("{path}?as_of={now}")).await.expect(200);
        let long_ago = asker
            .get(&format!("{path}?as_of=1970-01-01T00:00:00Z"))
            .await;
        assert_eq!(
            long_ago.status,
            if path.contains("s/") { 404 } else { 200 },
            "{path}"
        );
        let plain = asker.get(path).await.expect(200);
        assert_eq!(plain.header(AS_OF), "");
    }
    let stranger = world.get(&format!("{}?as_of=yesterday", paths[0]));
    let stranger = stranger.by(&ada.access).send().await;
    stranger.refused(403, "insufficient_permissions");
}

#[tokio::test]
async fn pages_of_the_past_meet_everybody_once_whatever_came_since() {
    let world = World::start().await;
    let asker = Asker::of(&world).await;
    let mut sessions = vec![asker.operator.session];
    let mut accounts = vec![asker.operator.account];
    let mut people = Vec::new();
    for name in 0..6 {
        let address = email(&format!("p{name}"));
        let first = world.register(&address).await;
        let second = world.login(&address).await;
        accounts.insert(0, first.account);
        sessions.insert(0, first.session);
        sessions.insert(0, second.session);
        people.push((address, first, second));
    }
    let at = moment().await;
    let shards = world.ends().await.iter().filter(|end| **end > 0).count();
    assert!(shards > 1, "they are all in one shard");
    // Everybody goes on: some refresh, some leave, some come back, some come.
    for (index, (address, first, second)) in people.iter().enumerate() {
        if index % 2 == 0 {
            world.refresh(&first.refresh).await.expect(200);
        } else {
            world.logout(&second.refresh).await.expect(204);
        }
        world.login(address).await;
        world.register(&email("later")).await;
    }
    for (path, expected) in [
        ("/v1/admin/sessions?state=any", &sessions),
        ("/v1/admin/sessions?state=active", &sessions),
        ("/v1/admin/accounts?q=", &accounts),
    ] {
        for limit in [1, 2, 5, 200] {
            let (mut found, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = format!("{path}&limit={limit}{cursor}");
                let page = asker.ask(&page, &at).await.expect(200);
                assert!(page.items().len() <= limit);
                found.extend(ids(&page.items()));
                match page.next() {
                    None => break,
                    Some(next) => cursor = format!("&after={next}"),
                }
            }
            assert_eq!(&found, expected, "{path} by {limit}");
        }
    }
    asker.nothing_has_changed().await;
}

#[tokio::test]
async fn of_whoever_is_erased_the_past_tells_nothing() {
    let world = World::start().await;
    let asker = Asker::of(&world).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    let at = moment().await;
    let session = format!("/v1/admin/sessions/{}", ada.session);
    let account = format!("/v1/admin/accounts/{}", ada.account);
    assert_eq!(asker.json(&account, &at).await["email"], address);
    assert_eq!(asker.json(&session, &at).await["state"], "active");
    let erased = world.post_nothing(&format!("{account}/erase"));
    erased.by(&asker.operator.access).send().await.expect(204);
    let after = moment().await;
    for path in [&session, &account] {
        for at in [&at, &after] {
            asker.ask(path, at).await.refused(404, "not_found");
        }
    }
    for list in ["/v1/admin/sessions", "/v1/admin/accounts"] {
        let then = asker.ask(list, &at).await.expect(200);
        let gone = ada.account.to_string();
        assert!(!then.text().contains(&gone), "{}", then.text());
    }
}

#[tokio::test]
async fn a_history_is_read_as_long_as_it_may_be_and_no_longer() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    world.refresh(&ada.refresh).await.expect(200);
    let log = &world.log;
    let subject = log.subject_of(SessionId::from_uuid(ada.session));
    let end = log.last_sequence(subject.shard).await.expect("it answers");
    let all = log.history_until(subject, end, 100).await.expect("all");
    let many = all.len();
    assert!(many > 1, "{many}");
    let exactly = log.history_until(subject, end, many).await.expect("all");
    assert_eq!(exactly.len(), many);
    for (max, message) in all.iter().enumerate() {
        let refused = log.history_until(subject, end, max).await;
        let Err(LogError::TooLong {
            subject: of,
            max: at_most,
        }) = refused
        else {
            panic!("{max} of {many}: {refused:?}");
        };
        assert_eq!((of, at_most), (subject, max));
        // What came later does not count.
        let until = message.position.sequence - 1;
        let before = log.history_until(subject, until, max).await.expect("less");
        assert_eq!(before.len(), max);
        // Page by page it is the same, and a short page says that it is over.
        let (mut pages, mut from) = (Vec::new(), 1);
        loop {
            let page = log.page_until(subject, from, until, 1).await.expect("one");
            let Some(last) = page.last() else { break };
            from = last.position.sequence + 1;
            pages.extend(page);
        }
        let bytes = |page: &[RawMessage]| -> Vec<_> {
            page.iter().map(|one| one.payload.clone()).collect()
        };
        assert_eq!(bytes(&pages), bytes(&before));
        let page = log.page_until(subject, 1, until, many).await.expect("all");
        assert_eq!(bytes(&page), bytes(&before));
    }
}

#[tokio::test]
async fn four_questions_about_the_past_are_answered_at_the_same_time() {
    let world = World::start().await;
    let asker = Asker::of(&world).await;
    world.projected().await;
    let at = moment().await;
    let paths = [
        "/v1/admin/sessions".to_owned(),
        format!("/v1/admin/sessions/{}", asker.operator.session),
        format!("/v1/admin/sessions/{}/events", asker.operator.session),
        "/v1/admin/accounts".to_owned(),
        format!("/v1/admin/accounts/{}", asker.operator.account),
        format!("/v1/admin/accounts/{}/events", asker.operator.account),
    ];
    let beyond = world.ends().await.iter().map(|end| end + 1).collect();
    let beyond = format!("{}@{}", Cursor::new(beyond), world.now().as_millis());
    let places: Vec<_> = (0..4).map(|_| world.app.place_for_past()).collect();
    assert!(places.iter().all(Result::is_ok));
    for path in &paths {
        asker.ask(path, &at).await.refused(503, "overloaded");
        // That there was no such moment takes the log to know, too; what is no
        // moment at all does not.
        let refused = asker.ask(path, &beyond).await;
        refused.refused(503, "overloaded");
        let refused = asker.ask(path, "yesterday").await;
        refused.refused(400, "validation_failed");
        // What is asked of now has places enough.
        asker.get(path).await.expect(200);
    }
    drop(places);
    for path in &paths {
        asker.ask(path, &at).await.expect(200);
        let refused = asker.ask(path, &beyond).await;
        refused.refused(400, "validation_failed");
    }
}
