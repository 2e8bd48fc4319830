//! Access tokens that were made elsewhere, or for something else.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::{Algorithm, Audience, Claims, SigningKey};
use jsonwebtoken::signature::Signer;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Jwt, SignedIn, World, email, forge};

/// Something that is changed in a token.
type Change = fn(&mut Jwt);

/// The claims of a token as the minting side writes them.
fn typed(token: &str) -> Claims {
    serde_json::from_value(Jwt::read(token).claims).expect("claims")
}

/// The token with other content, signed with the service's own key.
fn signed_anew(world: &World, token: &str, change: impl FnOnce(&mut Jwt)) -> String {
    let mut jwt = Jwt::read(token);
    change(&mut jwt);
    let signed = jwt.signed();
    let signature = world
        .app
        .signing_key()
        .try_sign(signed.as_bytes())
        .expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn refused_everywhere(world: &World, token: &str, what: &str) {
    for path in ["/v1/auth/verify", "/v1/me", "/v1/me/sessions"] {
        let answer = world.get(path).by(token).send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "token_invalid"),
            "{what}"
        );
        assert!(
            answer
                .header("www-authenticate")
                .contains("error=\"invalid_token\""),
            "{what}"
        );
        answer.problem();
    }
    let answer = world
        .post_nothing("/v1/auth/logout-all")
        .by(token)
        .send()
        .await;
    assert_eq!(answer.code(), "token_invalid", "{what}");
}

async fn world_and_ada() -> (World, SignedIn) {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    (world, ada)
}

#[tokio::test]
async fn ab_48_a_good_signature_over_something_else_is_refused() {
    let (world, ada) = world_and_ada().await;
    let before = world.ends().await;
    let token = ada.access.as_str();
    let changes: [(&str, Change); 16] = [
        ("an ID token", |jwt| jwt.header["typ"] = "JWT".into()),
        ("a logout token", |jwt| {
            jwt.header["typ"] = "logout+jwt".into();
        }),
        ("no type", |jwt| {
            drop(jwt.header.as_object_mut().expect("an object").remove("typ"));
        }),
        ("no key id", |jwt| {
            drop(jwt.header.as_object_mut().expect("an object").remove("kid"));
        }),
        ("other audience", |jwt| jwt.claims["aud"] = "other".into()),
        ("no audience", |jwt| jwt.claims["aud"] = json!([])),
        ("issuer with slash", |jwt| {
            jwt.claims["iss"] = format!("{}/", crate::support::ISSUER).into();
        }),
        ("issuer in capitals", |jwt| {
            jwt.claims["iss"] = crate::support::ISSUER.to_uppercase().into();
        }),
        ("no expiry", |jwt| {
            drop(jwt.claims.as_object_mut().expect("an object").remove("exp"));
        }),
        ("expiry as text", |jwt| {
            jwt.claims["exp"] = "9999999999".into();
        }),
        ("expiry never", |jwt| {
            jwt.claims["exp"] = 9_999_999_999_u64.into();
        }),
        ("not yet", |jwt| {
            jwt.claims["nbf"] = (jwt.claims["nbf"].as_u64().expect("a time") + 120).into();
        }),
        ("from the future", |jwt| {
            jwt.claims["iat"] = (jwt.claims["iat"].as_u64().expect("a time") + 120).into();
        }),
        ("bound to a key", |jwt| {
            jwt.claims["cnf"] = json!({ "jkt": "x" });
        }),
        ("no session", |jwt| {
            drop(jwt.claims.as_object_mut().expect("an object").remove("sid"));
        }),
        ("epoch as text", |jwt| jwt.claims["epoch"] = "1".into()),
    ];
    let again = signed_anew(&world, token, |_| ());
    world.verify(&again).await.expect(200);
    for (what, change) in changes {
        let forged = signed_anew(&world, token, change);
        refused_everywhere(&world, &forged, what).await;
    }
    let expired = signed_anew(&world, token, |jwt| {
        for claim in ["exp", "iat", "nbf"] {
            jwt.claims[claim] = (jwt.claims[claim].as_u64().expect("a time") - 1_000).into();
        }
    });
    world.verify(&expired).await.refused(401, "token_expired");
    assert_eq!(world.ends().await, before);
}

#[tokio::test]
async fn ab_49_a_token_must_be_one_in_its_only_form() {
    let (world, ada) = world_and_ada().await;
    let token = ada.access.as_str();
    let parts: Vec<&str> = token.split('.').collect();
    let long = signed_anew(&world, token, |jwt| {
        jwt.claims["pad"] = "x".repeat(9_000).into();
    });
    for (what, bad) in [
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{token}.x")),
        ("an empty signature", format!("{}.{}.", parts[0], parts[1])),
        ("dots", ".".repeat(8_000)),
        ("padding", format!("{token}=")),
        ("a cut signature", token[..token.len() - 2].to_owned()),
        (
            "parts swapped",
            format!("{}.{}.{}", parts[1], parts[0], parts[2]),
        ),
        ("too long", long),
        ("the refresh token", ada.refresh.clone()),
        (
            "JSON serialisation",
            URL_SAFE_NO_PAD.encode(
                json!({ "payload": parts[1], "protected": parts[0], "signature": parts[2] })
                    .to_string(),
            ),
        ),
    ] {
        refused_everywhere(&world, &bad, what).await;
    }
    for (what, header) in [
        ("no scheme", token.to_owned()),
        ("another scheme", format!("Basic {token}")),
        ("two tokens", format!("Bearer {token}, Bearer {token}")),
        ("nothing", "Bearer".to_owned()),
        ("spaces", "Bearer    ".to_owned()),
    ] {
        for path in ["/v1/me", "/v1/auth/verify"] {
            let answer = world
                .get(path)
                .header("authorization", &header)
                .send()
                .await;
            assert_eq!(answer.status, 401, "{what}");
            answer.problem();
        }
    }
    world.verify(token).await.expect(200);
}

