//! A clock that a test can move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use countersign_api::Clock;
use countersign_events::Timestamp;

/// The system's time and an offset. Clones are the same clock.
#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// As the service takes it.
    pub(crate) fn clock(&self) -> Clock {
        let (system, offset) = (Clock::system(), Arc::clone(&self.0));
        Clock::from_fn(move || {
            let millis = system.now().as_millis() + offset.load(Ordering::SeqCst);
            Timestamp::from_millis(millis)
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// Moves it ahead.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Sets it back.
    pub(crate) fn set_back(&self, by: Duration) {
        self.0.fetch_sub(millis(by), Ordering::SeqCst);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("not that long")
}
