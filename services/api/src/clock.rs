//! The one place that reads the clock.

use std::fmt;
use std::sync::Arc;

use countersign_events::Timestamp;

/// Tells the time. The service asks it once a request and hands the answer on.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the edge where the time comes in"
        )]
        Self::from_fn(|| time::OffsetDateTime::now_utc().into())
    }

    /// Any other source of time.
    pub fn from_fn(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
