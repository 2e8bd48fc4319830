//! What people do, one step at a time.

use countersign_openapi::{
    Login, LoginAnswer, Logout, Refresh, Register, RevokeSession, Secret, Tokens,
};
use serde_json::json;

use super::Stage;
use super::door::{Origin, Trouble};
use super::people::{Held, PEOPLE_MAX};

/// After how many milliseconds a used refresh token is no slip of the network
/// any more but somebody else's: longer than `refresh_grace_seconds` unless set.
const STALE_MILLIS: i64 = 12_000;

/// Why an operator ends a session.
const REASONS: &[&str] = &[
    "reported by its owner",
    "lost phone, case 8412",
    "seen from two continents",
];

/// Wrong passwords, as people mistype and attackers guess.
const WRONG: &[&str] = &[
    "Summer2026!",
    "password123",
    "velvet-anchr-41",
    "qwertz-qwertz",
];

impl Stage {
    /// Somebody does something.
    pub(super) async fn visit(&mut self) -> Result<(), Trouble> {
        let people = self.book.people().len();
        // The first come quickly, the others one by one.
        if people < PEOPLE_MAX && (people < 8 || self.dice.once_in(3)) {
            let who = self.book.add(&mut self.dice).map_err(Trouble::Failed)?;
            return self.register(who).await;
        }
        let who = self.dice.below(people);
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        if !person.is_registered {
            return self.register(who).await;
        }
        let (held, has_app) = (person.sessions.len(), person.totp_secret.is_some());
        if held == 0 {
            return self.arrive(who).await;
        }
        match self.dice.below(100) {
            0..20 => self.arrive(who).await,
            20..30 if !has_app && who.is_multiple_of(2) => self.enrol(who).await,
            20..30 if has_app => self.step_up(who).await,
            30..40 => self.leave(who).await,
            40..42 => self.leave_everywhere(who).await,
            42..48 => self.replay(who).await,
            48..75 => self.refresh(who).await,
            _ => self.look(who).await,
        }
    }

    async fn register(&mut self, who: usize) -> Result<(), Trouble> {
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        let body = Register {
            email: person.email.clone(),
            password: person.password.clone(),
            display_name: Some(person.name.clone()),
        };
        let path = "/v1/auth/register";
        let answer = self
            .door
            .ask::<LoginAnswer>(Origin::from(&*person), path, None, &body);
        let answer = answer.await;
        // Taken: it was done before, and the answer did not arrive.
        if !matches!(answer, Err(Trouble::Away | Trouble::Failed(_))) {
            person.is_registered = true;
            self.book.save().map_err(Trouble::Failed)?;
        }
        self.admit(who, answer?);
        Ok(())
    }

    /// Logs in; some mistype first.
    async fn arrive(&mut self, who: usize) -> Result<(), Trouble> {
        if self.dice.once_in(5) {
            let wrong = Secret::new(self.dice.pick(WRONG));
            match self.log_in(who, Some(wrong)).await {
                Ok(_) | Err(Trouble::Refused(_)) => {}
                Err(other) => return Err(other),
            }
        }
        match self.log_in(who, None).await? {
            Some(LoginAnswer::MfaRequired(asked)) => {
                if let Some(answer) = self.answer(who, asked.mfa_token).await? {
                    self.admit(who, answer);
                }
            }
            Some(answer) => self.admit(who, answer),
            None => {}
        }
        Ok(())
    }

    async fn log_in(
        &mut self,
        who: usize,
        password: Option<Secret>,
    ) -> Result<Option<LoginAnswer>, Trouble> {
        let Some(person) = self.book.person(who) else {
            return Ok(None);
        };
        let body = Login {
            email: person.email.clone(),
            password: password.unwrap_or_else(|| person.password.clone()),
        };
        let origin = Origin::from(&*person);
        let answer = self.door.ask(origin, "/v1/auth/login", None, &body);
        answer.await.map(Some)
    }

    fn admit(&mut self, who: usize, answer: LoginAnswer) {
        let Some(person) = self.book.person(who) else {
            return;
        };
        let LoginAnswer::Authenticated(granted) = answer else {
            return;
        };
        if granted.device_token.is_some() {
            person.device = granted.device_token;
        }
        if let Some(refresh) = granted.refresh_token {
            person.hold(Held {
                id: granted.session_id,
                access: granted.access_token,
                refresh,
                before: None,
            });
        }
    }

    async fn look(&mut self, who: usize) -> Result<(), Trouble> {
        let path = self
            .dice
            .pick(&["/v1/me", "/v1/me/sessions", "/v1/auth/verify"]);
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        let Some(held) = person.sessions.last() else {
            return Ok(());
        };
        let seen = self.door.get(Origin::from(&*person), path, &held.access);
        let seen = seen.await;
        self.drop_if_over(who, None, seen)
    }

