//! AB-50: forgery by confusion: the token chooses how, or with what, it is
//! checked (RFC 8725 sections 2.1, 3.1, 3.2 and 3.10).

use crate::support::{
    NOW, claims, es256_header, generate, given, given_signed_with, key, parts, signed, verifier,
};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_verifier::{Algorithm, PublicKey, Refusal, SigningKey};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::OnceLock;

/// The attacker's own key pair.
fn attacker() -> &'static SigningKey {
    static ATTACKER: OnceLock<SigningKey> = OnceLock::new();
    ATTACKER.get_or_init(|| generate(Algorithm::Es256))
}

#[track_caller]
fn refused(token: &str, refusal: Refusal) {
    assert_eq!(verifier().check(token, NOW), Err(refusal), "{token}");
}

#[test]
fn ab_50_no_algorithm() {
    for alg in ["none", "None", "NONE", "nOnE", "nonE", "", " none", "null"] {
        given()
            .header("alg", json!(alg))
            .then_refused(Refusal::WrongAlgorithm);
    }
    given()
        .no_header("alg")
        .then_refused(Refusal::WrongAlgorithm);

    let kid = key(Algorithm::Es256).key_id();
    let header =
        URL_SAFE_NO_PAD.encode(json!({"typ": "at+jwt", "alg": "none", "kid": kid}).to_string());
    let payload = URL_SAFE_NO_PAD.encode(json!(claims()).to_string());
    refused(&format!("{header}.{payload}."), Refusal::Malformed);
    refused(&format!("{header}.{payload}"), Refusal::Malformed);
    refused(&format!("{header}.{payload}.AA"), Refusal::WrongAlgorithm);
}

#[test]
fn ab_50_the_algorithm_is_the_keys_and_exact() {
    let all = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];
    let known = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
        "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448", "es256", "Es256", "eddsa",
        "EDDSA", "rs256", "ES256 ", "RSA-OAEP", "A128KW", "dir",
    ];
    for algorithm in all {
        for alg in known.into_iter().filter(|alg| *alg != algorithm.name()) {
            given_signed_with(algorithm)
                .header("alg", json!(alg))
                .then_refused(Refusal::WrongAlgorithm);
        }
    }
}

#[test]
fn ab_50_a_key_of_another_algorithm() {
    let all = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];
    for (own, other) in all
        .iter()
        .flat_map(|a| all.map(|b| (*a, b)))
        .filter(|(a, b)| a != b)
    {
        let other_kid = json!(key(other).key_id());
        given_signed_with(own)
            .header("kid", other_kid.clone())
            .then_refused(Refusal::WrongAlgorithm);
        given_signed_with(own)
            .header("kid", other_kid)
            .header("alg", json!(other.name()))
            .then_refused(Refusal::BadSignature);
    }
}

#[test]
fn ab_50_hmac_keyed_with_the_public_key() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let public = key(algorithm).public_key();
        for secret in encodings(public) {
            for (alg, hash) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
                let forge = |alg: &str| {
                    let header = json!({"typ": "at+jwt", "alg": alg, "kid": public.key_id()});
                    let message = format!(
                        "{}.{}",
                        URL_SAFE_NO_PAD.encode(header.to_string()),
                        URL_SAFE_NO_PAD.encode(json!(claims()).to_string())
                    );
                    let tag = hmac::sign(&hmac::Key::new(hash, &secret), message.as_bytes());
                    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
                };
                refused(&forge(alg), Refusal::WrongAlgorithm);
                refused(&forge(algorithm.name()), Refusal::BadSignature);
            }
        }
    }
}

