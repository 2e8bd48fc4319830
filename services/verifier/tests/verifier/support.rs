//! Given a token and a verifier, when it is checked, then the answer is
//! exactly this.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::{
    Algorithm, Audience, Claims, KeyRing, KeySet, PublicKey, Refusal, RevocationSet, SigningKey,
    Verifier,
};
use jsonwebtoken::signature::Signer;
use serde_json::{Map, Value, json};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// The time of every check, unless a test says otherwise.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";

/// The issuer's key for an algorithm: one for all tests, since an RSA key
/// takes long to make.
pub(crate) fn key(algorithm: Algorithm) -> &'static SigningKey {
    static KEYS: OnceLock<[SigningKey; 3]> = OnceLock::new();
    let keys =
        KEYS.get_or_init(|| [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256].map(generate));
    keys.iter()
        .find(|key| key.algorithm() == algorithm)
        .expect("there is one of each")
}

/// A key that nobody published.
pub(crate) fn generate(algorithm: Algorithm) -> SigningKey {
    let der = SigningKey::generate_pkcs8(algorithm).expect("a key can be made");
    SigningKey::from_pkcs8(algorithm, &der).expect("a new key can be read")
}

/// The issuer's published keys: one of each algorithm.
pub(crate) fn published() -> KeySet {
    KeySet::from_keys(all_public()).expect("three keys fit")
}

pub(crate) fn all_public() -> [PublicKey; 3] {
    [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256].map(|one| key(one).public_key().clone())
}

pub(crate) fn verifier() -> Verifier {
    let revocations = Arc::new(RevocationSet::default());
    Verifier::new(
        ISSUER,
        AUDIENCE,
        Arc::new(KeyRing::new(published())),
        revocations,
    )
}

/// What a good token says.
pub(crate) fn claims() -> Claims {
    Claims {
        iss: ISSUER.into(),
        sub: Uuid::from_u128(0x0190_aaaa_bbbb_7ccc_8ddd_0000_0000_0001),
        aud: Audience::from(AUDIENCE),
        exp: NOW + 840,
        iat: NOW - 60,
        nbf: NOW - 60,
        jti: "0190aaaa-bbbb-7ccc-8ddd-000000000003".into(),
        client_id: "web".into(),
        sid: Uuid::from_u128(0x0190_aaaa_bbbb_7ccc_8ddd_0000_0000_0002),
        epoch: 41,
        scope: "orders:read orders:write".into(),
        roles: vec!["user".into(), "support".into()],
        acr: Some("aal2".into()),
        amr: vec!["pwd".into(), "otp".into()],
        auth_time: Some(NOW - 60),
        cnf: None,
        act: None,
    }
}

/// A token in the making, and the verifier that will see it.
pub(crate) struct Given {
    pub(crate) verifier: Verifier,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signer: &'static SigningKey,
    now: u64,
}

/// A good token, signed with ES256.
pub(crate) fn given() -> Given {
    given_signed_with(Algorithm::Es256)
}

/// A good token, signed with this algorithm.
pub(crate) fn given_signed_with(algorithm: Algorithm) -> Given {
    let signer = key(algorithm);
    let header = json!({"typ": "at+jwt", "alg": algorithm.name(), "kid": signer.key_id()});
    Given {
        verifier: verifier(),
        header: object(header),
        claims: object(serde_json::to_value(claims()).expect("claims are JSON")),
        signer,
        now: NOW,
    }
}

impl Given {
    pub(crate) fn header(mut self, name: &str, value: Value) -> Self {
        self.header.insert(name.into(), value);
        self
    }

    pub(crate) fn no_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    pub(crate) fn no_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    pub(crate) fn signed_by(mut self, signer: &'static SigningKey) -> Self {
        self.signer = signer;
        self
    }

    pub(crate) fn at(mut self, now: u64) -> Self {
        self.now = now;
        self
    }

    pub(crate) fn verifier(mut self, change: impl FnOnce(Verifier) -> Verifier) -> Self {
        self.verifier = change(self.verifier);
        self
    }

    pub(crate) fn token(&self) -> String {
        let header = Value::Object(self.header.clone()).to_string();
        signed(
            self.signer,
            &header,
            &Value::Object(self.claims.clone()).to_string(),
        )
    }

    pub(crate) fn when_checked(&self) -> Result<Claims, Refusal> {
        self.verifier.check(&self.token(), self.now)
    }

    #[track_caller]
    pub(crate) fn then_accepted(self) -> Claims {
        self.when_checked().expect("the token is good")
    }

    #[track_caller]
    pub(crate) fn then_refused(self, refusal: Refusal) {
        assert_eq!(self.when_checked(), Err(refusal));
    }
}

/// A token with exactly this header and payload, signed properly.
pub(crate) fn signed(signer: &SigningKey, header: &str, payload: &str) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = signer.try_sign(message.as_bytes()).expect("it can sign");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The three parts of a token.
pub(crate) fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().expect("a token has three parts")
}

/// The header of a good ES256 token, as text.
pub(crate) fn es256_header() -> String {
    format!(
        r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"}}"#,
        key(Algorithm::Es256).key_id()
    )
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is not an object"),
    }
}
