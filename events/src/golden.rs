//! Stored bytes are for ever.
//!
//! `golden/<noun>.<name>.v<version>.json` is a whole message as it was first
//! stored, with the event it is named after in the first place. A word before
//! `.json` tells several of one event apart; those with the word `min` leave
//! out every field that the event may leave out. A file is written once, by
//! `UPDATE_GOLDEN=1 cargo test -p countersign-events`, and never again: an
//! event changes by a new version with a file of its own.

mod refused;
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Once;

use serde_json::Value;
use uuid::Uuid;

use crate::{
    AccountEvent, Acr, Actor, AnyEvent, ClientEvent, CredentialKind, DecodeError, EmailEvent,
    EndReason, Envelope, EventSet, FactorEvent, FactorKind, GrantEvent, KeyAlgorithm, KeyEvent,
    Noun, RawEnvelope, RevocationEvent, SessionEvent, Subject,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Every golden file by its name.
fn files() -> BTreeMap<String, String> {
    static WRITTEN: Once = Once::new();
    WRITTEN.call_once(write_missing);
    std::fs::read_dir(folder())
        .expect("events/golden is there")
        .map(|entry| {
            let entry = entry.expect("a folder entry");
            let name = entry.file_name().into_string().expect("an ASCII name");
            let text = std::fs::read_to_string(entry.path()).expect("UTF-8");
            (name, text)
        })
        .collect()
}

/// With `UPDATE_GOLDEN=1` a missing file is written; one that is there never.
fn write_missing() {
    if std::env::var_os("UPDATE_GOLDEN").is_none_or(|value| value != "1") {
        return;
    }
    for (file, bytes) in samples::all() {
        match File::create_new(folder().join(file)) {
            Ok(mut created) => created.write_all(&bytes).expect("a written golden file"),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => panic!("golden/{file}: {error}"),
        }
    }
}

/// The event that a file is named after.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    noun: Noun,
    name: String,
    version: u16,
}

impl Named {
    /// Reads `<noun>.<name>.v<version>.json` or `...<version>.<word>.json`.
    fn of(file: &str) -> Option<Self> {
        let (rest, version) = file.strip_suffix(".json")?.rsplit_once(".v")?;
        let (noun, name) = rest.split_once('.')?;
        let version = version
            .split_once('.')
            .map_or(version, |(version, _)| version);
        Some(Self {
            noun: noun.parse().ok()?,
            name: name.to_owned(),
            version: version.parse().ok()?,
        })
    }
}

fn known(noun: Noun) -> &'static [(&'static str, u16)] {
    match noun {
        Noun::Account => AccountEvent::KNOWN,
        Noun::Session => SessionEvent::KNOWN,
        Noun::Email => EmailEvent::KNOWN,
        Noun::Key => KeyEvent::KNOWN,
        Noun::Factor => FactorEvent::KNOWN,
        Noun::Client => ClientEvent::KNOWN,
        Noun::Grant => GrantEvent::KNOWN,
        Noun::Revocation => RevocationEvent::KNOWN,
    }
}

/// The subject a message says it stands on. Its shard is not in the message.
fn subject_of(noun: Noun, text: &str) -> Subject {
    let message: Value = serde_json::from_str(text).expect("JSON");
    let id = message["subject_id"].as_str().expect("a subject id");
    Subject {
        shard: 0,
        noun,
        id: Uuid::try_parse(id).expect("a UUID"),
    }
}

fn typed<E: EventSet>(subject: Subject, text: &str) -> Result<Envelope<E>, DecodeError> {
    RawEnvelope::parse(subject, text.as_bytes())?.typed()
}

/// The bytes that this program would store for the message, or none if one of
/// its events is of a version that this program only reads.
fn stored_again<E: EventSet>(subject: Subject, text: &str) -> Option<String> {
    let raw = RawEnvelope::parse(subject, text.as_bytes()).expect("decoded before");
    let mut envelope = raw.typed::<E>().expect("decoded before");
    let written = envelope
        .events
        .iter()
        .map(|event| (event.name(), event.version()));
    let stored = raw.raw_events().map(|(name, version, _)| (name, version));
    if !stored.eq(written) {
        return None;
    }
    envelope.state = raw.state().map(ToOwned::to_owned);
    Some(String::from_utf8(envelope.encode().expect("encodes")).expect("UTF-8"))
}