#[tokio::test]
async fn ab_50_neither_the_algorithm_nor_the_key_comes_from_the_token() {
    let (world, ada) = world_and_ada().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let place = format!(
        "http://{}/keys.json",
        listener.local_addr().expect("an address")
    );
    let token = ada.access.as_str();
    let operator = |jwt: &mut Jwt| jwt.claims["roles"] = json!(["admin"]);
    let mut forged = Vec::new();
    for none in ["none", "None", "nOnE", "NONE", ""] {
        forged.push((
            none.to_owned(),
            forge(token, |jwt| {
                jwt.header["alg"] = none.into();
                jwt.signature.clear();
                operator(jwt);
            }),
        ));
    }
    let jwks = world
        .get("/.well-known/jwks.json")
        .send()
        .await
        .expect(200)
        .json();
    let public = jwks["keys"][0].clone();
    let bytes = |name: &str| {
        URL_SAFE_NO_PAD
            .decode(public[name].as_str().expect("text"))
            .expect("base64url")
    };
    let point = [vec![4], bytes("x"), bytes("y")].concat();
    for secret in [
        point,
        public.to_string().into_bytes(),
        public["x"].as_str().expect("text").as_bytes().to_vec(),
    ] {
        let mut jwt = Jwt::read(token);
        jwt.header["alg"] = "HS256".into();
        operator(&mut jwt);
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            jwt.signed().as_bytes(),
        );
        jwt.signature = URL_SAFE_NO_PAD.encode(tag);
        forged.push(("HS256 with the public key".into(), jwt.text()));
    }
    // A key of the attacker's, under every name it could have.
    let own = SigningKey::generate_pkcs8(Algorithm::Es256).expect("a key");
    let own = SigningKey::from_pkcs8(Algorithm::Es256, &own).expect("a key");
    let right = Jwt::read(token).header["kid"].clone();
    for kid in [
        right,
        own.key_id().into(),
        "../../etc/passwd".into(),
        "' or 1=1 --".into(),
        "".into(),
        Value::Null,
        place.clone().into(),
    ] {
        for offer in ["none", "jwk", "jku", "x5u", "x5c", "crit"] {
            let mut jwt = Jwt::read(token);
            jwt.header["kid"] = kid.clone();
            operator(&mut jwt);
            match offer {
                "jwk" => {
                    jwt.header["jwk"] =
                        serde_json::to_value(own.public_key().to_jwk()).expect("JSON");
                }
                "jku" | "x5u" => jwt.header[offer] = place.clone().into(),
                "x5c" => jwt.header["x5c"] = json!(["MIIB"]),
                "crit" => jwt.header["crit"] = json!(["exp"]),
                _ => {}
            }
            let signature = own.try_sign(jwt.signed().as_bytes()).expect("a signature");
            jwt.signature = URL_SAFE_NO_PAD.encode(signature);
            forged.push((format!("kid {kid}, {offer}"), jwt.text()));
        }
    }
    forged.push(("changed claims".into(), forge(token, operator)));
    for alg in ["ES384", "RS256", "EdDSA", "PS256", "es256"] {
        forged.push((
            alg.into(),
            signed_anew(&world, token, |jwt| jwt.header["alg"] = alg.into()),
        ));
    }
    let before = world.ends().await;
    for (what, forged) in &forged {
        refused_everywhere(&world, forged, what).await;
    }
    let mut claims = typed(token);
    claims.aud = Audience::from("countersign");
    let foreign = own.mint(&claims).expect("a token");
    refused_everywhere(&world, &foreign, "a foreign key").await;
    assert_eq!(world.ends().await, before);
    let called =
        tokio::time::timeout(std::time::Duration::from_millis(20), listener.accept()).await;
    assert!(called.is_err(), "somebody fetched a key");
}

#[tokio::test]
async fn ab_67_a_huge_token_is_refused_before_it_is_looked_at() {
    let (world, ada) = world_and_ada().await;
    for token in [
        "x".repeat(1 << 20),
        ".".repeat(100_000),
        "eyJ".repeat(20_000),
    ] {
        let answer = world.get("/v1/me").by(&token).try_send().await;
        // It may hang up before everything was sent.
        if let Some(answer) = answer {
            assert!([400, 431].contains(&answer.status), "{}", answer.text());
        }
    }
    let scopes = signed_anew(&world, &ada.access, |jwt| {
        jwt.claims["scope"] = "a ".repeat(2_500).into();
    });
    let answer = world.verify(&scopes).await;
    assert!([200, 401].contains(&answer.status));
    let many = signed_anew(&world, &ada.access, |jwt| {
        for index in 0..200 {
            jwt.claims[format!("c{index}")] = index.into();
        }
    });
    world.verify(&many).await.refused(401, "token_invalid");
    world.verify(&ada.access).await.expect(200);
}
