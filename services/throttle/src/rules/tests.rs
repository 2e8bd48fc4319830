use proptest::prelude::*;

use super::*;

const SCHEDULE: Schedule = Schedule {
    free: 5,
    longest: Duration::from_hours(1),
};

const MOST: u32 = 100;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + seconds * 1_000)
}

fn after(failures: u32, last: i64) -> Count {
    Count {
        consecutive: failures,
        run: failures,
        last: at(last),
    }
}

fn wait(count: Count, unfinished: u32, now: i64) -> Option<u64> {
    let wait = count.wait(SCHEDULE, unfinished, at(now));
    wait.map(|wait| wait.as_secs())
}

#[test]
fn waits_double_after_the_free_tries_up_to_an_hour() {
    let waits: Vec<_> = (0..20)
        .map(|failures| SCHEDULE.wait(failures).as_secs())
        .collect();
    assert_eq!(
        waits,
        [
            0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_600, 3_600, 3_600
        ]
    );
    for failures in [68, 69, 70, 100, u32::MAX] {
        assert_eq!(SCHEDULE.wait(failures), SCHEDULE.longest, "{failures}");
    }
}

#[test]
fn a_wait_ends_to_the_second() {
    assert_eq!(wait(after(4, 0), 0, 0), None);
    assert_eq!(wait(after(8, 0), 0, 0), Some(8));
    assert_eq!(wait(after(8, 0), 0, 7), Some(1));
    assert_eq!(wait(after(8, 0), 0, 8), None);
    let nearly = at(0).plus(Duration::from_millis(7_999));
    let left = after(8, 0).wait(SCHEDULE, 0, nearly).expect("a wait");
    assert_eq!(left, Duration::from_millis(1));
    assert_eq!(seconds(left), 1, "never told to come back at once");
    assert_eq!(seconds(Duration::from_millis(1_001)), 2);
}

#[test]
fn tries_whose_end_is_not_known_count_as_failures_of_this_moment() {
    assert_eq!(wait(after(2, 0), 2, 1_000), None);
    assert_eq!(wait(after(2, 0), 3, 1_000), Some(1));
    assert_eq!(wait(after(0, 0), 9, 1_000), Some(16));
}

#[test]
fn after_a_quiet_day_the_waits_begin_anew_but_the_count_goes_on() {
    let day = 24 * 3_600;
    let count = after(30, 0);
    assert_eq!(count.failed(at(day)).run, 31);
    let next = count.failed(at(day + 1));
    assert_eq!((next.consecutive, next.run), (31, 1));
    assert_eq!(wait(next, 0, day + 1), None);
    let last = after(99, 0).failed(at(day + 1));
    let refused = last.reserved(MOST, Some(SCHEDULE), 0, at(9 * day));
    assert_eq!(refused, Err(Stop::Exhausted));
}

#[test]
fn a_clock_that_was_set_back_locks_nobody_out_for_ever() {
    let count = after(10, 0);
    assert_eq!(wait(count, 0, -120), Some(32));
    assert_eq!(wait(count, 0, -3_600), Some(32));
    // Years in the future: it was wrong then, and is right now.
    assert_eq!(wait(count, 0, -3_601), None);
    // And a failure counts by the new time.
    assert_eq!(wait(count.failed(at(-90_000)), 0, -90_000), Some(64));
    assert_eq!(count.failed(at(-90_000)).run, 11);
}

#[test]
fn at_the_end_nobody_passes_whoever_they_are() {
    let last = after(99, 0).reserved(MOST, None, 0, at(0));
    assert_eq!(last.map(|count| count.consecutive), Ok(100));
    let more = after(100, 0).reserved(MOST, None, 0, at(0));
    assert_eq!(more, Err(Stop::Exhausted));
}

const WINDOW: Limit = Limit {
    most: 3,
    within: Duration::from_mins(1),
};

#[test]
fn a_window_slides() {
    let mut window = Window::default();
    for second in [0, 10, 20] {
        assert_eq!(window.wait(WINDOW, at(second)), None);
        window = window.with(WINDOW, at(second));
    }
    let wait = |now| window.wait(WINDOW, at(now)).map(|wait| wait.as_secs());
    assert_eq!(wait(20), Some(40));
    assert_eq!(wait(59), Some(1));
    assert_eq!(wait(60), None, "the first is forgotten");
    assert_eq!(
        wait(-30),
        Some(60),
        "a clock set back waits a window at most"
    );
    assert_eq!(wait(-3_600), None);
    let later = window.with(WINDOW, at(60));
    assert_eq!(later.wait(WINDOW, at(60)), Some(Duration::from_secs(10)));
}