#[test]
fn every_known_event_has_a_file_and_every_file_an_event() {
    let known: BTreeSet<Named> = Noun::ALL
        .into_iter()
        .flat_map(|noun| {
            known(noun).iter().map(move |(name, version)| Named {
                noun,
                name: (*name).to_owned(),
                version: *version,
            })
        })
        .collect();
    let mut filed = BTreeSet::new();
    for file in files().keys() {
        let named = Named::of(file).unwrap_or_else(|| panic!("golden/{file}: not an event's name"));
        assert!(known.contains(&named), "golden/{file}: no such event");
        if !file.ends_with(".min.json") {
            filed.insert(named);
        }
    }
    let missing: Vec<_> = known.difference(&filed).collect();
    assert!(
        missing.is_empty(),
        "no golden file: {missing:?}; add samples and run with UPDATE_GOLDEN=1"
    );
}

#[test]
fn every_file_decodes_and_says_what_its_name_says() {
    for (file, text) in files() {
        let named = Named::of(&file).expect("a file's name");
        let subject = subject_of(named.noun, &text);
        let raw = RawEnvelope::parse(subject, text.as_bytes())
            .unwrap_or_else(|error| panic!("golden/{file}: {error}"));
        let first = raw.raw_events().next().map(|(name, version, _)| Named {
            noun: subject.noun,
            name: name.to_owned(),
            version,
        });
        assert_eq!(first, Some(named), "golden/{file}");
        let any = raw.any_events();
        let any = any.unwrap_or_else(|error| panic!("golden/{file}: {error}"));
        assert_eq!(any.len(), raw.raw_events().count(), "golden/{file}");
        let is_of_its_noun = any.iter().all(|event| match event {
            AnyEvent::Account(_) => subject.noun == Noun::Account,
            AnyEvent::Session(_) => subject.noun == Noun::Session,
            AnyEvent::Email(_) => subject.noun == Noun::Email,
            AnyEvent::Key(_) => subject.noun == Noun::Key,
            AnyEvent::Factor(_) => subject.noun == Noun::Factor,
            AnyEvent::Client(_) => subject.noun == Noun::Client,
            AnyEvent::Grant(_) => subject.noun == Noun::Grant,
            AnyEvent::Revocation(_) => subject.noun == Noun::Revocation,
        });
        assert!(is_of_its_noun, "golden/{file}");
    }
}

/// The same, whatever the noun.
fn file_stored_again(file: &str, text: &str) -> Option<String> {
    let noun = Named::of(file).expect("a file's name").noun;
    let subject = subject_of(noun, text);
    match noun {
        Noun::Account => stored_again::<AccountEvent>(subject, text),
        Noun::Session => stored_again::<SessionEvent>(subject, text),
        Noun::Email => stored_again::<EmailEvent>(subject, text),
        Noun::Key => stored_again::<KeyEvent>(subject, text),
        Noun::Factor => stored_again::<FactorEvent>(subject, text),
        Noun::Client => stored_again::<ClientEvent>(subject, text),
        Noun::Grant => stored_again::<GrantEvent>(subject, text),
        Noun::Revocation => stored_again::<RevocationEvent>(subject, text),
    }
}

#[test]
fn what_is_of_the_current_version_is_stored_with_the_same_bytes() {
    for (file, text) in files() {
        if let Some(again) = file_stored_again(&file, &text) {
            assert_eq!(
                again, text,
                "golden/{file}: the program would store other bytes; give the event a new version"
            );
        }
    }
}

#[test]
fn every_sample_is_stored_as_its_file_says() {
    let files = files();
    for (file, bytes) in samples::all() {
        let stored = files
            .get(file)
            .unwrap_or_else(|| panic!("golden/{file} is missing; write it with UPDATE_GOLDEN=1"));
        assert!(
            file_stored_again(file, stored).is_some(),
            "golden/{file}: an event in it has a new version, so the file is only read from now \
             on; store the sample under another name"
        );
        assert_eq!(
            &String::from_utf8(bytes).expect("UTF-8"),
            stored,
            "golden/{file}: the program stores other bytes; give the event a new version"
        );
    }
}

