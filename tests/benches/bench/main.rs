//! `make bench`: one table of figures, each beside the limit that the same
//! machine shows in the same run.
//!
//! See docs/benchmarks.md for what each figure means. `BENCH_ONLY` names the
//! figures to run, separated by commas; `BENCH_SECONDS` is how long each is
//! measured, `BENCH_SHARDS` how many shards the logs have.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and times are far below 2^52 and never negative"
)]

mod append_limit;
mod argon_limit;
mod arrivals;
mod bound;
mod console;
mod deployment;
mod figures;
mod http;
mod lag;
mod load;
mod login;
mod machine;
mod memory;
mod options;
mod past;
mod people;
mod predicate;
mod process;
#[expect(dead_code, reason = "the tests of the terminal use the rest")]
#[path = "../../tests/terminal/pty.rs"]
mod pty;
mod refresh;
mod start_up;
mod statistics;
mod storm;
mod table;
mod users;
mod verification;

use std::process::ExitCode;

use options::Options;

/// What a figure comes to, or why it could not be measured.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let run = || -> Outcome<()> {
        let options = Options::from_env()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(figures::all(&options))
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
