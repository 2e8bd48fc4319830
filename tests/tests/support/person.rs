//! People who come and go.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use uuid::Uuid;

use super::{Answer, Client};

/// A password that the policy accepts.
pub(crate) const PASSWORD: &str = "velvet-Anchor-41-lantern";

/// What somebody holds who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) account: Uuid,
    pub(crate) session: Uuid,
    pub(crate) access: String,
    pub(crate) refresh: String,
    /// Where the sign-in stands in the log.
    pub(crate) position: String,
}

/// An address that nobody has yet.
pub(crate) fn email(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{name}.{number}@people.example")
}

impl SignedIn {
    /// From the answer of a registration or a login.
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        let body = answer.json();
        assert_eq!(body["status"], "authenticated", "{body}");
        let text = |name: &str| body[name].as_str().expect("text").to_owned();
        let id = |text: &str| Uuid::parse_str(text).expect("a UUID");
        Self {
            account: id(body["account"]["id"].as_str().expect("an id")),
            session: id(&text("session_id")),
            access: text("access_token"),
            refresh: text("refresh_token"),
            position: answer.position(),
        }
    }

    /// The same session with the tokens of a refresh.
    #[track_caller]
    pub(crate) fn renewed(&self, answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let text = |name: &str| body[name].as_str().expect("text").to_owned();
        assert_eq!(text("session_id"), self.session.to_string());
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
            position: answer.position(),
            ..self.clone()
        }
    }
}

impl Client {
    /// Somebody new signs up.
    pub(crate) async fn register(&self, email: &str) -> SignedIn {
        let form = json!({ "email": email, "password": PASSWORD, "display_name": "Ada" });
        SignedIn::of(
            &self
                .post("/v1/auth/register", &form)
                .send()
                .await
                .expect(201),
        )
    }

    /// Somebody comes back.
    pub(crate) async fn login(&self, email: &str) -> SignedIn {
        SignedIn::of(&self.try_login(email, PASSWORD).await.expect(200))
    }

    pub(crate) async fn try_login(&self, email: &str, password: &str) -> Answer {
        let form = json!({ "email": email, "password": password });
        self.post("/v1/auth/login", &form).send().await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let form = json!({ "refresh_token": token });
        self.post("/v1/auth/refresh", &form).send().await
    }

    /// Leaves, by refresh token.
    pub(crate) async fn logout(&self, token: &str) -> Answer {
        let form = json!({ "refresh_token": token });
        self.post("/v1/auth/logout", &form).send().await
    }

    /// Whether an access token is believed here.
    pub(crate) async fn verify(&self, access_token: &str) -> Answer {
        self.get("/v1/auth/verify").by(access_token).send().await
    }
}
