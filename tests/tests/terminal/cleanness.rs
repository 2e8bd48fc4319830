//! However the console ends, the terminal is as it was.

use std::fs;

use rustix::process::Signal;

use super::bytes::holds;
use super::console::{Home, SIZE, built};
use super::pty::{CONTROL_C, CONTROL_Z, ENTER, TAB, Terminal};
use crate::support::{PATIENCE, eventually};

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";

/// The console, asking who is there.
async fn asking(home: &Home) -> Terminal {
    let mut terminal = home.console();
    terminal.shows("Password").await;
    assert!(terminal.is_taken());
    terminal
}

#[tokio::test]
async fn signals_that_end_it_and_control_c() {
    let home = Home::new(NOBODY);
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::INT] {
        let mut terminal = asking(&home).await;
        terminal.signal(signal);
        assert_eq!(terminal.ended(0).await, "", "{signal:?}");
        terminal.assert_clean();
    }
    let mut terminal = asking(&home).await;
    terminal.press(CONTROL_C);
    assert_eq!(terminal.ended(0).await, "");
    terminal.assert_clean();
}

#[tokio::test]
async fn control_z_gives_the_terminal_back_for_a_while() {
    let home = Home::new(NOBODY);
    let mut terminal = asking(&home).await;
    terminal.press("ada");
    terminal.shows("[ada").await;
    for times in 1..=3 {
        terminal.press(CONTROL_Z);
        // 128 and the number of SIGTSTP: it was stopped, and the shell is back.
        let stopped = |screen: &str| screen.matches("ended 148").count() == times;
        terminal.until("the shell", stopped).await;
        terminal.assert_clean();
        assert!(!terminal.screen().contains("Password"));
        terminal.press(ENTER);
        terminal.shows("[ada").await;
        terminal.shows("Password").await;
        assert!(terminal.is_taken());
    }
    terminal.press(CONTROL_C);
    terminal.shows("ended 0").await;
    terminal.assert_clean();
}

#[tokio::test]
async fn a_panic_is_told_on_a_terminal_that_was_given_back() {
    let home = Home::new(NOBODY);
    let mut terminal = home.start("countersign-test-console", SIZE);
    terminal.shows("Password").await;
    assert!(terminal.is_taken());
    // What this one program does then is to panic.
    terminal.signal(Signal::USR1);
    let left = terminal.ended(1).await;
    let told = |text: &str| left.lines().any(|line| line.starts_with(text));
    // At the beginning of lines: the terminal was no longer raw.
    assert!(told("thread '"), "{left}");
    assert!(told("asked to panic"), "{left}");
    assert!(
        told("the console failed; the terminal was given back"),
        "{left}"
    );
    assert!(!left.contains("Password"), "{left}");
    terminal.assert_clean();
}

#[tokio::test]
async fn a_window_that_is_closed_takes_the_console_along() {
    let home = Home::new(NOBODY);
    let mut terminal = asking(&home).await;
    let process = format!("/proc/{}/cwd", terminal.job().as_raw_nonzero());
    assert!(fs::read_link(&process).is_ok());
    terminal.hang_up();
    eventually(PATIENCE, async || fs::read_link(&process).is_err()).await;
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_of() {
    let home = Home::new(NOBODY);
    let mut terminal = asking(&home).await;
    terminal.press("ada@people.example");
    terminal.press(TAB);
    terminal.press("velvet-anchor");
    terminal.shows("•••").await;
    terminal.press(ENTER);
    let refused = |screen: &str| screen.to_lowercase().contains("connection refused");
    terminal.until("why not", refused).await;
    assert!(!terminal.screen().contains("velvet"));
    terminal.press(CONTROL_C);
    assert_eq!(terminal.ended(0).await, "");
    terminal.assert_clean();
}

#[tokio::test]
async fn a_start_that_fails_says_why_and_touches_nothing() {
    let home = Home::new(NOBODY);
    for (arguments, code, told) in [
        (
            ["console", "--context", "elsewhere"],
            2,
            "no context elsewhere",
        ),
        (["console", "--data-dir", "/nonexistent"], 2, "dev.json"),
        (["console", "--context", "--ascii"], 2, "--context"),
    ] {
        let mut terminal = home.run(&built("countersign"), SIZE, &arguments);
        let left = terminal.ended(code).await;
        assert!(left.contains(told), "{left}");
        // Colours at the most.
        assert!(!holds(&terminal.raw(), b"\x1b[?"), "{left}");
        terminal.assert_clean();
    }
}
