//! Clients that never stop writing, and insist on an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::http::{
    Answer, Call, PASSWORD, Person, Service, login, logout, refresh, register, verify,
};
use super::journal::Journal;
use super::wait::Chance;

/// A rotated token may ask for its successor again for ten seconds. After a
/// lost answer that takes longer it is taken for stolen, as it should be.
const GRACE: Duration = Duration::from_millis(9_500);

/// How often a client asks again.
const AGAIN: Duration = Duration::from_millis(50);

/// One writer: people who come, stay a while, and go.
pub(super) struct Writer {
    pub(super) number: u64,
    pub(super) service: Service,
    pub(super) journal: Arc<Journal>,
    pub(super) chance: Chance,
    pub(super) done: Arc<AtomicBool>,
}

impl Writer {
    /// Writes until told to stop; what was begun is brought to its end.
    pub(super) async fn run(mut self) {
        let mut people = 0;
        while !self.done.load(Ordering::Relaxed) {
            people += 1;
            let email = format!("w{}.{people}@example.com", self.number);
            let Some(mut person) = self.register(&email).await else {
                continue;
            };
            for _ in 0..=self.chance.below(3) {
                self.live(&mut person).await;
                if self.done.load(Ordering::Relaxed) {
                    return;
                }
                let Some(next) = self.login(&email).await else {
                    break;
                };
                person = next;
            }
        }
    }

    /// Asks until there is an answer that decides something, and says how long
    /// ago it was first asked.
    async fn insist(&self, call: &Call) -> (Answer, Duration) {
        let started = Instant::now();
        let mut ticks = interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.service.try_ask(call).await {
                Ok(answer) if answer.is_unavailable() || answer.code() == "overloaded" => {}
                Ok(answer) => return (answer, started.elapsed()),
                Err(_) => {}
            }
        }
    }

    fn fault(&self, what: &str, email: &str, answer: &Answer) {
        self.journal.fault(format!("{what} {email}: {answer:?}"));
    }

    async fn register(&self, email: &str) -> Option<Person> {
        let (answer, _) = self.insist(&register(email)).await;
        match (answer.status, answer.code()) {
            (201, _) => {
                let person = Person::of(email, &answer);
                self.journal.granted(&person);
                Some(person)
            }
            // An attempt whose answer was lost had got so far.
            (409, "email_taken") => self.maybe_login(email).await,
            _ => {
                self.fault("register", email, &answer);
                None
            }
        }
    }

    /// Somebody who may not have come to be.
    async fn maybe_login(&self, email: &str) -> Option<Person> {
        let (answer, _) = self.insist(&login(email, PASSWORD)).await;
        if answer.code() == "invalid_credentials" {
            return None;
        }
        self.entered(email, &answer)
    }

    async fn login(&self, email: &str) -> Option<Person> {
        let (answer, _) = self.insist(&login(email, PASSWORD)).await;
        self.entered(email, &answer)
    }

    fn entered(&self, email: &str, answer: &Answer) -> Option<Person> {
        if answer.status != 200 {
            self.fault("login", email, answer);
            return None;
        }
        let person = Person::of(email, answer);
        self.journal.granted(&person);
        Some(person)
    }

    /// A session: some refreshes, perhaps an end.
    async fn live(&mut self, person: &mut Person) {
        for _ in 0..=self.chance.below(8) {
            let good = if self.chance.below(4) == 0 {
                self.twice(person).await
            } else {
                self.refresh(person).await
            };
            if !good || self.done.load(Ordering::Relaxed) {
                return;
            }
        }
        if self.chance.below(3) == 0 {
            return;
        }
        let (answer, _) = self.insist(&logout(&person.refresh)).await;
        if answer.status != 204 {
            return self.fault("logout", &person.email, &answer);
        }
        self.journal.ended(person, answer.position());
        // The instance that acknowledged it refuses it from now on, and so
        // does one that was started later.
        if let Ok(answer) = self.service.try_ask(&verify(&person.access)).await
            && answer.code() != "token_revoked"
        {
            self.fault("verify after logout", &person.email, &answer);
        }
    }

    async fn refresh(&self, person: &mut Person) -> bool {
        let (answer, since) = self.insist(&refresh(&person.refresh)).await;
        self.renewed(person, &answer, since)
    }

    /// Two tabs of one browser at once: they get the same.
    async fn twice(&self, person: &mut Person) -> bool {
        let call = refresh(&person.refresh);
        let ((one, since), (other, since_too)) =
            tokio::join!(self.insist(&call), self.insist(&call));
        let both = one.status == 200 && other.status == 200;
        if both && one.text("refresh_token") != other.text("refresh_token") {
            self.journal.fault(format!("a fork: {one:?} and {other:?}"));
        }
        let one_is_good = one.status == 200;
        let (answer, since) = if one_is_good {
            (other, since_too)
        } else {
            (one, since)
        };
        self.renewed(person, &answer, since)
    }

    fn renewed(&self, person: &mut Person, answer: &Answer, since: Duration) -> bool {
        match (answer.status, answer.code()) {
            (200, _) => {
                person.renew(answer);
                self.journal.granted(person);
                true
            }
            (401, "refresh_reused") if since > GRACE => {
                self.journal.doubt(person);
                false
            }
            _ => {
                self.journal.fault(format!(
                    "refresh of {} after {since:?}: {answer:?}",
                    person.session
                ));
                false
            }
        }
    }
}
