//! Each way in which sessions end, gone by somebody.

use serde_json::{Value, json};

use super::super::{REVOCATIONS, login_from};
use super::{BOUND, Path};
use crate::support::{
    Answer, Authenticator, Enrolled, ISSUER, Mailbox, PASSWORD, Registered, Service, SignedIn,
    World, access_of, email, eventually, mailbox::RESET,
};

const OTHER: &str = "copper-Meadow-77-thimble";

/// A world in which every path is walked.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) other: Service,
    mailbox: Mailbox,
    pub(super) operator: SignedIn,
    /// A service that takes the tokens and asks what they are.
    pub(super) resource: Registered,
}

/// Who was there, and who is left.
pub(super) struct Walked {
    pub(super) dead: Vec<SignedIn>,
    /// The access token of the session that did it, where that goes on.
    pub(super) alive: Option<String>,
}

impl Scene {
    pub(super) async fn set() -> Self {
        let (world, mailbox) = Mailbox::with(&[("trusted_proxies", "127.0.0.1")]).await;
        let other = world.second_service().await;
        let operator = world.operator().await;
        let audience = world.app.config.audience.clone();
        let resource = world.client_of(&operator, &[&audience], &[], &[]).await;
        Self {
            world,
            other,
            mailbox,
            operator,
            resource,
        }
    }

    pub(super) async fn operate(&self, path: &str, form: &Value) -> Answer {
        let call = self.world.post(path, form).by(&self.operator.access);
        call.send().await
    }

    async fn order(&self, predicate: Value) {
        let form = json!({ "predicate": predicate, "reason": "every path", "wait": true });
        self.operate(REVOCATIONS, &form).await.expect(201);
    }

