//! The most password hashes that the machine makes.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use countersign_api::PasswordConfig;
use tokio::task::spawn_blocking;

use crate::{Outcome, machine};

/// As the service's hashing threads do, so that other people's work costs both
/// the same.
const NICENESS: i32 = 10;

/// Hashes a second of the clock, and a second of processor time.
#[derive(Clone, Copy)]
pub struct Limit {
    pub rate: f64,
    pub rate_of_core: f64,
}

/// Hashes a second with the service's parameters, on all cores, in memory that
/// is used again.
pub async fn measure(time: Duration) -> Outcome<Limit> {
    let config = PasswordConfig::default();
    let params = Params::new(config.memory_kib, config.iterations, 1, Some(32))?;
    let workers = (0..machine::cores()).map(|_| {
        let params = params.clone();
        spawn_blocking(move || std::thread::spawn(move || hashes(&params, time)).join())
    });
    let (mut rate, mut of_cores) = (0.0, 0.0);
    for worker in workers.collect::<Vec<_>>() {
        let (of_clock, of_core) = worker.await?.map_err(|_| "a hashing thread ended")??;
        rate += of_clock;
        of_cores += of_core;
    }
    Ok(Limit {
        rate,
        rate_of_core: of_cores / machine::cores() as f64,
    })
}

/// A thread of its own, because niceness stays with a thread.
fn hashes(params: &Params, time: Duration) -> Outcome<(f64, f64)> {
    let nice = rustix::process::setpriority_process(None, NICENESS);
    debug_assert!(nice.is_ok());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut memory = vec![Block::default(); params.block_count()];
    let (mut out, mut count) = ([0; 32], 0_u32);
    let (start, seconds) = (Instant::now(), machine::thread_seconds()?);
    while start.elapsed() < time {
        let salt = [count.to_le_bytes(); 4].concat();
        let hashed = argon2.hash_password_into_with_memory(
            b"violet otters juggle 9 lanterns",
            &salt,
            &mut out,
            &mut memory,
        );
        count += u32::from(hashed.is_ok());
    }
    let count = f64::from(count);
    let seconds = machine::thread_seconds()? - seconds;
    Ok((count / start.elapsed().as_secs_f64(), count / seconds))
}
