//! What is not exactly a message of this log is refused, and for the right
//! reason.

use uuid::Uuid;

use super::{folder, subject_of, typed};
use crate::{AccountEvent, DecodeError, Noun, RawEnvelope, SessionEvent, Subject};

fn golden(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).expect("a golden file")
}

fn started() -> String {
    golden("session.started.v1.json")
}

/// Why `text` cannot be read on the subject that a sign-in stands on. Readers
/// of one noun and readers of all nouns agree about it.
fn refusal(text: &str) -> DecodeError {
    let subject = subject_of(Noun::Session, &started());
    let any = RawEnvelope::parse(subject, text.as_bytes()).and_then(|raw| raw.any_events());
    let one = typed::<SessionEvent>(subject, text);
    let error = one.err().unwrap_or_else(|| panic!("was read: {text}"));
    let other = any.expect_err("readers of all nouns refuse it too");
    assert_eq!(error.to_string(), other.to_string());
    error
}

/// The stored sign-in with one thing changed.
fn changed(from: &str, to: &str) -> String {
    let before = started();
    assert_eq!(before.matches(from).count(), 1, "{from} occurs once");
    before.replace(from, to)
}

/// Asserts that it is malformed JSON of the kind that `because` says.
fn assert_malformed(text: &str, because: &str) {
    match refusal(text) {
        DecodeError::Json(error) => {
            let said = error.to_string();
            assert!(said.contains(because), "{said:?} is not about {because:?}");
        }
        other => panic!("{because}: refused as {other:?}"),
    }
}

