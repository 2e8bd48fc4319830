use proptest::prelude::*;
use serde_json::json;

use super::frames::FRAME_BYTES_MAX;
use super::*;
use crate::served::serve;
use crate::{Context, Login};

fn fed(bytes: &[u8]) -> Result<(Vec<Followed>, Option<String>), FollowError> {
    let mut told = Told::default();
    let mut items = VecDeque::new();
    told.feed(bytes, &mut items)?;
    let cursor = items.iter().rev().find_map(|(_, cursor)| cursor.clone());
    Ok((items.into_iter().map(|(item, _)| item).collect(), cursor))
}

fn refused(text: &str) -> String {
    fed(text.as_bytes()).expect_err(text).to_string()
}

fn event() -> serde_json::Value {
    json!({
        "id": "019a2b3c-5a02-7a11-8e00-0a0b0c0d0e07", "position": "3.8412", "noun": "session",
        "subject_id": "019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07", "name": "refreshed",
        "version": 1, "occurred_at": "2026-11-22T14:23:11Z", "actor": {"kind": "system"},
        "correlation_id": "019a2b3c-5a00-7000-8000-000000000007", "payload": {}
    })
}

fn conversation() -> String {
    let events = json!([event(), event()]);
    format!(
        ": hello\nretry: 1000\n\nevent: events\nid: 0.1-3.8412\ndata: {events}\n\n\
         event: beat\r\nid: 0.1-3.8413\r\n\
         data: {{\"at\":\"2026-11-22T14:23:12Z\",\r\ndata: \"cursor\":\"0.1-3.8413\"}}\r\n\r\n\
         event: new thing\ndata: whatever\n\n\
         event:gap\nid:0.1-3.8440\ndata:{{\"shard\":3,\"from\":8414,\"to\":8440}}\n\n\
         event: end\ndata: {{}}\n\nevent: events\nid: x\ndata: never read\n\n"
    )
}

#[test]
fn every_kind_is_read_and_what_is_not_known_is_passed_over() {
    let (items, cursor) = fed(conversation().as_bytes()).expect("a conversation");
    assert_eq!(items.len(), 4);
    assert!(matches!(&items[0], Followed::Events(events) if events.len() == 2));
    assert!(matches!(&items[1], Followed::Beat { cursor, .. } if cursor == "0.1-3.8413"));
    let gap = Followed::Gap {
        shard: 3,
        from: 8_414,
        to: 8_440,
    };
    assert_eq!(items[2..], [gap, Followed::End]);
    assert_eq!(cursor.as_deref(), Some("0.1-3.8440"));
}

#[test]
fn what_is_not_the_contract_is_an_error() {
    for (text, why) in [
        ("event: events\nid: a\ndata: {}\n\n", "events"),
        ("event: events\nid: a\ndata: [{}]\n\n", "events"),
        ("event: events\ndata: []\n\n", "cursor"),
        ("event: events\nid: a\u{7f}b\ndata: []\n\n", "cursor"),
        ("event: events\nid: a b\ndata: []\n\n", "cursor"),
        (
            "event: beat\nid: a\ndata: {\"at\":\"x\",\"cursor\":\"a\"}\n\n",
            "beat",
        ),
        ("event: beat\nid: a\ndata\n\n", "beat"),
        (
            "event: beat\nid: a\ndata: {\"at\":\"2026-11-22T14:23:12Z\",\"cursor\":\"a\\nb\"}\n\n",
            "cursor",
        ),
        (
            "event: gap\nid: a\ndata: {\"shard\":1,\"from\":9,\"to\":8}\n\n",
            "gap",
        ),
        (
            "event: gap\nid: a\ndata: {\"shard\":-1,\"from\":1,\"to\":8}\n\n",
            "gap",
        ),
    ] {
        assert!(refused(text).contains(why), "{text}");
    }
    let long = format!("event: events\nid: {}\ndata: []\n\n", "7".repeat(9_000));
    assert!(refused(&long).contains("cursor"));
    assert!(fed(b"data: \xff\n\n").is_err());
    // Without data a frame says nothing, whatever it is called.
    assert!(fed(b"event: end\nid: a\n\n").expect("nothing").0.is_empty());
}

