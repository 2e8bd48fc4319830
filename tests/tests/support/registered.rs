//! Clients: services that sign in as themselves.

use std::fmt::Write as _;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::{Algorithm, PublicKey};
use serde_json::{Value, json};

use super::{Answer, Call, Client, ISSUER, SignedIn};

/// The grant of token exchange.
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client and how it proves itself.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) secret_id: String,
}

impl Registered {
    /// The two parameters by which it proves itself in a form.
    pub(crate) fn post(&self) -> [(&str, &str); 2] {
        [("client_id", &self.id), ("client_secret", &self.secret)]
    }

    /// The same client with another secret.
    pub(crate) fn with_secret(&self, secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            ..self.clone()
        }
    }
}

/// Text as it stands in a form.
fn encoded(text: &str) -> String {
    let mut form = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                form.push(char::from(byte));
            }
            _ => write!(form, "%{byte:02X}").expect("a string takes it"),
        }
    }
    form
}

impl Client {
    /// A POST of a form.
    pub(crate) fn form(&self, path: &str, parameters: &[(&str, &str)]) -> Call {
        let pairs = parameters.iter();
        let pairs = pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        self.call("POST", path)
            .body("application/x-www-form-urlencoded", body)
    }

    /// Registers a client without a way to prove itself.
    pub(crate) async fn register_client(&self, operator: &SignedIn, profile: &Value) -> String {
        let call = self.post("/v1/admin/clients", profile);
        let answer = call.by(&operator.access).send().await.expect(201);
        answer.position();
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Gives a client one more secret.
    pub(crate) async fn add_secret(&self, operator: &SignedIn, id: &str) -> Registered {
        let path = format!("/v1/admin/clients/{id}/secrets");
        let call = self.post_nothing(&path).by(&operator.access);
        let answer = call.send().await.expect(200).json();
        assert_eq!(answer["client_id"], id);
        let text = |name: &str| answer[name].as_str().expect("text").to_owned();
        Registered {
            id: id.to_owned(),
            secret: text("secret"),
            secret_id: text("id"),
        }
    }

    /// A client with a secret.
    pub(crate) async fn client_of(
        &self,
        operator: &SignedIn,
        serves: &[&str],
        audiences: &[&str],
        scopes: &[&str],
    ) -> Registered {
        let profile = json!({
            "name": "A service", "serves": serves, "audiences": audiences, "scopes": scopes,
        });
        let id = self.register_client(operator, &profile).await;
        self.add_secret(operator, &id).await
    }

    /// Asks for a token of the client's own.
    pub(crate) async fn ask_token(&self, client: &Registered, more: &[(&str, &str)]) -> Answer {
        let grant = [("grant_type", "client_credentials")];
        let form = [&client.post()[..], &grant, more].concat();
        self.form("/oauth2/token", &form).send().await
    }

    /// A token of the client's own.
    pub(crate) async fn token_of(&self, client: &Registered, more: &[(&str, &str)]) -> String {
        let answer = self.ask_token(client, more).await.expect(200).json();
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    /// Asks to exchange a token.
    pub(crate) async fn ask_exchange(
        &self,
        client: &Registered,
        subject: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let grant = [
            ("grant_type", EXCHANGE),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        let form = [&client.post()[..], &grant, more].concat();
        self.form("/oauth2/token", &form).send().await
    }

    /// An exchanged token.
    pub(crate) async fn exchanged(&self, client: &Registered, subject: &str) -> String {
        let answer = self.ask_exchange(client, subject, &[]).await.expect(200);
        let answer = answer.json();
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    /// What an access token is, as a client is told.
    pub(crate) async fn introspect(&self, client: &Registered, token: &str) -> Answer {
        let form = [&client.post()[..], &[("token", token)]].concat();
        self.form("/oauth2/introspect", &form).send().await
    }

    /// Whether a token is active, for a client.
    pub(crate) async fn is_active(&self, client: &Registered, token: &str) -> bool {
        let answer = self.introspect(client, token).await.expect(200).json();
        let is_active = answer["active"].as_bool().expect("a yes or no");
        if !is_active {
            assert_eq!(answer, json!({ "active": false }));
        }
        is_active
    }

    /// Revokes a token as the client it was given to.
    pub(crate) async fn revoke_token(&self, client: &Registered, token: &str) -> Answer {
        let form = [&client.post()[..], &[("token", token)]].concat();
        self.form("/oauth2/revoke", &form).send().await
    }

    /// Asks for a token with an assertion.
    pub(crate) async fn ask_with_assertion(&self, assertion: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion),
        ];
        self.form("/oauth2/token", &form).send().await
    }
}

impl Answer {
    /// The answer, if it is this OAuth error with this status.
    #[track_caller]
    pub(crate) fn oauth_error(self, status: u16, error: &str) -> Self {
        let body = self.json();
        assert_eq!(
            (self.status, body["error"].as_str()),
            (status, Some(error)),
            "{}",
            self.text()
        );
        assert!(body["error_description"].is_string(), "{body}");
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        if status == 401 {
            assert!(self.header("www-authenticate").starts_with("Basic "));
        }
        if status == 429 || status == 503 {
            assert!(!self.header("retry-after").is_empty(), "{self:?}");
        }
        self
    }
}

/// A key pair of a client, and its public key set.
pub(crate) fn new_key() -> (Ed25519KeyPair, Value) {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let public = PublicKey::from_raw(Algorithm::EdDsa, pair.public_key().as_ref());
    let jwk = public.expect("a public key").to_jwk();
    let jwk = serde_json::to_value(jwk).expect("JSON");
    (pair, json!({ "keys": [jwk] }))
}

/// A good assertion, but for the claims that are given; null leaves one out.
pub(crate) fn assertion_of(
    client: &str,
    key: &(Ed25519KeyPair, Value),
    now: u64,
    jti: &str,
    changed: &[(&str, Value)],
) -> String {
    let mut claims = json!({
        "iss": client, "sub": client, "aud": ISSUER, "jti": jti, "iat": now, "exp": now + 60,
    });
    for (name, value) in changed {
        claims[name] = value.clone();
    }
    let members = claims.as_object_mut().expect("an object");
    members.retain(|_, value| !value.is_null());
    let header = json!({ "alg": "EdDSA", "kid": key.1["keys"][0]["kid"] });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(key.0.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}
