//! How long a frame takes, by hand:
//! `cargo test -p countersign-tui --test console -- bench --nocapture`.

use std::time::Instant;

use super::driver::Driver;
use super::service::Service;

/// The median of the time that a frame of a list takes, in microseconds, with
/// so many sessions at the service, and how many rows are held.
fn frame(sessions: u64) -> (u128, usize) {
    let mut service = Service::with(sessions);
    let mut driver = Driver::signed_in((160, 50));
    driver.press(&["2"]);
    driver.serve(&mut service);
    let mut times = Vec::new();
    for _ in 0..40 {
        driver.press(&["G"]);
        driver.serve(&mut service);
        let before = Instant::now();
        driver.buffer();
        times.push(before.elapsed().as_micros());
    }
    times.sort_unstable();
    (times[times.len() / 2], driver.model.sessions.rows().len())
}

#[test]
fn the_number_of_sessions_does_not_count() {
    let (few, _) = frame(500);
    let (many, held) = frame(100_000);
    println!("a frame at 500 sessions: {few} us, at 100,000: {many} us, {held} rows held");
    assert!(held <= 1_200, "{held} rows held");
}
