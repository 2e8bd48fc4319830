//! Access tokens, looked into and forged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The three parts of a token, to be changed and put together again.
#[derive(Debug, Clone)]
pub(crate) struct Jwt {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) signature: String,
}

impl Jwt {
    pub(crate) fn read(token: &str) -> Self {
        let mut parts = token.split('.');
        let mut part = || parts.next().expect("three parts").to_owned();
        let (header, claims, signature) = (part(), part(), part());
        let json = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
            serde_json::from_slice(&bytes).expect("JSON")
        };
        Self {
            header: json(&header),
            claims: json(&claims),
            signature,
        }
    }

    /// Without its signature: what is signed.
    pub(crate) fn signed(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }

    /// As it is, with the signature it came with.
    pub(crate) fn text(&self) -> String {
        format!("{}.{}", self.signed(), self.signature)
    }
}

/// What a token claims, whoever signed it.
pub(crate) fn claims_of(token: &str) -> Value {
    Jwt::read(token).claims
}

/// The token with a changed header and claims, and its old signature.
pub(crate) fn forge(token: &str, change: impl FnOnce(&mut Jwt)) -> String {
    let mut jwt = Jwt::read(token);
    change(&mut jwt);
    jwt.text()
}
