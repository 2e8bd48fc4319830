//! Client assertions: JWTs that a client signs with its own key (RFC 7523).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_domain::Client;
use countersign_events::ClientId;
use countersign_openapi as wire;
use countersign_verifier::KeySet;
use serde_json::{Map, Value};

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::http::parse_json;

/// How far ahead an assertion may expire, and how far off it may say it was
/// made, in seconds.
const WINDOW_SECONDS: u64 = 60;

/// How far clocks may differ, in seconds. Nothing is given to `iat` ahead of
/// time, whose window allows for clocks already.
const SKEW_SECONDS: u64 = 10;

/// The longest id of an assertion, in bytes.
const ID_BYTES_MAX: usize = 256;

const DEPTH_MAX: usize = 8;

/// An assertion taken apart. Nothing in it has been believed yet.
struct Assertion<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl<'a> Assertion<'a> {
    fn read(jwt: &'a str) -> Option<Self> {
        let (signed, signature) = jwt.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            match parse_json(&bytes, DEPTH_MAX).ok()? {
                Value::Object(object) => Some(object),
                _ => None,
            }
        };
        Some(Self {
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            header: object(header)?,
            claims: object(claims)?,
        })
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A time in whole seconds (RFC 7519 section 2); `otherwise`, if there is
    /// no such claim.
    fn time(&self, claim: &str, otherwise: u64) -> Option<u64> {
        self.claims
            .get(claim)
            .map_or(Some(otherwise), Value::as_u64)
    }

    /// Its id, if `client` has signed it with one of `keys`, for `issuer` and
    /// for now.
    fn check(
        &self,
        client: &str,
        keys: &KeySet,
        issuer: &str,
        now_unix_seconds: u64,
    ) -> Option<&str> {
        self.check_header()?;
        let key = keys.get(self.header.get("kid")?.as_str()?)?;
        // The algorithm follows from the key, whatever the header says.
        if self.header.get("alg")?.as_str()? != key.algorithm().name() {
            return None;
        }
        key.verify(self.signed.as_bytes(), &self.signature).ok()?;
        self.check_claims(client, issuer, now_unix_seconds)
    }

    /// It is not another kind of token, brings no key of its own and asks for
    /// no extension.
    fn check_header(&self) -> Option<()> {
        const KNOWN: [&str; 3] = ["alg", "kid", "typ"];
        const TYPES: [&str; 2] = ["jwt", "client-authentication+jwt"];
        if !self
            .header
            .keys()
            .all(|name| KNOWN.contains(&name.as_str()))
        {
            return None;
        }
        match self.header.get("typ") {
            None => Some(()),
            Some(typ) => {
                let typ = typ.as_str()?.to_ascii_lowercase();
                let typ = typ.strip_prefix("application/").unwrap_or(&typ);
                TYPES.contains(&typ).then_some(())
            }
        }
    }

    fn check_claims(&self, client: &str, issuer: &str, now: u64) -> Option<&str> {
        // Made for one server alone: one that it is shown to must not be able
        // to show it here.
        if self.text("iss")? != client || self.text("sub")? != client || self.text("aud")? != issuer
        {
            return None;
        }
        let expires = self.time("exp", 0)?;
        let made = self.time("iat", now)?;
        let begins = self.time("nbf", now)?;
        let is_timely = expires.saturating_add(SKEW_SECONDS) > now
            && expires <= now + WINDOW_SECONDS + SKEW_SECONDS
            && made <= now + WINDOW_SECONDS
            && made.saturating_add(WINDOW_SECONDS + SKEW_SECONDS) >= now
            && begins <= now + SKEW_SECONDS;
        if !is_timely {
            return None;
        }
        let id = self.text("jti")?;
        (1..=ID_BYTES_MAX).contains(&id.len()).then_some(id)
    }
}

/// Which client an assertion says to be of; not believed yet.
pub(super) fn subject(jwt: &str) -> Option<String> {
    Assertion::read(jwt)?.text("sub").map(str::to_owned)
}

impl App {
    /// Whether an assertion proves a client, and was not used before, here or
    /// at another instance.
    pub(super) async fn assertion_is_right(
        &self,
        request: &Circumstances,
        id: ClientId,
        client: &Client,
        jwt: &wire::Secret,
    ) -> Result<bool, Denied> {
        let broken = |error: &dyn std::fmt::Display| Denied::Broken(error.to_string());
        let Some(jwks) = client.jwks.as_deref().filter(|_| client.active().is_some()) else {
            return Ok(false);
        };
        let keys = KeySet::from_jwks(jwks).map_err(|error| broken(&error))?;
        let now = u64::try_from(request.now.as_seconds()).unwrap_or_default();
        let Some(assertion) = Assertion::read(jwt.expose()) else {
            return Ok(false);
        };
        let issuer = &self.config.issuer;
        let Some(jti) = assertion.check(&id.to_string(), &keys, issuer, now) else {
            return Ok(false);
        };
        // Names are the client's to choose, and two clients may choose alike.
        let name = format!("{id} {jti}");
        Ok(self
            .log
            .use_up(&self.assertion_names.of(name.as_bytes()))
            .await?)
    }
}