/// A public key in the encodings in which careless verifiers hold it.
fn encodings(key: &PublicKey) -> Vec<Vec<u8>> {
    let raw = URL_SAFE_NO_PAD
        .decode(key.to_base64url())
        .expect("it is base64url");
    let jwk = serde_json::to_string(&key.to_jwk()).expect("it is JSON");
    let pem = |label: &str| {
        let body = STANDARD.encode(&raw);
        let lines: Vec<_> = body
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----",
            lines.join("\n")
        )
    };
    vec![
        raw.clone(),
        raw[1..].to_vec(),
        key.to_base64url().into_bytes(),
        STANDARD.encode(&raw).into_bytes(),
        pem("PUBLIC KEY").into_bytes(),
        (pem("PUBLIC KEY") + "\n").into_bytes(),
        pem("RSA PUBLIC KEY").into_bytes(),
        jwk.into_bytes(),
        key.key_id().into(),
        vec![],
    ]
}

#[test]
fn ab_50_a_kid_is_a_name_and_nothing_else() {
    let kid = key(Algorithm::Es256).key_id();
    for bad in [
        "../../../../dev/null".to_owned(),
        "/dev/null".into(),
        "file:///etc/passwd".into(),
        "' OR '1'='1".into(),
        "x' UNION SELECT 'key".into(),
        "$(id)".into(),
        "0".into(),
        "*".into(),
        format!("{kid}\u{0}"),
        format!("{kid}\n"),
        format!(" {kid}"),
        format!("{kid}="),
        format!("./{kid}"),
        kid.to_lowercase() + "A",
        kid[..42].into(),
        swap_case(kid),
    ] {
        given()
            .header("kid", json!(bad))
            .then_refused(Refusal::UnknownKey);
    }
}

#[test]
fn ab_50_the_token_brings_no_key() {
    let own_jwk = json!(attacker().public_key().to_jwk());
    for victims_kid in [true, false] {
        let kid = if victims_kid {
            key(Algorithm::Es256).key_id()
        } else {
            attacker().key_id()
        };
        given()
            .signed_by(attacker())
            .header("kid", json!(kid))
            .header("jwk", own_jwk.clone())
            .then_refused(Refusal::HeaderNotAllowed);
    }
}

#[test]
fn ab_50_nothing_that_extends_or_wraps() {
    for (name, value) in [
        ("jwk", json!({})),
        ("jwk", Value::Null),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AA")),
        ("x5t#S256", json!("AA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", Value::Null),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("cty", json!("JWT")),
    ] {
        given()
            .header(name, value)
            .then_refused(Refusal::HeaderNotAllowed);
    }
    // RFC 7515 section 4: what is merely not understood is passed over.
    given().header("nonce", json!("x")).then_accepted();
}

#[test]
fn ab_50_no_call_to_the_attackers_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.set_nonblocking(true).expect("it is a socket");
    let url = format!(
        "http://{}/jwks.json",
        listener.local_addr().expect("it is bound")
    );
    for parameter in ["jku", "x5u"] {
        given()
            .signed_by(attacker())
            .header("kid", json!(attacker().key_id()))
            .header(parameter, json!(url))
            .then_refused(Refusal::HeaderNotAllowed);
        given()
            .signed_by(attacker())
            .header("kid", json!(url))
            .then_refused(Refusal::UnknownKey);
    }
    let called = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(called, Err(std::io::ErrorKind::WouldBlock));
}

#[test]
fn ab_50_signatures_of_another_form() {
    let token = given().token();
    let (message, signature) = token.rsplit_once('.').expect("a token has dots");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("it is base64url");
    let (r, s) = signature.split_at(32);
    let with = |signature: &[u8]| format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));

    refused(&with(&der(r, s)), Refusal::BadSignature);
    refused(&with(&signature[..63]), Refusal::BadSignature);
    refused(
        &with(&[&signature[..], &[0]].concat()),
        Refusal::BadSignature,
    );
    refused(
        &with(&[&[0; 2], r, &[0; 2], s].concat()),
        Refusal::BadSignature,
    );
    refused(&with(&[s, r].concat()), Refusal::BadSignature);
    // CVE-2022-21449: r and s of zero, or of the group's order.
    refused(&with(&[0; 64]), Refusal::BadSignature);
    refused(&with(&P256_ORDER.repeat(2)), Refusal::BadSignature);
    refused(&with(&[r, &[0; 32]].concat()), Refusal::BadSignature);
    refused(&with(&[&P256_ORDER, s].concat()), Refusal::BadSignature);
    refused(&with(&[0xff; 64]), Refusal::BadSignature);
    refused(&with(&[7]), Refusal::BadSignature);
}