#[test]
fn a_window_holds_no_more_than_it_needs() {
    let mut window = Window::default();
    for second in 0..1_000 {
        window = window.with(WINDOW, at(second));
    }
    assert_eq!(window.0.len(), 3);
    assert_eq!(window.with(WINDOW, at(9_000)).0.len(), 1);
}

/// One step of two services that share a counter, each with a memory of it that
/// may be old.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A wrong try comes to a service and is decided by what it remembers; the
    /// write is under way.
    Try { service: usize, device: bool },
    /// A service's write reaches the server.
    Write { service: usize },
    /// News reaches a service.
    News { service: usize },
    /// Time passes for one of them, or goes back.
    Clock { service: usize, seconds: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let service = 0..2_usize;
    prop_oneof![
        3 => (service.clone(), any::<bool>())
            .prop_map(|(service, device)| Step::Try { service, device }),
        3 => service.clone().prop_map(|service| Step::Write { service }),
        1 => service.clone().prop_map(|service| Step::News { service }),
        1 => (service, -4_000..90_000_i64)
            .prop_map(|(service, seconds)| Step::Clock { service, seconds }),
    ]
}

proptest! {
    /// Whatever two services do and in whatever order, a try is checked only
    /// after its failure was written over what its service had seen, so that
    /// no more are checked than allowed, and exactly one is the last.
    #[test]
    fn no_order_of_events_checks_more_than_allowed(
        steps in prop::collection::vec(step(), 1..600),
        most in 10_u32..30,
    ) {
        let mut stored = (0_u64, Count::default());
        let mut memory = [stored; 2];
        let mut writing: [Vec<(u64, Count)>; 2] = [Vec::new(), Vec::new()];
        let mut clock = [0_i64; 2];
        let (mut checked, mut last) = (0, 0);
        for step in steps {
            match step {
                Step::Try { service, device } => {
                    let (seen, count) = memory[service];
                    let schedule = (!device).then_some(SCHEDULE);
                    let now = at(clock[service]);
                    if let Ok(count) = count.reserved(most, schedule, 0, now) {
                        writing[service].push((seen, count));
                    }
                }
                Step::Write { service } => {
                    let Some((expected, count)) = writing[service].pop() else { continue };
                    if expected == stored.0 {
                        stored = (stored.0 + 1, count);
                        checked += 1;
                        last += u32::from(count.consecutive == most);
                    }
                    memory[service] = stored;
                }
                Step::News { service } => memory[service] = stored,
                Step::Clock { service, seconds } => clock[service] += seconds,
            }
            prop_assert_eq!(checked, stored.1.consecutive);
            prop_assert!(checked <= most);
            prop_assert_eq!(last, u32::from(checked == most));
        }
    }

    /// No wait is longer than the schedule says from now, whatever the clock
    /// did, and no clock that is right opens early.
    #[test]
    fn a_wait_is_never_longer_than_its_turn(
        failures in 0_u32..200,
        unfinished in 0_u32..10,
        now in -200_000_i64..200_000,
    ) {
        let wait = after(failures, 0).wait(SCHEDULE, unfinished, at(now));
        let whole = SCHEDULE.wait(failures + unfinished);
        prop_assert!(wait.unwrap_or_default() <= whole);
        if unfinished == 0 && (0..=24 * 3_600).contains(&now) {
            let passed = Duration::from_secs(now.unsigned_abs());
            prop_assert_eq!(wait.unwrap_or_default(), whole.saturating_sub(passed));
        }
        if unfinished == 0 && now < 0 && wait.is_none() {
            prop_assert!(Duration::from_secs(now.unsigned_abs()) >= whole, "open early");
        }
    }

    /// A window never lets more through than it should.
    #[test]
    fn a_window_is_kept(gaps in prop::collection::vec(0_i64..40, 1..200)) {
        let (mut now, mut window, mut passed) = (0, Window::default(), Vec::new());
        for gap in gaps {
            now += gap;
            match window.wait(WINDOW, at(now)) {
                None => {
                    window = window.with(WINDOW, at(now));
                    passed.push(now);
                }
                Some(wait) => prop_assert!(wait <= WINDOW.within && !wait.is_zero()),
            }
        }
        for four in passed.windows(4) {
            prop_assert!(four[3] - four[0] >= 60, "{four:?}");
        }
    }
}
