//! Published keys: what is used, what is passed over, and how they change.

use crate::support::{NOW, all_public, given, key, published};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::{
    Algorithm, KeyError, KeySet, KeySetError, MAX_JWKS_BYTES, MAX_KEYS, PublicKey,
};
use jsonwebtoken::jwk::ThumbprintHash;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

/// A published key as JSON, with members changed.
fn jwk(algorithm: Algorithm, changes: Value) -> Value {
    let mut jwk = json!(key(algorithm).public_key().to_jwk());
    let (Some(members), Value::Object(changes)) = (jwk.as_object_mut(), changes) else {
        panic!("both are objects");
    };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name)
        } else {
            members.insert(name, value)
        };
    }
    jwk
}

/// The same under its own thumbprint, so that its name is not what is wrong.
fn named(mut jwk: Value) -> Value {
    let parsed: jsonwebtoken::jwk::Jwk =
        serde_json::from_value(jwk.clone()).expect("it has the form of a key");
    jwk["kid"] = json!(
        parsed
            .thumbprint(ThumbprintHash::SHA256)
            .expect("it has one")
    );
    jwk
}

fn read(keys: Value) -> KeySet {
    KeySet::from_jwks(&json!({ "keys": keys }).to_string()).expect("it is a key set")
}

#[test]
fn a_set_survives_publication() {
    let text = published().to_jwks();
    let read = KeySet::from_jwks(&text).expect("it is a key set");
    assert_eq!((read.len(), read.ignored()), (3, 0));
    assert_eq!(read.to_jwks(), text);
    for public in all_public() {
        let same = read.get(public.key_id()).expect("it was published");
        assert_eq!(same.algorithm(), public.algorithm());
        assert_eq!(same.to_base64url(), public.to_base64url());
    }
}

#[test]
fn what_is_published_is_public_and_complete() {
    let document: Value = serde_json::from_str(&published().to_jwks()).expect("it is JSON");
    let keys = document["keys"].as_array().expect("it has keys");
    let ids: Vec<_> = keys.iter().map(|jwk| jwk["kid"].as_str()).collect();
    assert!(ids.is_sorted());
    for jwk in keys {
        let members = jwk.as_object().expect("a key is an object");
        let expected: &[&str] = match jwk["alg"].as_str() {
            Some("ES256") => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            Some("EdDSA") => &["alg", "crv", "kid", "kty", "use", "x"],
            Some("RS256") => &["alg", "e", "kid", "kty", "n", "use"],
            other => panic!("{other:?}"),
        };
        let mut names: Vec<_> = members.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(jwk["use"], "sig");
    }
}

#[test]
fn a_key_may_say_less_about_itself() {
    let set = read(json!([
        jwk(Algorithm::Es256, json!({"alg": null, "use": null})),
        jwk(
            Algorithm::EdDsa,
            json!({"alg": null, "key_ops": ["verify"], "x-own": [1]})
        ),
    ]));
    assert_eq!((set.len(), set.ignored()), (2, 0));
}

#[test]
fn an_unusable_key_is_passed_over_and_counted() {
    let es256 = |changes: Value| jwk(Algorithm::Es256, changes);
    let rs256 = |changes: Value| jwk(Algorithm::Rs256, changes);
    let good_x = jwk(Algorithm::Es256, json!({}))["x"]
        .as_str()
        .map(str::to_owned);
    let good_x = good_x.expect("it has an x");
    let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let point = point()[1..].to_vec();
    for bad in [
        json!(null),
        json!("key"),
        json!([]),
        json!(["EC", "kid"]),
        json!({}),
        json!({"kty": "oct", "kid": "k", "k": "AAAA", "alg": "HS256"}),
        json!({"kty": "LWE", "kid": "k"}),
        es256(json!({"kty": "ec"})),
        es256(json!({"kty": "OKP"})),
        es256(json!({"crv": "P-384"})),
        es256(json!({"crv": "secp256k1"})),
        es256(json!({"crv": null})),
        es256(json!({"alg": "ES384"})),
        es256(json!({"alg": "RS256"})),
        es256(json!({"alg": "none"})),
        es256(json!({"alg": "es256"})),
        es256(json!({"use": "enc"})),
        es256(json!({"key_ops": ["encrypt"]})),
        es256(json!({"key_ops": []})),
        es256(json!({"kid": null})),
        es256(json!({"kid": "key-1"})),
        es256(json!({"kid": key(Algorithm::EdDsa).key_id()})),
        es256(json!({"kid": 7})),
        es256(json!({"x": null})),
        es256(json!({"y": null})),
        named(es256(json!({"y": good_x}))),
        named(es256(json!({"x": ""}))),
        es256(json!({"x": format!("AA{good_x}")})),
        es256(json!({"x": format!("{good_x}=")})),
        // The same 64 bytes of coordinates, cut at another place.
        es256(json!({"x": b64(&point[..31]), "y": b64(&point[31..])})),
        // Leading zeros make a second spelling (RFC 7518 section 6.3.1.1).
        named(rs256(json!({"e": "AAEAAQ"}))),
        named(rs256(json!({"e": "AQAAAAE"}))),
        // Its private part is public now.
        es256(json!({"d": "AAAA"})),
        jwk(Algorithm::EdDsa, json!({"d": "AAAA"})),
        jwk(Algorithm::EdDsa, json!({"crv": "Ed448"})),
        jwk(Algorithm::EdDsa, json!({"crv": "X25519"})),
        named(jwk(Algorithm::EdDsa, json!({"x": "AAAA"}))),
        rs256(json!({"alg": "PS256"})),
        rs256(json!({"alg": "RS512"})),
        rs256(json!({"e": null})),
        named(rs256(json!({"e": "AQ"}))),
        named(rs256(json!({"e": "Aw"}))),
        named(rs256(json!({"e": "AQAC"}))),
        named(rs256(json!({"n": "AQAB"}))),
        named(rs256(json!({"n": ""}))),
    ] {
        let set = read(json!([bad, jwk(Algorithm::EdDsa, json!({}))]));
        assert_eq!((set.len(), set.ignored()), (1, 1), "{bad}");
    }
}

