//! Whatever the chunks are, the events are the same.

use super::*;
use proptest::prelude::*;

fn parse(chunks: &[&[u8]]) -> Result<Vec<Event>, Malformed> {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for chunk in chunks {
        parser.feed(chunk, |event| events.push(event))?;
    }
    Ok(events)
}

fn event(id: &str, name: &str, data: &str) -> Event {
    Event {
        id: id.into(),
        kind: name.into(),
        data: data.into(),
    }
}

const STREAM: &str = "\u{feff}: hello\r\n\
    id: 7\r\nevent: beat\r\ndata: {\"v\":1}\r\n\r\n\
    data:a\ndata\ndata: b\n\n\
    retry: 10\nunknown: x\n:\n\n\
    id: 8\revent: end\rdata:  x\r\r\
    data: not ended";

#[test]
fn events_are_read_as_the_standard_says() {
    let events = [
        event("7", "beat", "{\"v\":1}"),
        event("7", "", "a\n\nb"),
        event("8", "end", " x"),
    ];
    assert_eq!(parse(&[STREAM.as_bytes()]), Ok(events.to_vec()));
}

#[test]
fn an_event_without_data_is_none_but_its_id_stays() {
    let events = parse(&[b"id: 3\nevent: x\n\ndata: y\n\n"]);
    assert_eq!(events, Ok(vec![event("3", "", "y")]));
    let events = parse(&[b"id: 3\nid: 4\0\ndata: y\n\n"]);
    assert_eq!(events, Ok(vec![event("3", "", "y")]));
}

#[test]
fn what_never_ends_is_refused() {
    let long = vec![b'x'; MAX_EVENT_BYTES];
    assert_eq!(parse(&[&long]), Ok(Vec::new()));
    assert_eq!(parse(&[&long, b"x"]), Err(Malformed));
    let mut line = b"data: ".to_vec();
    line.extend(vec![b'x'; 4_000]);
    line.push(b'\n');
    assert_eq!(parse(&vec![line.as_slice(); 300]), Err(Malformed));
    // Empty lines of data are counted too.
    let mut parser = Parser::default();
    let fed = (0..MAX_EVENT_BYTES).try_for_each(|_| parser.feed(b"data\n", |_| {}));
    assert_eq!(fed, Err(Malformed));
    assert_eq!(parse(&[b"data: \xff\n\n"]), Err(Malformed));
}

proptest! {
    #[test]
    fn chunks_do_not_matter(cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
        let mut cuts = cuts;
        cuts.extend([0, STREAM.len()]);
        cuts.sort_unstable();
        let chunks: Vec<_> = cuts
            .windows(2)
            .map(|pair| &STREAM.as_bytes()[pair[0]..pair[1]])
            .collect();
        prop_assert_eq!(parse(&chunks), parse(&[STREAM.as_bytes()]));
    }

    #[test]
    fn nothing_makes_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&[&bytes]);
    }
}