const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The signature as X.509 writes it.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |value: &[u8]| {
        let sign: &[u8] = if value[0] & 0x80 == 0 { &[] } else { &[0] };
        let content = [sign, value].concat();
        [
            &[0x02, u8::try_from(content.len()).expect("it is short")],
            &content[..],
        ]
        .concat()
    };
    let content = [integer(r), integer(s)].concat();
    [
        &[0x30, u8::try_from(content.len()).expect("it is short")],
        &content[..],
    ]
    .concat()
}

#[test]
fn ab_50_an_ed25519_signature_with_s_above_the_order() {
    let token = given_signed_with(Algorithm::EdDsa).token();
    let (message, signature) = token.rsplit_once('.').expect("a token has dots");
    let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("it is base64url");
    // S + L is the same number modulo L (RFC 8032 section 5.1.7).
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + add + carry;
        let [high, low] = sum.to_be_bytes();
        (*byte, carry) = (low, u16::from(high));
    }
    refused(
        &format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)),
        Refusal::BadSignature,
    );
}

#[test]
fn ab_50_a_token_has_one_spelling_in_base64() {
    let token = given().token();
    let [header, payload, signature] = parts(&token);
    let mut spellings = vec![
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}.{signature}=="),
        format!("{header}.{payload}.{signature}%3D%3D"),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{header} .{payload}.{signature}"),
        format!(
            "{header}.{payload}.{}\r\n{}",
            &signature[..40],
            &signature[40..]
        ),
        format!("{header}\t.{payload}.{signature}"),
        format!("{header}.{payload}.{signature}\u{0}"),
        format!("{header}.{payload}.{signature}é"),
        format!("{header}．{payload}.{signature}"),
        format!("\u{200b}{token}"),
        format!(
            "{header}.{payload}.{}",
            signature.replace(['-', '_'], "+") + "+"
        ),
    ];
    // The last character of 64 bytes has four bits that mean nothing.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = signature
        .chars()
        .last()
        .and_then(|last| alphabet.find(last))
        .expect("it is there");
    for stray_bits in 1..16 {
        let other = &alphabet[last | stray_bits..][..1];
        spellings.push(format!("{header}.{payload}.{}{other}", &signature[..85]));
    }
    assert_eq!(verifier().check(&token, NOW), Ok(claims()));
    for spelling in spellings {
        refused(&spelling, Refusal::Malformed);
    }
}

#[test]
fn ab_50_the_signature_is_over_these_bytes() {
    let token = given().token();
    let [header, payload, signature] = parts(&token);
    let admin = given().claim("roles", json!(["admin"])).token();
    let [_, admin_payload, _] = parts(&admin);
    refused(
        &format!("{header}.{admin_payload}.{signature}"),
        Refusal::BadSignature,
    );

    // The same header, spelled otherwise, says the same and is not signed.
    let spaced = URL_SAFE_NO_PAD.encode(es256_header() + " ");
    refused(
        &format!("{spaced}.{payload}.{signature}"),
        Refusal::BadSignature,
    );
    let proper = signed(
        key(Algorithm::Es256),
        &(es256_header() + " "),
        &json!(claims()).to_string(),
    );
    assert_eq!(verifier().check(&proper, NOW), Ok(claims()));
}

#[test]
fn ab_50_json_serialization_is_not_a_token() {
    let token = given().token();
    let [protected, payload, signature] = parts(&token);
    let flattened =
        json!({"protected": protected, "payload": payload, "signature": signature}).to_string();
    refused(&flattened, Refusal::Malformed);
}

fn swap_case(text: &str) -> String {
    let swap = |c: char| {
        if c.is_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    text.chars().map(swap).collect()
}
