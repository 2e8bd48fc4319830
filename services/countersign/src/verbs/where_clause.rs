//! `network=203.0.113.0/24 client=web user-agent="two words"`: which sessions,
//! as one writes it on a command line.

use countersign_openapi::{Acr, RevocationPredicate, SessionState, display_safe};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What is understood, as messages and the help say it.
pub(super) const NAMES: &str = "account, client, network (or ip), user-agent, acr, acr-below, key, started-before, started-after, state or all";

/// Reads conditions, all of which must hold. What is said twice is refused.
pub(super) fn parse(text: &str) -> Result<RevocationPredicate, String> {
    let mut predicate = RevocationPredicate::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|letter: char| letter == '=' || letter.is_whitespace());
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        let (value, after) = match after.strip_prefix('=') {
            None => (None, after),
            Some(after) => {
                let (value, after) = value(name, after)?;
                (Some(value), after)
            }
        };
        set(&mut predicate, name, value)?;
        rest = after.trim_start();
    }
    Ok(predicate)
}

/// The value at the beginning of a text, in double quotes or without spaces,
/// and what comes after it.
fn value<'a>(name: &str, text: &'a str) -> Result<(&'a str, &'a str), String> {
    let (value, after) = match text.strip_prefix('"') {
        Some(quoted) => quoted
            .split_once('"')
            .ok_or_else(|| format!("{name}: the quote does not end"))?,
        None => text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())),
    };
    if value.is_empty() {
        return Err(format!("{name}: a value is missing"));
    }
    if !(after.is_empty() || after.starts_with(char::is_whitespace)) {
        return Err(format!("{name}: a space is missing after the quote"));
    }
    Ok((value, after))
}

fn set(predicate: &mut RevocationPredicate, name: &str, value: Option<&str>) -> Result<(), String> {
    fn put<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), String> {
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(format!("{name} is said twice")),
        }
    }
    if name == "all" {
        return match value {
            None | Some("true") => put(&mut predicate.all, name, true),
            Some(_) => Err("all: expected nothing, or true".into()),
        };
    }
    let value = value.ok_or_else(|| {
        let name = display_safe(name);
        format!("{name}: expected NAME=VALUE with a name of {NAMES}")
    })?;
    let text = || value.to_owned();
    let moment = || {
        let parsed = OffsetDateTime::parse(value, &Rfc3339);
        parsed.map_err(|_| format!("{name}: expected a time such as 2026-11-22T14:00:00Z"))
    };
    let acr = || match value {
        "aal1" => Ok(Acr::Aal1),
        "aal2" => Ok(Acr::Aal2),
        "aal3" => Ok(Acr::Aal3),
        _ => Err(format!("{name}: expected aal1, aal2 or aal3")),
    };
    match name {
        "account" => {
            let id = value.parse();
            let id = id.map_err(|_| format!("{name}: expected an id"))?;
            put(&mut predicate.account, name, id)
        }
        "client" => put(&mut predicate.client, name, text()),
        // A list narrows by `--ip`, and the console by `ip:`.
        "network" | "ip" | "address" => put(&mut predicate.network, name, text()),
        "user-agent" => put(&mut predicate.user_agent, name, text()),
        "acr" => put(&mut predicate.acr, name, acr()?),
        "acr-below" => put(&mut predicate.acr_below, name, acr()?),
        "key" => put(&mut predicate.key, name, text()),
        "started-before" => put(&mut predicate.started_before, name, moment()?),
        "started-after" => put(&mut predicate.started_after, name, moment()?),
        "state" => {
            let state = match value {
                "active" => SessionState::Active,
                "expired" => SessionState::Expired,
                "revoked" => SessionState::Revoked,
                _ => return Err("state: expected active, expired or revoked".into()),
            };
            put(&mut predicate.state, name, state)
        }
        _ => Err(format!(
            "{}: expected a name of {NAMES}",
            display_safe(name)
        )),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_written() {
        let read = parse(
            r#" network=203.0.113.0/24  client=web user-agent="Two = words" acr-below=aal2
               started-after=2026-11-22T14:00:00+01:00 "#,
        );
        let expected = RevocationPredicate {
            network: Some("203.0.113.0/24".into()),
            client: Some("web".into()),
            user_agent: Some("Two = words".into()),
            acr_below: Some(Acr::Aal2),
            started_after: Some(
                datetime!(2026-11-22 13:00:00 UTC).to_offset(time::macros::offset!(+1)),
            ),
            ..RevocationPredicate::default()
        };
        assert_eq!(read, Ok(expected));
        for text in ["all", "all=true"] {
            assert_eq!(parse(text).expect("read").all, Some(true));
        }
        for name in ["network", "ip", "address"] {
            let read = parse(&format!("{name}=203.0.113.7")).expect("read");
            assert_eq!(read.network.as_deref(), Some("203.0.113.7"));
        }
        assert_eq!(parse("  "), Ok(RevocationPredicate::default()));
    }

    #[test]
    fn what_is_mistyped_is_refused_and_never_means_more() {
        for text in [
            "client",
            "client=",
            "client=web client=app",
            "cleint=web",
            "client = web",
            r#"user-agent="open"#,
            r#"user-agent="a"b"#,
            "all=false",
            "all all",
            "acr=3",
            "account=ada",
            "started-after=yesterday",
            "state=open",
            "=web",
            "ip=192.0.2.7 network=192.0.2.7",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["cleint=web", "cleint", "client=web cleint"] {
            let why = parse(text).expect_err(text);
            assert!(why.starts_with("cleint: "), "{why}");
        }
    }
}
