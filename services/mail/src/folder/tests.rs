use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::compose::{Form, compose};
use crate::config::{MailConfig, Retry, Transport};
use crate::letter::{Action, Letter};

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("countersign-mail-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mail(product: &str, id: &str, millis: i64) -> Mail {
    let config = MailConfig {
        from: "Exämple <id@people.example>".into(),
        reply_to: Some("help@people.example".into()),
        product_name: product.into(),
        link_base: "https://id.people.example".into(),
        transport: Transport::Off,
        retry: Retry::default(),
    };
    let sender = config.sender().expect("sound");
    let letter = Letter {
        subject: format!("Confirm your address for {product}"),
        before: vec!["Grüße".into()],
        action: Some(Action {
            label: "Go",
            url: zeroize::Zeroizing::new(format!("https://x/{}", "y".repeat(200))),
            validity: "Soon.".into(),
        }),
        ..Letter::default()
    };
    let written = letter
        .write(None, product, &sender.home)
        .expect("it renders");
    let to = "ada@example.com".parse().expect("an address");
    let at = Timestamp::from_millis(millis);
    compose(&sender, &to, id.into(), &written, at, Form::File).expect("a message")
}

#[test]
fn a_mail_reads_back_as_it_was_written() {
    let folder = Scratch::new("reads");
    prepare(&folder.0).expect("a folder");
    let at = 1_780_000_000_000;
    let long = "Ünïcødé and a name that goes on for quite a while, as names do";
    put(&folder.0, &mail(long, "a", at)).expect("stored");
    let found = list(&folder.0, 10).expect("readable");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to, "ada@example.com");
    assert_eq!(found[0].subject, format!("Confirm your address for {long}"));
    assert_eq!(found[0].at, Timestamp::from_millis(at));
    assert!(
        found[0].text.starts_with("Hello,\n\nGrüße\n"),
        "{}",
        found[0].text
    );
    let link = format!("https://x/{}\n", "y".repeat(200));
    assert!(found[0].text.contains(&link), "{}", found[0].text);
    assert!(!found[0].text.contains("<p>"), "{}", found[0].text);
}

#[test]
fn only_the_owner_can_read_it_and_nothing_unfinished_is_left() {
    let folder = Scratch::new("modes");
    prepare(&folder.0).expect("a folder");
    put(&folder.0, &mail("P", "a", 1)).expect("stored");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    let entries: Vec<_> = fs::read_dir(&folder.0).expect("there").flatten().collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(mode(&entries[0].path()), 0o600);
}

#[test]
fn the_newest_are_listed_first_and_the_oldest_make_room() {
    let folder = Scratch::new("bounded");
    assert_eq!(list(&folder.0, 10).expect("no folder, no mails"), []);
    prepare(&folder.0).expect("a folder");
    let more = 3;
    for index in 0..KEPT + more {
        let at = 1_000 + i64::try_from(index).expect("few");
        put(&folder.0, &mail("P", "a", at)).expect("stored");
    }
    let found = list(&folder.0, usize::MAX).expect("readable");
    assert_eq!(found.len(), KEPT);
    let newest = 1_000 + i64::try_from(KEPT + more).expect("few") - 1;
    assert_eq!(found[0].at, Timestamp::from_millis(newest));
    assert_eq!(found[KEPT - 1].at, Timestamp::from_millis(1_000 + 3));
    assert_eq!(list(&folder.0, 2).expect("readable").len(), 2);
}

#[test]
fn a_message_has_the_headers_of_an_automatic_one() {
    let mail = mail("P", "0190-id.verify_email.holder", 1_780_000_000_000);
    let text = String::from_utf8(mail.bytes.to_vec()).expect("text");
    for line in [
        "To: ada@example.com\r\n",
        "Reply-To: help@people.example\r\n",
        "Subject: Confirm your address for P\r\n",
        "Message-ID: <0190-id.verify_email.holder@people.example>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Date: Thu, 28 May 2026 20:26:40 +0000\r\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
