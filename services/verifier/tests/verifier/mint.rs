//! Minting, and agreement with `jsonwebtoken`.

use crate::support::{AUDIENCE, ISSUER, NOW, claims, key, parts, verifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::{Algorithm, Audience, Claims, KeyError, SigningKey};
use jsonwebtoken::crypto::JwtSigner;
use jsonwebtoken::jwk::ThumbprintHash;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

const ALL: [Algorithm; 3] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];

#[test]
fn a_minted_token_is_believed_and_says_what_it_should() {
    for algorithm in ALL {
        let token = key(algorithm).mint(&claims()).expect("it can mint");
        assert_eq!(verifier().check(&token, NOW), Ok(claims()));
        let [header, payload, _] = parts(&token);
        let json = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("it is base64url");
            serde_json::from_slice::<Value>(&bytes).expect("it is JSON")
        };
        let kid = key(algorithm).key_id();
        assert_eq!(
            json(header),
            json!({"typ": "at+jwt", "alg": algorithm.name(), "kid": kid})
        );
        assert_eq!(json(payload)["aud"], AUDIENCE);
        assert_eq!(json(payload)["sid"], claims().sid.hyphenated().to_string());
    }
}

#[test]
fn jsonwebtoken_believes_it_too() {
    for algorithm in ALL {
        let public = key(algorithm).public_key().to_jwk();
        let mut validation = Validation::new(algorithm.into());
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.validate_exp = false;
        let token = key(algorithm).mint(&claims()).expect("it can mint");
        let decoding_key = DecodingKey::from_jwk(&public).expect("a good key");
        let read = jsonwebtoken::decode::<Claims>(&token, &decoding_key, &validation);
        assert_eq!(read.expect("a good token").claims, claims());
        let kid = public
            .thumbprint(ThumbprintHash::SHA256)
            .expect("it has one");
        assert_eq!(kid, key(algorithm).key_id());
    }
}

#[test]
fn what_jsonwebtoken_mints_is_believed() {
    for (algorithm, encoding_key) in [
        (
            Algorithm::Es256,
            EncodingKey::from_ec_der as fn(&[u8]) -> EncodingKey,
        ),
        (Algorithm::EdDsa, EncodingKey::from_ed_der),
    ] {
        let der = SigningKey::generate_pkcs8(algorithm).expect("a key can be made");
        let own = SigningKey::from_pkcs8(algorithm, &der).expect("a good key");
        let header = Header {
            typ: Some("at+jwt".into()),
            kid: Some(own.key_id().into()),
            ..Header::new(algorithm.into())
        };
        let token = jsonwebtoken::encode(&header, &claims(), &encoding_key(&der)).expect("a token");
        let verifier = verifier();
        let set = countersign_verifier::KeySet::from_keys([own.public_key().clone()]);
        verifier.keys().replace(set.expect("one key fits"));
        assert_eq!(verifier.check(&token, NOW), Ok(claims()));
    }
}

#[test]
fn several_audiences_are_minted_as_an_array() {
    let aud = Audience::several(vec!["https://other.example".into(), AUDIENCE.into()]);
    let claims = Claims {
        aud: aud.expect("two are several"),
        ..claims()
    };
    let token = key(Algorithm::Es256).mint(&claims).expect("it can mint");
    assert_eq!(verifier().check(&token, NOW), Ok(claims));
}

#[test]
fn a_private_key_is_of_its_algorithm() {
    let der = ALL.map(|one| SigningKey::generate_pkcs8(one).expect("a key can be made"));
    for (own, der) in ALL.into_iter().zip(&der) {
        for algorithm in ALL {
            let read = SigningKey::from_pkcs8(algorithm, der);
            if algorithm == own {
                let read = read.expect("its own algorithm");
                assert_eq!(read.algorithm(), own);
                assert_eq!(JwtSigner::algorithm(&read), own.into());
            } else {
                assert_eq!(read.err(), Some(KeyError::Malformed));
            }
        }
        assert!(SigningKey::from_pkcs8(own, &der[..der.len() - 1]).is_err());
    }
}

#[test]
fn reading_a_key_again_gives_the_same_id() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let der = SigningKey::generate_pkcs8(algorithm).expect("a key can be made");
        let id = |der: &[u8]| {
            SigningKey::from_pkcs8(algorithm, der)
                .expect("a good key")
                .key_id()
                .to_owned()
        };
        assert_eq!(id(&der), id(&der));
        assert_eq!(id(&der).len(), 43);
    }
}

#[test]
fn a_private_key_is_not_printed() {
    let shown = format!("{:?}", key(Algorithm::Es256));
    let kid = key(Algorithm::Es256).key_id();
    assert_eq!(
        shown,
        format!(
            r#"SigningKey {{ public: PublicKey {{ algorithm: Es256, key_id: "{kid}", .. }}, .. }}"#
        )
    );
}
