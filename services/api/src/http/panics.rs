//! A handler that panics: one answer is lost, nothing else, and nothing is
//! told.

use std::panic::{self, PanicHookInfo};

/// From now on, a panic anywhere in the process is one line in the log: where
/// it happened, and in which thread, without its message.
///
/// A panic's message is made of values (`called unwrap() on Err(..)`), and the
/// values at hand are passwords and tokens. The standard hook prints it to
/// stderr. A program calls this once, first thing; a library never does.
pub fn log_without_messages() {
    panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let (file, line) = panic
        .location()
        .map_or(("unknown", 0), |place| (place.file(), place.line()));
    tracing::error!(
        file,
        line,
        thread = thread.name().unwrap_or("unnamed"),
        "panicked"
    );
}