/// An assertion is remembered longer than it can be good.
const _: () =
    assert!(countersign_log::USED_REMEMBERED.as_secs() > WINDOW_SECONDS + 2 * SKEW_SECONDS);

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use countersign_verifier::{Algorithm, PublicKey};
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const CLIENT: &str = "019a2b3c-6d00-7a00-8b00-4c5d6e7f8007";
    const ISSUER: &str = "https://id.example";

    struct Signing {
        pair: Ed25519KeyPair,
        keys: KeySet,
        kid: String,
    }

    impl Signing {
        fn new() -> Self {
            let pair = Ed25519KeyPair::generate().expect("a key");
            let public = PublicKey::from_raw(Algorithm::EdDsa, pair.public_key().as_ref());
            let public = public.expect("a public key");
            Self {
                pair,
                kid: public.key_id().to_owned(),
                keys: KeySet::from_keys([public]).expect("a set"),
            }
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = self.pair.sign(signed.as_bytes());
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }

        /// Whether a good assertion with these changes is believed.
        fn believes(&self, header: &[(&str, Value)], claims: &[(&str, Value)]) -> bool {
            let changed = |mut good: Value, changes: &[(&str, Value)]| {
                for (name, value) in changes {
                    let members = good.as_object_mut().expect("an object");
                    match value {
                        Value::Null => members.remove(*name),
                        value => members.insert((*name).to_owned(), value.clone()),
                    };
                }
                good
            };
            let good = json!({ "alg": "EdDSA", "kid": self.kid, "typ": "JWT" });
            let header = changed(good, header);
            let good = json!({
                "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "1",
                "iat": NOW, "exp": NOW + 60,
            });
            let jwt = self.sign(&header, &changed(good, claims));
            Assertion::read(&jwt)
                .is_some_and(|read| read.check(CLIENT, &self.keys, ISSUER, NOW).is_some())
        }
    }

    #[test]
    fn a_good_assertion_is_believed() {
        let signing = Signing::new();
        assert!(signing.believes(&[], &[]));
        for typ in [
            Value::Null,
            json!("client-authentication+jwt"),
            json!("application/jwt"),
        ] {
            assert!(signing.believes(&[("typ", typ)], &[]));
        }
        assert!(signing.believes(&[], &[("iat", Value::Null)]));
        assert!(signing.believes(&[], &[("iat", json!(NOW + 60)), ("exp", json!(NOW + 70))]));
        assert!(signing.believes(&[], &[("exp", json!(NOW - 9)), ("iat", json!(NOW - 70))]));
        assert!(signing.believes(&[], &[("nbf", json!(NOW + 10)), ("private", json!([1]))]));
    }

    #[test]
    fn ab_54_what_is_made_for_others_or_for_another_time_is_not() {
        let signing = Signing::new();
        for (claim, values) in [
            ("iss", vec![json!("other"), Value::Null]),
            ("sub", vec![json!("other"), Value::Null]),
            (
                "aud",
                vec![
                    json!("https://id.example/"),
                    json!("https://id.example/oauth2/token"),
                    json!([ISSUER]),
                    json!([ISSUER, "https://other.example"]),
                    Value::Null,
                ],
            ),
            (
                "exp",
                vec![
                    json!(NOW + 71),
                    json!(NOW - 10),
                    json!(0),
                    json!("1800000060"),
                    json!(1_800_000_060.5),
                    json!(-1),
                    Value::Null,
                ],
            ),
            ("iat", vec![json!(NOW + 61), json!(NOW - 71), json!("x")]),
            ("nbf", vec![json!(NOW + 11), json!("x")]),
            (
                "jti",
                vec![json!(""), json!("x".repeat(257)), json!(1), Value::Null],
            ),
        ] {
            for value in values {
                assert!(
                    !signing.believes(&[], &[(claim, value.clone())]),
                    "{claim} {value}"
                );
            }
        }
    }

    #[test]
    fn ab_54_the_header_chooses_neither_key_nor_algorithm() {
        let signing = Signing::new();
        for (parameter, value) in [
            ("alg", json!("none")),
            ("alg", json!("ES256")),
            ("alg", json!("HS256")),
            ("alg", Value::Null),
            ("kid", json!("other")),
            ("kid", Value::Null),
            ("typ", json!("at+jwt")),
            ("typ", json!(1)),
            ("crit", json!(["exp"])),
            ("jwk", json!({})),
            ("jku", json!("https://evil.example")),
            ("x5u", json!("https://evil.example")),
            ("b64", json!(false)),
        ] {
            assert!(
                !signing.believes(&[(parameter, value.clone())], &[]),
                "{parameter} {value}"
            );
        }
        // Another key has signed it.
        let (other, header) = (Signing::new(), [("kid", json!(signing.kid))]);
        let claims = json!({ "sub": CLIENT });
        let jwt = other.sign(&json!({ "alg": "EdDSA", "kid": header[0].1 }), &claims);
        let read = Assertion::read(&jwt).expect("it can be read");
        assert_eq!(read.check(CLIENT, &signing.keys, ISSUER, NOW), None);
    }

    #[test]
    fn only_well_formed_ones_are_read() {
        let signing = Signing::new();
        let jwt = signing.sign(&json!({}), &json!({ "sub": CLIENT }));
        assert_eq!(subject(&jwt).as_deref(), Some(CLIENT));
        let twice = URL_SAFE_NO_PAD.encode(r#"{"sub":"a","sub":"b"}"#);
        for bad in [
            String::new(),
            "a".into(),
            "a.b".into(),
            "a.b.c".into(),
            format!("{jwt}.AA"),
            format!("{jwt}="),
            format!("e30.{twice}.AA"),
            format!("{}.AA", URL_SAFE_NO_PAD.encode("[]")),
        ] {
            assert_eq!(subject(&bad), None, "{bad}");
        }
    }
}
