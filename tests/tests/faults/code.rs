//! Logins that ask for the code of an authenticator app, by the real clock.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use countersign_api::{Clock, TotpSeed};
use serde_json::json;

use super::http::{Answer, Person, Service, login, post};
use super::wait::until;

/// The time steps whose codes were used, by seed. A code is good once, also
/// for whoever starts the service anew over the same data.
static USED: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);

/// Longer than a step and the one that is accepted ahead of its time.
const PATIENCE: Duration = Duration::from_secs(61);

/// Claims the earliest step whose code is good now and was not used.
fn claim(secret: &str) -> Result<u64, String> {
    let seconds = u64::try_from(Clock::system().now().as_seconds()).expect("after 1970");
    let (step, into) = (seconds / 30, seconds % 30);
    // One step of drift is taken either way; the past one only while it stays
    // the past one until the service looks.
    let earliest = if into < 15 { step - 1 } else { step };
    let mut used = USED.lock().expect("nobody panics with it");
    let last = used.get_or_insert_default().entry(secret.to_owned());
    let last = last.or_default();
    let next = earliest.max(*last + 1);
    if next > step + 1 {
        return Err(format!("step {next} at {seconds}"));
    }
    *last = next;
    Ok(next)
}

/// A code that was not used yet; waits for one if it must.
pub(super) async fn code(secret: &str) -> String {
    let seed = TotpSeed::from_base32(secret).expect("base32");
    let (step, _) = until("the next code", PATIENCE, async || claim(secret)).await;
    seed.code_at(step * 30).to_string()
}

impl Service {
    /// Logs in with password and code.
    pub(super) async fn login_with_code(
        &self,
        email: &str,
        password: &str,
        secret: &str,
    ) -> Person {
        let first = self.ask(&login(email, password)).await.expect(200);
        assert_eq!(first.text("status"), "mfa_required", "{first:?}");
        let form = json!({
            "mfa_token": first.text("mfa_token"),
            "method": "totp",
            "code": code(secret).await,
        });
        let second = self.ask(&post("/v1/auth/mfa", form)).await;
        Person::of(email, &second.expect(200))
    }

    /// Sets up an authenticator app for somebody who has just signed in, whom
    /// that raises. Returns its seed.
    pub(super) async fn enrol(&self, person: &mut Person) -> String {
        let offer = post("/v1/me/factors/totp", json!({})).bearer(&person.access);
        let offer: Answer = self.ask(&offer).await.expect(200);
        let secret = offer.text("secret").to_owned();
        let form = json!({ "id": offer.text("id"), "code": code(&secret).await });
        let confirm = post("/v1/me/factors/totp/confirm", form).bearer(&person.access);
        let confirmed = self.ask(&confirm).await.expect(200);
        confirmed
            .text("access_token")
            .clone_into(&mut person.access);
        person.position = confirmed.position();
        secret
    }
}