#[test]
fn a_min_file_leaves_out_what_the_event_may_leave_out() {
    let files = files();
    let fields = |text: &str| -> BTreeSet<String> {
        let message: Value = serde_json::from_str(text).expect("JSON");
        let data = message["events"][0]["data"].as_object().expect("an object");
        data.iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, _)| name.clone())
            .collect()
    };
    for (file, text) in &files {
        let Some(stem) = file.strip_suffix(".min.json") else {
            continue;
        };
        let full = files
            .get(&format!("{stem}.json"))
            .unwrap_or_else(|| panic!("golden/{file}: {stem}.json is missing"));
        let (less, more) = (fields(text), fields(full));
        assert!(
            less.is_subset(&more) && less.len() < more.len(),
            "golden/{file}: leaves out nothing that {stem}.json has"
        );
    }
}

/// The envelope's own optional fields occur both ways.
#[test]
fn every_optional_field_of_the_envelope_is_there_once_and_missing_once() {
    let files = files();
    for field in ["account", "causation", "trace_parent", "state"] {
        let with = files
            .values()
            .filter(|text| {
                let message: Value = serde_json::from_str(text).expect("JSON");
                message.get(field).is_some()
            })
            .count();
        assert!((1..files.len()).contains(&with), "{field}: {with} files");
    }
}

/// Words inside events, of which the files hold only some.
#[test]
fn stored_words_never_change() {
    fn word(value: impl serde::Serialize) -> String {
        let stored = serde_json::to_value(value).expect("encodes");
        stored.as_str().expect("a word").to_owned()
    }
    for reason in [
        (EndReason::Logout, "logout"),
        (EndReason::LogoutAll, "logout_all"),
        (EndReason::EndedByOwner, "ended_by_owner"),
        (EndReason::RevokedByOperator, "revoked_by_operator"),
        (EndReason::RefreshReused, "refresh_reused"),
        (EndReason::PasswordChanged, "password_changed"),
        (EndReason::PasswordReset, "password_reset"),
        (EndReason::FactorChanged, "factor_changed"),
        (EndReason::Suspended, "suspended"),
        (EndReason::RolesChanged, "roles_changed"),
        (EndReason::Erased, "erased"),
    ] {
        assert_eq!(
            (word(reason.0), reason.0.as_str()),
            (reason.1.into(), reason.1)
        );
    }
    for acr in [
        (Acr::Aal1, "aal1"),
        (Acr::Aal2, "aal2"),
        (Acr::Aal3, "aal3"),
    ] {
        assert_eq!((word(acr.0), acr.0.as_str()), (acr.1.into(), acr.1));
    }
    for kind in [
        (FactorKind::Password, "password"),
        (FactorKind::Totp, "totp"),
        (FactorKind::Passkey, "passkey"),
        (FactorKind::RecoveryCode, "recovery_code"),
    ] {
        assert_eq!((word(kind.0), kind.0.as_str()), (kind.1.into(), kind.1));
    }
    for noun in Noun::ALL {
        assert_eq!(word(noun), noun.as_str());
    }
    assert_eq!(word(CredentialKind::Password), "password");
    assert_eq!(word(KeyAlgorithm::ES256), "ES256");
    assert_eq!(word(KeyAlgorithm::EdDSA), "EdDSA");
    let actor = |actor: Actor| serde_json::to_string(&actor).expect("encodes");
    assert_eq!(actor(Actor::System), r#"{"kind":"system"}"#);
    assert_eq!(actor(Actor::Anonymous), r#"{"kind":"anonymous"}"#);
    assert_eq!(
        actor(Actor::Client(samples::CLIENT)),
        format!(r#"{{"kind":"client","id":"{}"}}"#, samples::CLIENT)
    );
    assert_eq!(
        actor(Actor::Account(samples::ACCOUNT)),
        format!(r#"{{"kind":"account","id":"{}"}}"#, samples::ACCOUNT)
    );
}