    async fn refresh(&mut self, who: usize) -> Result<(), Trouble> {
        let now = self.clock.now().as_millis();
        let dice = &mut self.dice;
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        let which = dice.below(person.sessions.len());
        let Some(held) = person.sessions.get(which) else {
            return Ok(());
        };
        let body = Refresh {
            refresh_token: Some(held.refresh.clone()),
        };
        let origin = Origin::from(&*person);
        let renewed = self
            .door
            .ask::<Tokens>(origin, "/v1/auth/refresh", None, &body);
        match renewed.await {
            Ok(tokens) => {
                if let (Some(held), Some(refresh)) =
                    (person.sessions.get_mut(which), tokens.refresh_token)
                {
                    let before = std::mem::replace(&mut held.refresh, refresh);
                    held.before = Some((before, now));
                    held.access = tokens.access_token;
                }
                Ok(())
            }
            Err(trouble) => self.drop_if_over(who, Some(which), Err(trouble)),
        }
    }

    /// A copy of an old refresh token is used by somebody else, which ends the
    /// session; where nobody has one, the owner refreshes.
    async fn replay(&mut self, who: usize) -> Result<(), Trouble> {
        let now = self.clock.now().as_millis();
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        let is_old = |held: &Held| {
            let used = held.before.as_ref().map(|(_, used)| *used);
            used.is_some_and(|used| now.saturating_sub(used) > STALE_MILLIS)
        };
        let Some(which) = person.sessions.iter().position(is_old) else {
            return self.refresh(who).await;
        };
        let stolen = person.sessions.remove(which);
        let body = Refresh {
            refresh_token: stolen.before.map(|(token, _)| token),
        };
        let thief = Origin {
            address: "198.51.100.66",
            agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
            device: None,
        };
        self.door.send(thief, "/v1/auth/refresh", None, &body).await
    }

    async fn leave(&mut self, who: usize) -> Result<(), Trouble> {
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        let Some(held) = person.sessions.pop() else {
            return Ok(());
        };
        let body = Logout {
            refresh_token: Some(held.refresh),
        };
        let origin = Origin::from(&*person);
        self.door.send(origin, "/v1/auth/logout", None, &body).await
    }

    async fn leave_everywhere(&mut self, who: usize) -> Result<(), Trouble> {
        let Some(person) = self.book.person(who) else {
            return Ok(());
        };
        let Some(held) = person.sessions.pop() else {
            return Ok(());
        };
        person.sessions.clear();
        let origin = Origin::from(&*person);
        let path = "/v1/auth/logout-all";
        let nothing = json!({});
        let leave = self.door.send(origin, path, Some(&held.access), &nothing);
        leave.await
    }

    /// An operator signs in, ends somebody's session and leaves.
    pub(super) async fn operate(&mut self) -> Result<(), Trouble> {
        let people = self.book.people().iter();
        let held: Vec<_> = people
            .flat_map(|one| one.sessions.iter().map(|held| held.id))
            .collect();
        let Some(id) = held.get(self.dice.below(held.len())).copied() else {
            return Ok(());
        };
        let reason = self.dice.pick(REASONS).to_owned();
        let operator = self.book.operator();
        let body = Login {
            email: operator.email.clone(),
            password: operator.password.clone(),
        };
        let origin = Origin::from(&*operator);
        let answer = self.door.ask(origin, "/v1/auth/login", None, &body);
        let LoginAnswer::MfaRequired(asked) = answer.await? else {
            return Ok(());
        };
        let answer = self.answer_as_operator(asked.mfa_token).await?;
        let Some(LoginAnswer::Authenticated(granted)) = answer else {
            return Ok(());
        };
        let operator = self.book.operator();
        if granted.device_token.is_some() {
            operator.device = granted.device_token;
        }
        let token = granted.access_token;
        let path = format!("/v1/admin/sessions/{id}/revoke");
        let body = RevokeSession {
            reason,
            wait: false,
        };
        let origin = Origin::from(&*operator);
        let revoked = self.door.send(origin, &path, Some(&token), &body).await;
        let origin = Origin::from(&*operator);
        let path = "/v1/auth/logout";
        let nothing = json!({});
        let left = self.door.send(origin, path, Some(&token), &nothing);
        left.await?;
        revoked
    }

    /// Forgets a session that the service refuses: it was ended elsewhere.
    fn drop_if_over(
        &mut self,
        who: usize,
        which: Option<usize>,
        outcome: Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        use countersign_openapi::ProblemCode as P;
        if let Err(Trouble::Refused(code)) = &outcome
            && matches!(
                code,
                P::TokenRevoked
                    | P::TokenInvalid
                    | P::RefreshInvalid
                    | P::RefreshExpired
                    | P::RefreshReused
                    | P::SessionRevoked
            )
            && let Some(person) = self.book.person(who)
            && let Some(last) = person.sessions.len().checked_sub(1)
        {
            person.sessions.remove(which.unwrap_or(last).min(last));
        }
        outcome
    }
}
