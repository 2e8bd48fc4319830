//! The program itself, on a terminal.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::deployment::Deployment;
use crate::past::Past;
use crate::process::binary;
use crate::pty::{ESC, Terminal};
use crate::statistics::{millis, percentiles, quantile};
use crate::table::{Row, note, print};
use crate::{Outcome, machine};

const GOAL_MB: f64 = 60.0;
const FRAME_MS: f64 = 33.0;
const KEYS: usize = 300;
const EVENTS: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks at lists and events with the program on a pseudo terminal: from a key
/// to the bytes it causes, and resident memory afterwards.
pub async fn measure(deployment: &Deployment, address: SocketAddr, token: &str) -> Outcome<()> {
    let url = format!("http://{address}");
    let environment = [
        ("COUNTERSIGN_URL", url.as_str()),
        ("COUNTERSIGN_TOKEN", token),
    ];
    let mut terminal = Terminal::start((160, 50), &binary()?, &["console"], &environment);
    wait(&mut terminal, "q quit").await?;
    let size = |terminal: &Terminal| {
        let job = terminal.job().as_raw_nonzero().get();
        machine::resident_mb(job.unsigned_abs())
    };
    let started = size(&terminal);
    terminal.press("2");
    wait(&mut terminal, "@bench.example.com").await?;
    let mut times = Vec::new();
    for key in ["j", "k"].into_iter().cycle().take(KEYS) {
        let before = at_cursor(&terminal.screen());
        let began = Instant::now();
        terminal.press(key);
        if !terminal
            .comes(PATIENCE, |screen| at_cursor(screen) != before)
            .await
        {
            return Err("a key changed nothing".into());
        }
        times.push(millis(began.elapsed()));
    }
    let most = quantile(&mut times, 0.99);
    let row = Row::new("console: from a key to the screen", percentiles(&mut times));
    print(&row.goal("p99 < 33 ms", most < FRAME_MS));
    // Lists, as far as they are held, then events that come while it looks.
    for key in ["2", "3"] {
        terminal.press(key);
        wait(&mut terminal, "@bench.example.com").await?;
        for _ in 0..30 {
            terminal.press("G");
            changes(&mut terminal, Duration::from_millis(300)).await;
        }
    }
    terminal.press("5");
    wait(&mut terminal, "LIVE").await?;
    let log = deployment.log().await?;
    let mut past = Past::new(&log);
    past.register(100).await?;
    past.live(EVENTS - past.events).await?;
    // Until it has shown all of them.
    for _ in 0..EVENTS {
        if !changes(&mut terminal, Duration::from_secs(3)).await {
            break;
        }
    }
    let now = size(&terminal);
    let name = format!("console, after its lists and {EVENTS} events");
    let row = Row::new(name, format!("{now:.1} MB"));
    print(&row.goal("< 60 MB", now < GOAL_MB));
    note(&format!("{started:.1} MB after the start"));
    terminal.press(ESC);
    terminal.press("q");
    Ok(())
}

/// The row of the cursor.
fn at_cursor(screen: &str) -> Option<String> {
    let mut lines = screen.lines();
    lines
        .find(|line| line.contains('\u{25b6}'))
        .map(str::to_owned)
}

/// Everything but the clock.
fn body(screen: &str) -> String {
    let lines = screen.lines().skip(3);
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether anything changes for as long as this.
async fn changes(terminal: &mut Terminal, length: Duration) -> bool {
    let before = body(&terminal.screen());
    terminal
        .comes(length, |screen| body(screen) != before)
        .await
}

async fn wait(terminal: &mut Terminal, text: &str) -> Outcome<()> {
    if terminal
        .comes(PATIENCE, |screen| screen.contains(text))
        .await
    {
        return Ok(());
    }
    Err(format!("the console does not show {text}:\n{}", terminal.screen()).into())
}
