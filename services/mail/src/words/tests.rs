use countersign_events::{CredentialId, Sealed};
use uuid::Uuid;

use super::*;
use crate::letter::Written;
use crate::plain;

const HOME: &str = "https://id.people.example";

fn tokens() -> ActionTokens {
    ActionTokens::new(&[1; 32])
}

fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(3))
}

fn asked() -> Asked {
    Asked {
        request: CredentialId::from_uuid(Uuid::from_u128(4)),
        expires_at: Timestamp::from_millis(1_780_000_000_000),
    }
}

fn sealed() -> Sealed {
    Sealed::from_bytes(Vec::new())
}

fn all() -> Vec<Kind> {
    let totp = FactorKind::Totp;
    vec![
        Kind::VerifyEmail(asked()),
        Kind::ChangeEmail(asked()),
        Kind::EmailChangeAsked(asked()),
        Kind::EmailChanged,
        Kind::ResetPassword(asked()),
        Kind::PasswordChanged,
        Kind::PasswordReset,
        Kind::FactorAdded(totp),
        Kind::FactorRemoved(totp),
        Kind::FactorsRemoved,
        Kind::FactorDisabled(totp),
        Kind::RecoveryCodesSet { count: 10 },
        Kind::RecoveryCodeUsed { left: 2 },
        Kind::ChallengeFailed {
            method: totp,
            ip: sealed(),
        },
        Kind::DeviceAdded {
            ip: sealed(),
            user_agent: None,
        },
    ]
}

fn write(kind: &Kind, name: Option<&str>, network: &str, agent: &str) -> Written {
    let facts = Facts {
        account: account(),
        at: Timestamp::from_millis(1_780_000_000_000),
        product: "Example",
        home: HOME,
        network: Some(plain::network(network)),
        agent: Some(plain::agent(agent)),
    };
    letter(kind, &facts, &tokens())
        .write(name, "Example", HOME)
        .expect("it renders")
}

/// Every URL in the text.
fn urls(text: &str) -> Vec<&str> {
    let ends = |c: char| c.is_whitespace() || "\"<,".contains(c);
    let starts = text.match_indices("http");
    starts
        .map(|(at, _)| {
            let rest = &text[at..];
            let end = rest.find(ends).unwrap_or(rest.len());
            rest[..end].trim_end_matches([':', '.'])
        })
        .collect()
}

#[test]
fn links_point_home_and_nowhere_else() {
    for kind in all() {
        let hostile = "https://evil.example <a href=//evil.example>x</a> www.evil.example";
        let name = plain::name(hostile);
        let written = write(&kind, name.as_deref(), hostile, hostile);
        for text in [&*written.text, &*written.html] {
            assert!(!text.contains("evil"), "{text}");
            let urls = urls(text);
            assert!(!urls.is_empty());
            for url in urls {
                assert!(
                    url == HOME || url.starts_with("https://id.people.example/"),
                    "{url}"
                );
            }
        }
        assert!(written.subject.len() <= 60, "{}", written.subject);
        assert!(!written.subject.contains(['\r', '\n']));
    }
}

#[test]
fn a_token_stands_in_the_fragment_and_opens_its_request() {
    for (kind, page, purpose) in [
        (Kind::VerifyEmail(asked()), "verify", Purpose::VerifyEmail),
        (Kind::ChangeEmail(asked()), "email", Purpose::ChangeEmail),
        (
            Kind::ResetPassword(asked()),
            "reset",
            Purpose::ResetPassword,
        ),
    ] {
        let written = write(&kind, None, "", "");
        let start = format!("{HOME}/account/{page}#token=");
        for text in [&*written.text, &*written.html] {
            let found = urls(text)
                .into_iter()
                .find_map(|url| url.strip_prefix(&*start));
            let opened = tokens().open(purpose, found.expect("a link"));
            assert_eq!(opened, Ok((account(), asked().request)));
        }
        assert!(
            written.text.contains("28 May 2026, 20:26 UTC"),
            "{}",
            *written.text
        );
    }
}

#[test]
fn notices_hold_no_link_that_does_anything() {
    for kind in all() {
        let is_link = matches!(
            kind,
            Kind::VerifyEmail(_) | Kind::ChangeEmail(_) | Kind::ResetPassword(_)
        );
        let written = write(&kind, None, "192.0.2.0/24", "curl/8");
        assert_eq!(written.text.contains("token="), is_link, "{kind:?}");
        assert_eq!(
            written.text.contains("From: 192.0.2.0/24"),
            !is_link,
            "{kind:?}"
        );
        assert_eq!(written.text.contains("With: curl/8"), !is_link, "{kind:?}");
    }
}

#[test]
fn what_strangers_wrote_is_text_in_html() {
    let agent = "x\"><script>alert(1)</script>";
    let kind = Kind::DeviceAdded {
        ip: sealed(),
        user_agent: None,
    };
    let written = write(&kind, Some("<b>Ada & Co</b>"), "<i>", agent);
    assert!(!written.html.contains("<script"), "{}", *written.html);
    assert!(!written.html.contains("<b>"), "{}", *written.html);
    assert!(!written.html.contains("<i>"), "{}", *written.html);
    // Text is text: it says what was written.
    assert!(
        written.text.starts_with("Hello <b>Ada & Co</b>,\n"),
        "{}",
        *written.text
    );
}

#[test]
fn the_text_is_laid_out_as_meant() {
    let written = write(
        &Kind::RecoveryCodeUsed { left: 2 },
        Some("Ada"),
        "192.0.2.7",
        "curl/8",
    );
    assert_eq!(
        *written.text,
        "Hello Ada,\n\nA recovery code was used up. Codes left: 2.\n\n\
         Time: 28 May 2026, 20:26 UTC\nFrom: 192.0.2.7\nWith: curl/8\n\n\
         Make new codes before they run out.\n\n\
         If it was not you, change your password at https://id.people.example, and sign out \
         everywhere.\n\n-- \nExample\nhttps://id.people.example"
    );
}
