//! Now and then, somebody tries a list of addresses and passwords that leaked
//! elsewhere, all from one network.

use countersign_openapi::{Login, Secret};

use super::Stage;
use super::door::{Origin, Trouble};

/// The step at which the first one begins: soon after the first people came.
const FIRST_STEP: u64 = 60;

/// Steps from the beginning of one to the beginning of the next.
const EVERY_STEPS: u64 = 720;

/// How many pairs are tried.
const TRIES: u64 = 45;

const PASSWORDS: &[&str] = &[
    "123456789",
    "iloveyou2",
    "Sommer2026",
    "letmein!!",
    "football1",
    "p@ssw0rd!",
];

const STRANGERS: &[&str] = &["info", "sales", "j.smith", "admin", "m.mueller", "office"];

/// Where a burst is.
#[derive(Default)]
pub(super) struct Burst {
    tried: u64,
}

impl Burst {
    /// Whether this step belongs to a burst: every other step does, while
    /// there is one, so that life goes on beside it.
    pub(super) fn is_due(step: u64) -> bool {
        let Some(since) = step.checked_sub(FIRST_STEP) else {
            return false;
        };
        since % EVERY_STEPS < 2 * TRIES && since.is_multiple_of(2)
    }

    /// One more pair.
    pub(super) async fn step(&mut self, stage: &mut Stage) -> Result<(), Trouble> {
        self.tried += 1;
        let people = stage.book.people();
        let index = stage.dice.below(people.len());
        // A third of the list are people who are here.
        let known = people.get(index).filter(|_| self.tried.is_multiple_of(3));
        let email = match known {
            Some(person) => person.email.clone(),
            None => format!(
                "{}{}@example.com",
                stage.dice.pick(STRANGERS),
                self.tried % 100
            ),
        };
        let body = Login {
            email,
            password: Secret::new(stage.dice.pick(PASSWORDS)),
        };
        let address = format!("192.0.2.{}", 10 + self.tried % 4);
        let origin = Origin {
            address: &address,
            agent: "python-requests/2.32.5",
            device: None,
        };
        let login = stage.door.send(origin, "/v1/auth/login", None, &body);
        login.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_comes_soon_ends_and_comes_again() {
        let due = |steps: std::ops::Range<u64>| steps.filter(|step| Burst::is_due(*step)).count();
        assert_eq!(due(0..FIRST_STEP), 0);
        let first = FIRST_STEP..FIRST_STEP + 2 * TRIES;
        assert_eq!(due(first.clone()), usize::try_from(TRIES).expect("small"));
        assert_eq!(due(first.end..FIRST_STEP + EVERY_STEPS), 0);
        assert!(Burst::is_due(FIRST_STEP + EVERY_STEPS));
    }
}
