//! The console with a fault in it: a task that panics on SIGUSR1. The tests of
//! the terminal look at what becomes of it then; the program itself has no such
//! thing.

use std::process::ExitCode;

use countersign_tui::console::{Looks, find, run};
use tokio::signal::unix::{SignalKind, signal};

/// Takes `console --context NAME`, as the program does.
#[tokio::main]
async fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let context = std::env::args().nth(3);
    let Ok((context, deployment)) = find(context.as_deref(), None, variable) else {
        return ExitCode::from(2);
    };
    let Ok(mut asked) = signal(SignalKind::user_defined1()) else {
        return ExitCode::from(2);
    };
    tokio::spawn(async move {
        asked.recv().await;
        panic!("asked to panic");
    });
    match run(&context, deployment, Looks::default()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "that is where errors go")]
fn tell(line: &str) {
    eprintln!("{line}");
}
