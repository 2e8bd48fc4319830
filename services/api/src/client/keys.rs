//! The public keys of a client.

use countersign_verifier::{Algorithm, KeySet};
use serde_json::Value;

use crate::denied::Denied;

/// How many keys a client has at most.
const KEYS_MAX: usize = 8;

/// A registered key set in its canonical form; none if it has no keys.
///
/// By the verifier's rules: public keys alone, for signatures, each named by
/// its thumbprint. Of algorithms only those that a service should begin with
/// today: ES256 and EdDSA.
pub(crate) fn canonical_jwks(jwks: &Value) -> Result<Option<String>, Denied> {
    let invalid = |message| Denied::Invalid {
        field: "/jwks",
        message,
    };
    let set = KeySet::from_jwks(&jwks.to_string())
        .map_err(|_| invalid("expected a JSON Web Key Set (RFC 7517)"))?;
    let suits = |algorithm| matches!(algorithm, Algorithm::Es256 | Algorithm::EdDsa);
    if set.ignored() > 0 || !set.iter().all(|key| suits(key.algorithm())) {
        return Err(invalid(
            "expected public P-256 or Ed25519 keys for signatures, each with its RFC 7638 thumbprint as kid",
        ));
    }
    if set.len() > KEYS_MAX {
        return Err(invalid("expected at most 8 keys"));
    }
    Ok((!set.is_empty()).then(|| set.to_jwks()))
}

#[cfg(test)]
mod tests {
    use countersign_verifier::SigningKey;
    use serde_json::json;

    use super::*;

    fn key(algorithm: Algorithm) -> Value {
        let pair = SigningKey::generate_pkcs8(algorithm).expect("a key");
        let pair = SigningKey::from_pkcs8(algorithm, &pair).expect("a key");
        serde_json::to_value(pair.public_key().to_jwk()).expect("JSON")
    }

    #[test]
    fn good_keys_are_kept_in_one_spelling() {
        let (one, two) = (key(Algorithm::Es256), key(Algorithm::EdDsa));
        let set = canonical_jwks(&json!({ "keys": [one, two] })).expect("good keys");
        let turned = canonical_jwks(&json!({ "keys": [two, one] })).expect("good keys");
        assert!(set.is_some());
        assert_eq!(set, turned);
        assert_eq!(canonical_jwks(&json!({ "keys": [] })).expect("none"), None);
    }

    #[test]
    fn what_is_no_public_key_for_signatures_is_refused() {
        let good = || key(Algorithm::Es256);
        let with = |name: &str, value: Value| {
            let mut key = good();
            key[name] = value;
            key
        };
        let mut nameless = good();
        nameless.as_object_mut().expect("an object").remove("kid");
        for bad in [
            nameless,
            with("d", json!("AAAA")),
            with("kid", json!("mine")),
            with("use", json!("enc")),
            with("alg", json!("HS256")),
            with("crv", json!("P-384")),
            key(Algorithm::Rs256),
            json!({ "kty": "oct", "k": "AAAA", "kid": "x" }),
        ] {
            let set = json!({ "keys": [good(), bad] });
            assert!(canonical_jwks(&set).is_err(), "{set}");
        }
        for bad in [json!({}), json!([]), json!("x"), json!({ "keys": {} })] {
            assert!(canonical_jwks(&bad).is_err(), "{bad}");
        }
        let many: Vec<Value> = (0..=KEYS_MAX).map(|_| good()).collect();
        assert!(canonical_jwks(&json!({ "keys": many })).is_err());
    }
}