#[test]
fn unknown_names_and_versions_of_events() {
    for (from, to, name, version) in [
        (r#""started""#, r#""resumed""#, "resumed", 1),
        (r#""started""#, r#""Started""#, "Started", 1),
        (r#""started""#, r#""registered""#, "registered", 1),
        (
            r#""name":"started","v":1"#,
            r#""name":"started","v":2"#,
            "started",
            2,
        ),
        (
            r#""name":"started","v":1"#,
            r#""name":"started","v":0"#,
            "started",
            0,
        ),
    ] {
        match refusal(&changed(from, to)) {
            DecodeError::UnknownEvent {
                noun: Noun::Session,
                name: found,
                version: of,
            } => assert_eq!((found.as_str(), of), (name, version)),
            other => panic!("{to}: refused as {other:?}"),
        }
    }
}

#[test]
fn a_long_unknown_name_is_cut() {
    let long = format!("\"{}\"", "ä".repeat(1_000));
    match refusal(&changed(r#""started""#, &long)) {
        DecodeError::UnknownEvent { name, .. } => assert_eq!(name, "ä".repeat(64)),
        other => panic!("refused as {other:?}"),
    }
}

#[test]
fn one_unknown_event_among_known_ones_refuses_the_message() {
    let text = golden("account.registered.v1.json").replace("credential_set", "credential_put");
    let subject = subject_of(Noun::Account, &text);
    let read = typed::<AccountEvent>(subject, &text);
    assert!(
        matches!(read, Err(DecodeError::UnknownEvent { ref name, .. }) if name == "credential_put"),
        "{read:?}"
    );
}

#[test]
fn unknown_versions_of_the_envelope() {
    for (text, version) in [
        (changed(r#""envelope":1"#, r#""envelope":2"#), 2),
        (changed(r#""envelope":1"#, r#""envelope":0"#), 0),
        // A newer one may have any shape.
        (r#"{"envelope":2}"#.to_owned(), 2),
        (r#"{"envelope":7,"what":[1,2,3]}"#.to_owned(), 7),
    ] {
        let error = refusal(&text);
        assert!(
            matches!(error, DecodeError::UnknownEnvelope(found) if found == version),
            "{error:?}"
        );
    }
}

#[test]
fn unknown_fields() {
    let unknown = "unknown field `extra`";
    assert_malformed(
        &changed(r#"{"envelope""#, r#"{"extra":1,"envelope""#),
        unknown,
    );
    assert_malformed(&changed(r#"{"name""#, r#"{"extra":1,"name""#), unknown);
    assert_malformed(
        &changed(
            r#""epoch":2,"client":"first-party","ip""#,
            r#""epoch":2,"extra":{},"client":"first-party","ip""#,
        ),
        unknown,
    );
}

#[test]
fn unknown_fields_of_the_actor() {
    let more = r#"{"kind":"account","extra":1"#;
    assert_malformed(&changed(r#"{"kind":"account""#, more), "extra");
    let nobody = r#"{"kind":"system","id":"019e7044-8800-7a11-8001-00000000000b"}"#;
    let account = nobody.replace("system", "account");
    assert_malformed(&changed(&account, nobody), "invalid type: string");
}

#[test]
fn missing_fields() {
    for (from, field) in [
        (r#""envelope":1,"#, "envelope"),
        (r#""noun":"session","#, "noun"),
        (r#""occurred_at":1780000100000,"#, "occurred_at"),
        (r#""name":"started","#, "name"),
        (r#""v":1,"data""#, "v"),
    ] {
        let to = if field == "v" { r#""data""# } else { "" };
        assert_malformed(&changed(from, to), &format!("missing field `{field}`"));
    }
    let no_account = changed(
        r#""data":{"account":"019e7044-8800-7a11-8001-00000000000b","#,
        r#""data":{"#,
    );
    assert_malformed(&no_account, "missing field `account`");
}

#[test]
fn values_of_another_kind() {
    for (from, to, because) in [
        (
            r#""noun":"session""#,
            r#""noun":"cat""#,
            "unknown variant `cat`",
        ),
        (
            r#""envelope":1"#,
            r#""envelope":"1""#,
            "invalid type: string",
        ),
        (
            r#""envelope":1"#,
            r#""envelope":70000"#,
            "invalid value: integer `70000`",
        ),
        (
            r#""occurred_at":1780000100000"#,
            r#""occurred_at":1.5"#,
            "invalid type: floating point",
        ),
        (
            r#""kind":"account""#,
            r#""kind":"robot""#,
            "unknown variant `robot`",
        ),
        (r#""ip":"AQI"#, r#""ip":"!QI"#, "not a sealed value"),
    ] {
        assert_malformed(&changed(from, to), because);
    }
}

#[test]
fn a_message_about_something_else() {
    let text = started();
    let there = subject_of(Noun::Session, &text);
    let elsewhere = [
        Subject {
            noun: Noun::Account,
            ..there
        },
        Subject {
            noun: Noun::Email,
            ..there
        },
        Subject {
            id: Uuid::nil(),
            ..there
        },
    ];
    for subject in elsewhere {
        let read = RawEnvelope::parse(subject, text.as_bytes());
        assert!(
            matches!(read, Err(DecodeError::WrongSubject)),
            "{subject}: {read:?}"
        );
    }
    // In its place, but asked for as another noun's.
    let raw = RawEnvelope::parse(there, text.as_bytes()).expect("its own subject");
    let read = raw.typed::<AccountEvent>();
    assert!(matches!(read, Err(DecodeError::WrongSubject)), "{read:?}");
}

#[test]
fn a_message_without_events() {
    let text = started();
    let (head, rest) = text.split_once(r#""events":["#).expect("events");
    let (_, tail) = rest.split_once(r#"],"state""#).expect("a state");
    let error = refusal(&format!(r#"{head}"events":[],"state"{tail}"#));
    assert!(matches!(error, DecodeError::Empty), "{error:?}");
}

#[test]
fn fields_that_are_there_twice() {
    for (from, to, field) in [
        (
            r#"{"envelope":1"#,
            r#"{"envelope":1,"envelope":1"#,
            "envelope",
        ),
        (
            r#""noun":"session""#,
            r#""noun":"session","noun":"session""#,
            "noun",
        ),
        (
            r#"{"kind":"account""#,
            r#"{"kind":"account","kind":"account""#,
            "kind",
        ),
        (
            r#"{"name":"started""#,
            r#"{"name":"started","name":"ended""#,
            "name",
        ),
        (
            r#""data":{"account""#,
            r#""data":{},"data":{"account""#,
            "data",
        ),
        (
            r#""epoch":2,"client":"first-party","ip""#,
            r#""epoch":2,"epoch":9,"client":"first-party","ip""#,
            "epoch",
        ),
        (r#","state":"#, r#","state":null,"state":"#, "state"),
    ] {
        assert_malformed(&changed(from, to), &format!("duplicate field `{field}`"));
    }
}

#[test]
fn bytes_after_the_end_and_bytes_that_are_missing() {
    let text = started();
    for more in ["x", "{}", "\0", &text] {
        assert_malformed(&format!("{text}{more}"), "trailing characters");
    }
    // White space is no byte of ours, but JSON all the same.
    let spaced = format!("{text}\n");
    let subject = subject_of(Noun::Session, &text);
    assert!(typed::<SessionEvent>(subject, &spaced).is_ok());
    for end in 0..text.len() {
        assert_malformed(&text[..end], "EOF while parsing");
    }
    for nothing in ["null", "[]", "1", "\"\""] {
        assert_malformed(nothing, "invalid");
    }
}

#[test]
fn nesting_without_end() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for levels in [1, 200, 1_000_000] {
        let deep = deep(levels);
        assert_malformed(
            &changed(
                r#""data":{"account""#,
                &format!(r#""data":{deep},"was":{{"account""#),
            ),
            "unknown field `was`",
        );
        assert_malformed(
            &changed(
                r#""client":"first-party","ip""#,
                &format!(r#""client":{deep},"ip""#),
            ),
            "invalid type: sequence",
        );
        assert_malformed(
            &changed(r#""noun":"session""#, &format!(r#""noun":{deep}"#)),
            "expected",
        );
    }
}

/// Not UTF-8, and JSON that is none.
#[test]
fn bytes_that_are_no_json() {
    let subject = subject_of(Noun::Session, &started());
    let mut bytes = started().into_bytes();
    let at = started().find("first-party").expect("a client");
    bytes[at] = 0xFF;
    let read = RawEnvelope::parse(subject, &bytes);
    let read = read.and_then(|raw| raw.events::<SessionEvent>());
    assert!(matches!(read, Err(DecodeError::Json(_))), "{read:?}");
    for text in ["", " ", "{", "{'envelope':1}", "NaN"] {
        let read = RawEnvelope::parse(subject, text.as_bytes());
        assert!(
            matches!(read, Err(DecodeError::Json(_))),
            "{text:?}: {read:?}"
        );
    }
}