#[test]
fn no_line_and_no_frame_is_longer_than_the_bound() {
    let line = vec![b'x'; FRAME_BYTES_MAX + 1];
    assert!(fed(&line).is_err());
    let mut told = Told::default();
    let mut items = VecDeque::new();
    let part = [b"data: ".as_slice(), &[b'y'; 1_000], b"\n"].concat();
    let parts = FRAME_BYTES_MAX / 1_000 + 2;
    let outcome = (0..parts).try_for_each(|_| told.feed(&part, &mut items));
    assert!(outcome.is_err() && items.is_empty());
    // Comments without end take no memory.
    let mut told = Told::default();
    let part = [b": ".as_slice(), &[b'z'; 1_000], b"\n"].concat();
    for _ in 0..parts {
        told.feed(&part, &mut items).expect("a comment");
    }
}

proptest! {
    #[test]
    fn bytes_never_panic_and_their_pieces_do_not_count(
        noise in proptest::collection::vec(any::<u8>(), 0..60),
        at in 0_usize..700,
        cuts in proptest::collection::vec(0_usize..900, 0..6),
    ) {
        let mut bytes = conversation().into_bytes();
        let at = at.min(bytes.len());
        bytes.splice(at..at, noise);
        let whole = fed(&bytes);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let (mut told, mut items, mut from) = (Told::default(), VecDeque::new(), 0);
        let mut outcome = Ok(());
        for cut in cuts {
            outcome = outcome.and_then(|()| told.feed(&bytes[from..cut], &mut items));
            from = cut;
        }
        prop_assert_eq!(outcome.is_ok(), whole.is_ok());
        if let Ok((whole, _)) = whole {
            let items: Vec<_> = items.into_iter().map(|(item, _)| item).collect();
            prop_assert_eq!(whole, items);
        }
    }
}

async fn follow(url: String, after: Option<&str>) -> Result<EventStream, ClientError> {
    let login = Login::Token(countersign_openapi::Secret::new("t"));
    let client = Client::unsigned(&Context { url, login }).expect("a client");
    let query = EventsQuery {
        noun: Some("a&b".to_owned()),
        ..EventsQuery::default()
    };
    client.follow_events(&query, after).await
}

#[tokio::test]
async fn a_stream_that_is_cut_says_where_to_go_on() {
    let mut said = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_owned();
    said.push_str(conversation().split("event: new").next().expect("a part"));
    let (url, asked) = serve(vec![said]);
    let mut stream = follow(url, Some("0.0-3.1")).await.expect("a stream");
    assert_eq!(stream.cursor(), Some("0.0-3.1"));
    assert!(matches!(stream.next().await, Ok(Followed::Events(_))));
    assert!(matches!(stream.next().await, Ok(Followed::Beat { .. })));
    assert!(matches!(stream.next().await, Err(FollowError::Closed)));
    assert_eq!(stream.cursor(), Some("0.1-3.8413"));
    let asked = asked.join().expect("asked").concat().to_lowercase();
    assert!(
        asked.contains("/v1/admin/events/stream?noun=a%26b "),
        "{asked}"
    );
    assert!(asked.contains("last-event-id: 0.0-3.1\r\n"), "{asked}");
}

#[tokio::test]
async fn who_stands_before_the_service_may_say_to_come_back() {
    let told = |status: &str| format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nno");
    for (status, passes) in [("429", true), ("502", true), ("504", true), ("500", false)] {
        let (url, _) = serve(vec![told(status)]);
        let error = follow(url, None).await.expect_err("no stream");
        assert_eq!(error.passes(), passes, "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_refused() {
    let json = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let (url, _) = serve(vec![json.to_owned()]);
    let error = follow(url, None).await.expect_err("no stream");
    assert!(matches!(error, ClientError::Contract(_)), "{error}");
}
