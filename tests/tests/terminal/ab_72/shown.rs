//! What an operator sees of them, byte for byte: on every screen of the console
//! and in every table and document of the command line.

use countersign_events::SessionId;
use tokio::process::Command;

use super::super::bytes::{holds, taken_apart};
use super::super::console::{Home, Operator, built, find, sign_in};
use super::super::pty::{ENTER, ESC, Terminal};
use super::{PAYLOADS, made};
use crate::support::{SignedIn, World, soon};

/// Wide enough for every column.
const SIZE: (u16, u16) = (160, 45);

/// Looks at something as JSON, and closes that again.
async fn raw_json(terminal: &mut Terminal, member: &str) {
    terminal.press("i");
    terminal.shows(member).await;
    terminal.press("G");
    terminal.drawn_anew().await;
    // Back to where the member is, so that only closing hides it: a key right
    // after Escape would be another key.
    terminal.press("g");
    terminal.shows(member).await;
    terminal.press(ESC);
    terminal.hides(member).await;
}

async fn walk(terminal: &mut Terminal, sessions: &[SessionId]) {
    terminal.press("2");
    terminal.shows("P00\\u{1b}").await;
    find(terminal, "eve.").await;
    let id = sessions[0].to_string();
    for session in sessions.iter().rev() {
        // Newest first; each has a session of its registration before it.
        terminal.press(ENTER);
        terminal.shows(&format!("Session {}", session.uuid())).await;
        terminal.shows("session.started").await;
        raw_json(terminal, "\"payload\"").await;
        if session.to_string() == id {
            terminal.press("y");
            terminal.shows("copied").await;
        }
        terminal.press(ESC);
        terminal.hides(&format!("Session {}", session.uuid())).await;
        raw_json(terminal, "\"user_agent\"").await;
        terminal.press("jj");
    }
    terminal.press("3");
    terminal.shows("FACTORS").await;
    for _ in sessions {
        terminal.press(ENTER);
        terminal.shows("account.registered").await;
        terminal.press(ESC);
        terminal.shows("FACTORS").await;
        raw_json(terminal, "\"display_name\"").await;
        terminal.press("j");
    }
    terminal.press("5");
    terminal.shows("session.started").await;
    for _ in 0..8 {
        raw_json(terminal, "\"payload\"").await;
        terminal.press("k");
    }
    for (screen, text) in [
        ("4", "P00\\u{1b}"),
        ("6", "running"),
        ("7", "ES256"),
        ("1", "q quit"),
    ] {
        terminal.press(screen);
        terminal.shows(text).await;
    }
}

#[tokio::test]
async fn ab_72_no_byte_of_theirs_moves_an_operators_terminal() {
    let world = World::start().await;
    let operator = Operator::new(&world).await;
    let sessions = made::sessions(&world).await;
    let home = Home::new(&world.client.url);
    let mut terminal = home.start("countersign", SIZE);
    sign_in(&mut terminal, &world, &operator).await;
    walk(&mut terminal, &sessions).await;
    terminal.press("q");
    let left = terminal.ended(0).await;
    assert_eq!(left, "");
    terminal.assert_clean();
    let raw = terminal.raw();
    for payload in PAYLOADS {
        assert!(!holds(&raw, payload.as_bytes()), "{payload:?}");
    }
    let end = raw.windows(6).rposition(|part| part == b"ended ");
    let written = taken_apart(&raw[..end.expect("it ended")]);
    assert_eq!(written.strange, [""; 0]);
    assert_eq!(written.clipboard, [sessions[0].to_string()]);
}

/// What the program says on both its outputs.
async fn said(world: &World, operator: &SignedIn, words: &[&str]) -> Vec<u8> {
    let output = Command::new(built("countersign"))
        .args(words)
        .env("COUNTERSIGN_URL", &world.client.url)
        .env("COUNTERSIGN_TOKEN", &operator.access)
        .output();
    let mut output = soon(output).await.expect("it runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    output.stdout.append(&mut output.stderr);
    output.stdout
}

#[tokio::test]
async fn ab_72_no_byte_of_theirs_is_in_what_the_command_line_says() {
    let world = World::start().await;
    let operator = world.operator().await;
    let sessions = made::sessions(&world).await;
    let one = sessions[0].to_string();
    for words in [
        &["sessions", "list", "--limit", "200"][..],
        &["sessions", "show", &one],
        &["accounts", "list", "--limit", "200"],
        &["verifiers", "list"],
        &["clients", "list"],
        &["keys", "list"],
        &["revocations", "list"],
        &["sessions", "revoke", "--where", "all", "--dry-run"],
    ] {
        for output in ["table", "json", "jsonl", "id"] {
            let words = [words, &["-o", output]].concat();
            let said = said(&world, &operator, &words).await;
            let text = String::from_utf8(said).expect("UTF-8");
            for line in text.lines() {
                let written = taken_apart(line.as_bytes());
                assert_eq!(written.strange, [""; 0], "{words:?}");
            }
            // A line for each, whatever their names are.
            if words[..2] == ["sessions", "list"] && output != "json" {
                let heads = usize::from(output == "table");
                let operators = 1;
                let all = 2 * sessions.len() + operators + heads;
                assert_eq!(text.lines().count(), all, "{text}");
            }
            // Nothing is lost where a program reads it.
            if words[..2] == ["sessions", "show"] && output == "jsonl" {
                let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(read["user_agent"], super::dressed(0));
            }
        }
    }
}