#[test]
fn a_key_with_a_member_twice_is_passed_over() {
    let text = es256_text();
    let twice = format!(
        r#"{{"keys":[{},"kty":"EC"}}]}}"#,
        text.trim_end_matches('}')
    );
    let set = KeySet::from_jwks(&twice).expect("it is a key set");
    assert_eq!((set.len(), set.ignored()), (0, 1));
}

fn es256_text() -> String {
    jwk(Algorithm::Es256, json!({})).to_string()
}

/// The ES256 key's uncompressed point.
fn point() -> Vec<u8> {
    let text = key(Algorithm::Es256).public_key().to_base64url();
    URL_SAFE_NO_PAD.decode(text).expect("it is base64url")
}

#[test]
fn weak_and_impossible_keys_are_refused() {
    let rsa = |bytes: usize, top: u8| {
        let mut n = vec![0x81; bytes];
        n[0] = top;
        let components = aws_lc_rs::signature::RsaPublicKeyComponents {
            n,
            e: vec![1, 0, 1],
        };
        let parsed = components
            .to_parsed_public_key(&aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256)
            .expect("the library does not look closely");
        PublicKey::from_raw(Algorithm::Rs256, parsed.as_ref()).err()
    };
    assert_eq!(rsa(128, 0x80), Some(KeyError::Unsuitable));
    assert_eq!(rsa(256, 0x7f), Some(KeyError::Unsuitable));
    assert_eq!(rsa(256, 0x80), None);
    assert_eq!(rsa(1025, 0x80), Some(KeyError::Unsuitable));

    let point = point();
    let es256 = |raw: &[u8]| PublicKey::from_raw(Algorithm::Es256, raw).err();
    assert_eq!(es256(&point), None);
    assert_eq!(es256(&[]), Some(KeyError::Malformed));
    assert_eq!(es256(&[4]), Some(KeyError::Malformed));
    assert_eq!(es256(&point[..64]), Some(KeyError::Malformed));
    for form in [0, 2, 3, 5, 6, 7, 0x30] {
        assert_eq!(
            es256(&[&[form], &point[1..]].concat()),
            Some(KeyError::Malformed)
        );
    }
    assert_eq!(
        es256(&[&[2], &point[1..33]].concat()),
        Some(KeyError::Malformed)
    );
    let mut off_the_curve = point.clone();
    off_the_curve[64] ^= 1;
    assert_eq!(es256(&off_the_curve), Some(KeyError::Malformed));
    assert_eq!(
        PublicKey::from_raw(Algorithm::EdDsa, &point).err(),
        Some(KeyError::Malformed)
    );
    assert_eq!(
        PublicKey::from_raw(Algorithm::Rs256, &point).err(),
        Some(KeyError::Malformed)
    );
    assert!(PublicKey::from_base64url(Algorithm::Es256, "A=").is_err());
}

#[test]
fn what_is_no_key_set_is_refused() {
    for text in [
        "",
        "[]",
        "null",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[]}x"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[}"#,
        "<html>",
    ] {
        assert_eq!(
            KeySet::from_jwks(text).err(),
            Some(KeySetError::Malformed),
            "{text}"
        );
    }
    let empty = KeySet::from_jwks(r#"{"keys":[],"other":1}"#).expect("it is a key set");
    assert!(empty.is_empty());
}

#[test]
fn a_key_set_has_a_largest_size() {
    let blank = |bytes: usize| format!(r#"{{"keys":[]{}}}"#, " ".repeat(bytes - 11));
    assert!(KeySet::from_jwks(&blank(MAX_JWKS_BYTES)).is_ok());
    assert_eq!(
        KeySet::from_jwks(&blank(MAX_JWKS_BYTES + 1)).err(),
        Some(KeySetError::TooLarge)
    );

    let many = |count: usize| json!({"keys": vec![json!({}); count]}).to_string();
    assert_eq!(
        KeySet::from_jwks(&many(MAX_KEYS)).map(|set| set.ignored()),
        Ok(MAX_KEYS)
    );
    assert_eq!(
        KeySet::from_jwks(&many(MAX_KEYS + 1)).err(),
        Some(KeySetError::TooLarge)
    );
}

#[test]
fn keys_change_beneath_a_verifier_and_no_check_fails() {
    let given = given();
    let (token, verifier) = (given.token(), &given.verifier);
    let old = KeySet::from_keys([key(Algorithm::Es256).public_key().clone()]).expect("it fits");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let checkers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut checks = 0;
                    while !is_done.load(Ordering::Relaxed) || checks == 0 {
                        assert!(verifier.check(&token, NOW).is_ok());
                        checks += 1;
                    }
                    checks
                })
            })
            .collect();
        for _ in 0..2_000 {
            verifier.keys().replace(old.clone());
            verifier.keys().replace(published());
        }
        is_done.store(true, Ordering::Relaxed);
        for checker in checkers {
            assert!(checker.join().expect("no check failed") > 0);
        }
    });
}
