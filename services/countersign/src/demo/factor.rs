//! Second factors of people who do not exist.

use countersign_api::TotpSeed;
use countersign_openapi::{
    ConfirmTotp, FactorConfirmed, LoginAnswer, Mfa, MfaMethod, Secret, StepUp, StepUpMethod,
    SteppedUp, TotpOffer,
};

use super::Stage;
use super::door::{Origin, Trouble};
use super::people::Person;

/// How long a code is shown (RFC 6238).
const STEP_SECONDS: u64 = 30;

impl Stage {
    /// The code that somebody's app shows, once: nothing without an app, or if
    /// this code was used already.
    fn code(person: &mut Person, seconds: u64) -> Option<Secret> {
        let seed = person.totp_secret.as_ref()?;
        let seed = TotpSeed::from_base32(seed.expose()).ok()?;
        let step = seconds / STEP_SECONDS;
        if step <= person.step {
            return None;
        }
        person.step = step;
        Some(Secret::new(seed.code_at(seconds).as_str()))
    }

    fn seconds(&self) -> u64 {
        u64::try_from(self.clock.now().as_seconds()).unwrap_or_default()
    }

    /// Answers the question for a second factor; sometimes wrongly first. The
    /// attempt is dropped where there is no code to give.
    pub(super) async fn answer(
        &mut self,
        who: usize,
        mfa_token: Secret,
    ) -> Result<Option<LoginAnswer>, Trouble> {
        let is_slip = self.dice.once_in(6);
        let seconds = self.seconds();
        let Some(person) = self.book.person(who) else {
            return Ok(None);
        };
        let mut body = Mfa {
            mfa_token,
            method: MfaMethod::Totp,
            code: Some(Secret::new("000000")),
            passkey: None,
        };
        let door = &self.door;
        if is_slip {
            let refused = door.send(Origin::from(&*person), "/v1/auth/mfa", None, &body);
            match refused.await {
                Ok(()) | Err(Trouble::Refused(_)) => {}
                other => other?,
            }
        }
        let Some(code) = Self::code(person, seconds) else {
            return Ok(None);
        };
        body.code = Some(code);
        let answer = door.ask(Origin::from(&*person), "/v1/auth/mfa", None, &body);
        answer.await.map(Some)
    }

    /// Signs the operator in with both factors; nothing if no code is left.
    pub(super) async fn answer_as_operator(
        &mut self,
        mfa_token: Secret,
    ) -> Result<Option<LoginAnswer>, Trouble> {
        let seconds = self.seconds();
        let operator = self.book.operator();
        let Some(code) = Self::code(operator, seconds) else {
            return Ok(None);
        };
        let body = Mfa {
            mfa_token,
            method: MfaMethod::Totp,
            code: Some(code),
            passkey: None,
        };
        let origin = Origin::from(&*operator);
        let answer = self.door.ask(origin, "/v1/auth/mfa", None, &body);
        answer.await.map(Some)
    }

    /// Sets an authenticator app up, in the newest session. The seed is kept
    /// before the service is told that it is.
    pub(super) async fn enrol(&mut self, who: usize) -> Result<(), Trouble> {
        let seconds = self.seconds();
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        let Some(held) = person.sessions.last() else {
            return Ok(());
        };
        let token = held.access.clone();
        let path = "/v1/me/factors/totp";
        let nothing = serde_json::json!({});
        let offer = self
            .door
            .ask(Origin::from(&*person), path, Some(&token), &nothing);
        let offer: TotpOffer = offer.await?;
        person.totp_secret = Some(offer.secret);
        let Some(code) = Self::code(person, seconds) else {
            person.totp_secret = None;
            return Ok(());
        };
        self.book.save().map_err(Trouble::Failed)?;
        let body = ConfirmTotp {
            id: offer.id,
            code,
            name: Some("Phone".to_owned()),
        };
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        let path = "/v1/me/factors/totp/confirm";
        let confirmed =
            self.door
                .ask::<FactorConfirmed>(Origin::from(&*person), path, Some(&token), &body);
        match confirmed.await {
            Ok(confirmed) => {
                if let Some(held) = person.sessions.last_mut() {
                    held.access = confirmed.token.access_token;
                }
                Ok(())
            }
            Err(Trouble::Refused(code)) => {
                person.totp_secret = None;
                self.book.save().map_err(Trouble::Failed)?;
                Err(Trouble::Refused(code))
            }
            // Nobody knows whether it was heard: the seed stays.
            Err(other) => Err(other),
        }
    }

    /// Proves again who is there, in the newest session.
    pub(super) async fn step_up(&mut self, who: usize) -> Result<(), Trouble> {
        let seconds = self.seconds();
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        let Some(token) = person.sessions.last().map(|held| held.access.clone()) else {
            return Ok(());
        };
        let Some(code) = Self::code(person, seconds) else {
            return Ok(());
        };
        let body = StepUp {
            method: StepUpMethod::Totp,
            code: Some(code),
            passkey: None,
        };
        let path = "/v1/auth/step-up";
        let raised = self
            .door
            .ask::<SteppedUp>(Origin::from(&*person), path, Some(&token), &body);
        let raised = raised.await?;
        if let Some(held) = person.sessions.last_mut() {
            held.access = raised.access_token;
        }
        Ok(())
    }
}
