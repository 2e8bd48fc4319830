//! What can be set.

use std::time::Duration;

/// How often something may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// Failures of one factor of one account before there are waits.
    pub free_tries: u32,
    /// The longest wait between two tries.
    pub longest_wait: Duration,
    /// Consecutive failures after which a factor must be disabled.
    pub most_failures: u32,
    /// Consecutive failures after which a known device is a stranger.
    pub device_failures: u32,
    /// Failed tries a minute from one network; 0: no limit.
    pub network_failures_per_minute: u32,
    /// Mails an hour to one address or account; 0: no limit.
    pub mails_per_hour: u32,
    /// Mails an hour asked for from one network; 0: no limit.
    pub mails_from_network_per_hour: u32,
    /// Registrations an hour from one network; 0: no limit.
    pub registrations_per_hour: u32,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            free_tries: 5,
            longest_wait: Duration::from_hours(1),
            most_failures: 100,
            device_failures: 20,
            network_failures_per_minute: 5,
            mails_per_hour: 3,
            mails_from_network_per_hour: 30,
            registrations_per_hour: 0,
        }
    }
}

/// A value that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {given} is not between {least} and {most}")]
pub struct ThrottleConfigError {
    /// Which.
    pub name: &'static str,
    /// What was given.
    pub given: u64,
    /// The least that works.
    pub least: u64,
    /// The most that works.
    pub most: u64,
}

/// Every event within a window is kept, so windows are small.
const WINDOW_MOST: u64 = 200;

/// How many failures of a password pass before failures are written ahead of
/// the check.
pub(crate) const WRITTEN_AFTER: u32 = 3;

/// How many tries at something that has not failed may be under way at once in
/// a service. Somebody may well log in with many devices at the same moment;
/// of wrong tries, so many more than the schedule allows may be checked before
/// the first of them is known to be one.
pub(crate) const CLEAN_AT_ONCE: u32 = 16;

impl ThrottleConfig {
    /// Checks the ranges. A hundred is the most that NIST SP 800-63B-4 section
    /// 3.2.2 allows.
    pub fn validate(&self) -> Result<(), ThrottleConfigError> {
        let most_failures = u64::from(self.most_failures);
        let ranges = [
            ("most_failures", most_failures, 10, 100),
            (
                "free_tries",
                self.free_tries.into(),
                WRITTEN_AFTER.into(),
                20.min(most_failures),
            ),
            ("longest_wait", self.longest_wait.as_secs(), 1, 12 * 3_600),
            (
                "device_failures",
                self.device_failures.into(),
                1,
                most_failures,
            ),
            (
                "network_failures_per_minute",
                self.network_failures_per_minute.into(),
                0,
                WINDOW_MOST,
            ),
            ("mails_per_hour", self.mails_per_hour.into(), 0, WINDOW_MOST),
            (
                "mails_from_network_per_hour",
                self.mails_from_network_per_hour.into(),
                0,
                WINDOW_MOST,
            ),
            (
                "registrations_per_hour",
                self.registrations_per_hour.into(),
                0,
                WINDOW_MOST,
            ),
        ];
        for (name, given, least, most) in ranges {
            if !(least..=most).contains(&given) {
                return Err(ThrottleConfigError {
                    name,
                    given,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_what_the_documents_say() {
        let config = ThrottleConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.free_tries, 5);
        assert_eq!(config.longest_wait, Duration::from_hours(1));
        assert_eq!(config.most_failures, 100);
        assert_eq!(config.device_failures, 20);
        assert_eq!(config.network_failures_per_minute, 5);
        assert_eq!(config.mails_per_hour, 3);
        assert_eq!(config.mails_from_network_per_hour, 30);
        assert_eq!(config.registrations_per_hour, 0);
    }

    #[test]
    fn what_cannot_work_is_named() {
        let wrong = |change: fn(&mut ThrottleConfig)| {
            let mut config = ThrottleConfig::default();
            change(&mut config);
            config.validate().expect_err("a refusal").name
        };
        assert_eq!(wrong(|c| c.most_failures = 101), "most_failures");
        assert_eq!(wrong(|c| c.most_failures = 9), "most_failures");
        assert_eq!(wrong(|c| c.free_tries = 2), "free_tries");
        assert_eq!(wrong(|c| c.free_tries = 21), "free_tries");
        assert_eq!(wrong(|c| c.longest_wait = Duration::ZERO), "longest_wait");
        assert_eq!(
            wrong(|c| c.longest_wait = Duration::from_hours(13)),
            "longest_wait"
        );
        assert_eq!(wrong(|c| c.device_failures = 0), "device_failures");
        assert_eq!(wrong(|c| c.mails_per_hour = 201), "mails_per_hour");
    }
}
