//! Somebody with a second factor.

use countersign_api::TotpSeed;
use serde_json::json;

use super::{Answer, Client, PASSWORD, SignedIn, World};

/// A person who has set up an authenticator app.
pub(crate) struct Enrolled {
    pub(crate) email: String,
    pub(crate) seed: TotpSeed,
    pub(crate) factor: String,
    pub(crate) recovery_codes: Vec<String>,
    /// The session in which it was set up, raised by that.
    pub(crate) session: SignedIn,
}

impl Enrolled {
    /// Registers and sets up an authenticator app.
    pub(crate) async fn new(world: &World, name: &str) -> Self {
        let email = super::email(name);
        let session = world.register(&email).await;
        Self::of(world, email, session).await
    }

    /// Sets up an authenticator app for somebody who is signed in.
    pub(crate) async fn of(world: &World, email: String, session: SignedIn) -> Self {
        let offer = world
            .post("/v1/me/factors/totp", &json!({}))
            .by(&session.access)
            .send()
            .await
            .expect(200);
        let seed = TotpSeed::from_base32(offer.json()["secret"].as_str().expect("a seed"));
        let seed = seed.expect("base32");
        let form = json!({ "id": offer.json()["id"], "code": *seed.code_at(world.seconds()) });
        let confirmed = world
            .post("/v1/me/factors/totp/confirm", &form)
            .by(&session.access)
            .send()
            .await
            .expect(200);
        let body = confirmed.json();
        let codes = body["recovery_codes"].as_array().expect("codes").iter();
        Self {
            email,
            seed,
            factor: body["factor"]["id"].as_str().expect("an id").to_owned(),
            recovery_codes: codes
                .map(|code| code.as_str().expect("a code").to_owned())
                .collect(),
            session: SignedIn {
                access: body["access_token"].as_str().expect("a token").to_owned(),
                position: confirmed.position(),
                ..session
            },
        }
    }

    /// The next code that was not used yet: the clock goes to the next step.
    pub(crate) fn next_code(&self, world: &World) -> String {
        world.later(std::time::Duration::from_secs(30));
        self.seed.code_at(world.seconds()).to_string()
    }

    /// Logs in with both factors.
    pub(crate) async fn login(&self, world: &World) -> SignedIn {
        let code = self.next_code(world);
        world.login_with_code(&self.email, &code).await
    }
}

impl Client {
    /// The first step of a login that asks for a second factor.
    pub(crate) async fn begin_login(&self, email: &str) -> String {
        let answer = self.try_login(email, PASSWORD).await.expect(200);
        let body = answer.json();
        assert_eq!(body["status"], "mfa_required", "{body}");
        body["mfa_token"].as_str().expect("a token").to_owned()
    }

    /// The second step.
    pub(crate) async fn mfa(&self, token: &str, method: &str, code: &str) -> Answer {
        let form = json!({ "mfa_token": token, "method": method, "code": code });
        self.post("/v1/auth/mfa", &form).send().await
    }

    pub(crate) async fn login_with_code(&self, email: &str, code: &str) -> SignedIn {
        let token = self.begin_login(email).await;
        SignedIn::of(&self.mfa(&token, "totp", code).await.expect(200))
    }

    /// Steps up with a code or a password; the answer has the new token.
    pub(crate) async fn step_up(&self, access: &str, method: &str, code: &str) -> Answer {
        let form = json!({ "method": method, "code": code });
        self.post("/v1/auth/step-up", &form).by(access).send().await
    }
}