    /// Goes a way with somebody new who is signed in twice.
    pub(super) async fn walk(&self, path: Path) -> Walked {
        let world = &self.world;
        let address = email("ada");
        let first = world.register(&address).await;
        let second = login_from(world, &address, "203.0.113.9", "second").await;
        let reason = json!({ "reason": "every path" });
        let by = |name: &str| format!("/v1/admin/accounts/{}/{name}", first.account);
        let goes_on = |access: String, dead: &SignedIn| Walked {
            dead: vec![dead.clone()],
            alive: Some(access),
        };
        let nobody = Walked {
            dead: vec![first.clone(), second.clone()],
            alive: None,
        };
        match path {
            Path::Logout => {
                world.logout(&first.refresh).await.expect(204);
                goes_on(second.access.clone(), &first)
            }
            Path::LogoutAll => {
                let call = world.post_nothing("/v1/auth/logout-all").by(&first.access);
                call.send().await.expect(204);
                nobody
            }
            Path::ReplacedInBrowser => {
                let page = world.in_browser(&address).await;
                let again = world.cookie_login(&address).with_cookie(&page.cookie);
                let again = again.header("x-csrf-token", &page.csrf).send().await;
                let again = again.expect(200).json();
                let dead = SignedIn {
                    session: page.session.parse().expect("an id"),
                    access: page.access,
                    refresh: page.cookie,
                    ..first
                };
                goes_on(again["access_token"].as_str().expect("text").into(), &dead)
            }
            Path::OwnOther => {
                let other = format!("/v1/me/sessions/{}", second.session);
                let call = world.delete(&other).by(&first.access);
                call.send().await.expect(204);
                goes_on(first.access.clone(), &second)
            }
            Path::OAuthRevoke => {
                let form = [
                    ("client_id", "first-party"),
                    ("token", second.refresh.as_str()),
                ];
                world.form("/oauth2/revoke", &form).send().await.expect(200);
                goes_on(first.access.clone(), &second)
            }
            Path::OneByOperator => {
                let one = format!("/v1/admin/sessions/{}/revoke", second.session);
                self.operate(&one, &reason).await.expect(204);
                goes_on(first.access.clone(), &second)
            }
            Path::AllByOperator => {
                self.operate(&by("revoke-sessions"), &reason)
                    .await
                    .expect(204);
                nobody
            }
            Path::ByClient => {
                let predicate = json!({ "client": "first-party", "account": first.account });
                self.order(predicate).await;
                nobody
            }
            Path::ByNetwork => {
                let predicate = json!({ "network": "203.0.113.0/24", "user_agent": "SECOND",
                    "account": first.account });
                self.order(predicate).await;
                goes_on(first.access.clone(), &second)
            }
            Path::ByAccount => {
                self.order(json!({ "account": first.account })).await;
                nobody
            }
            Path::Suspended => {
                self.operate(&by("suspend"), &reason).await.expect(204);
                nobody
            }
            Path::RolesChanged => {
                let form = json!({ "roles": ["user", "support"], "reason": "every path" });
                let call = world.call("PUT", &by("roles")).json(&form);
                call.by(&self.operator.access).send().await.expect(204);
                nobody
            }
            Path::PasswordChanged => {
                let changed = world.change_password(&first.access, Some(PASSWORD), OTHER);
                goes_on(access_of(&changed.await.expect(200)), &second)
            }
            Path::PasswordReset => {
                world.forgot(&address).await.expect(202);
                let token = self.mailbox.token(&address, RESET).await;
                world.reset_password(&token, OTHER).await.expect(204);
                nobody
            }
            Path::CodeAdded => {
                let enrolled = Enrolled::of(world, address, first.clone()).await;
                goes_on(enrolled.session.access, &second)
            }
            Path::PasskeyAdded => {
                let mut device = Authenticator::new(ISSUER);
                let added = world.add_passkey(&first.access, &mut device).await;
                goes_on(access_of(&added.expect(200)), &second)
            }
            Path::FactorRemoved => {
                let enrolled = Enrolled::of(world, address, first.clone()).await;
                let third = enrolled.login(world).await;
                let factor = format!("/v1/me/factors/{}", enrolled.factor);
                let call = world.delete(&factor).by(&third.access);
                let removed = call.send().await.expect(200);
                let mut walked = goes_on(access_of(&removed), &second);
                walked.dead.push(enrolled.session);
                walked
            }
            Path::FactorsReset => {
                let enrolled = Enrolled::of(world, address, first.clone()).await;
                self.operate(&by("reset-factors"), &reason)
                    .await
                    .expect(204);
                Walked {
                    dead: vec![enrolled.session, second],
                    alive: None,
                }
            }
            Path::Reused => {
                let next = first.renewed(&world.refresh(&first.refresh).await);
                let last = next.renewed(&world.refresh(&next.refresh).await);
                let reused = world.refresh(&first.refresh).await;
                reused.refused(401, "refresh_reused");
                Walked {
                    dead: vec![first, next, last],
                    alive: Some(second.access),
                }
            }
            Path::ErasedByOwner => {
                let call = world.delete("/v1/me").by(&first.access);
                call.send().await.expect(204);
                nobody
            }
            Path::ErasedByOperator => {
                let call = world.post_nothing(&by("erase")).by(&self.operator.access);
                call.send().await.expect(204);
                nobody
            }
        }
    }

    /// Whether nothing of a session is accepted anywhere any more.
    pub(super) async fn refuses_everything(&self, path: Path, dead: &SignedIn) {
        self.refuses_access(path, &dead.access).await;
        for client in [&self.world.client, &self.other.client] {
            let answer = client.refresh(&dead.refresh).await;
            assert_eq!(answer.status, 401, "{path:?}: {}", answer.text());
        }
    }

    /// Whether an access token is refused by both services, by what a verifier
    /// beside them knows, and by introspection at both.
    async fn refuses_access(&self, path: impl std::fmt::Debug, token: &str) {
        for service in [&self.world.service, &self.other] {
            eventually(BOUND, || async {
                service.verify(token).await.code() == "token_revoked"
            })
            .await;
            let checked = service.app.verifier.check(token, self.world.seconds());
            assert!(checked.is_err(), "{path:?}: {checked:?}");
            let active = service.is_active(&self.resource, token).await;
            assert!(!active, "{path:?}");
        }
    }
}
