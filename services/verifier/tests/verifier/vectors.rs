//! The RFCs' own examples.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::{Algorithm, KeySet, PublicKey, SigningKey};
use jsonwebtoken::signature::Signer;
use serde_json::json;

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(text)
        .expect("the RFC's text is base64url")
}

#[track_caller]
fn then_verifies(key: &PublicKey, signing_input: &str, signature: &str) {
    let signature = decoded(signature);
    assert_eq!(key.verify(signing_input.as_bytes(), &signature), Ok(()));
    let other = signing_input.to_owned() + "A";
    assert!(key.verify(other.as_bytes(), &signature).is_err());
}

/// The payload of RFC 7515's examples.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                   cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

#[test]
fn rfc_7515_a_3_es256() {
    let point = [
        &[4][..],
        &decoded("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
        &decoded("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
    ]
    .concat();
    let key = PublicKey::from_raw(Algorithm::Es256, &point).expect("a good key");
    then_verifies(
        &key,
        &format!("eyJhbGciOiJFUzI1NiJ9.{JOE}"),
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
}

#[test]
fn rfc_7515_a_2_rs256() {
    let jwk = |kid: &str| {
        json!({"keys": [{"kty": "RSA", "kid": kid, "e": "AQAB", "n":
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPM\
             EzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-\
             bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3q\
             Co5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb5\
             4h4FRWyuXpoQ"}]})
        .to_string()
    };
    // That key's thumbprint is not in the RFC; it was computed by other means.
    let kid = "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8";
    let set = KeySet::from_jwks(&jwk(kid)).expect("a key set");
    then_verifies(
        set.get(kid).expect("the key"),
        &format!("eyJhbGciOiJSUzI1NiJ9.{JOE}"),
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F\
         p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBM\
         Hlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2\
         w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );
}

const RFC_8037_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const RFC_8037_MESSAGE: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
const RFC_8037_SIGNATURE: &str = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B\
                                  hVsPt9g7sVvpAr_MuM0KAg";

#[test]
fn rfc_8037_a_3_ed25519_thumbprint() {
    let key = PublicKey::from_base64url(Algorithm::EdDsa, RFC_8037_X).expect("a good key");
    assert_eq!(key.key_id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(key.to_base64url(), RFC_8037_X);
}

#[test]
fn rfc_8037_a_4_ed25519_signature() {
    // PKCS#8 v1 around the RFC's 32 secret bytes (RFC 8410 section 7).
    let der = [
        &[
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
        ][..],
        &decoded("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"),
    ]
    .concat();
    let key = SigningKey::from_pkcs8(Algorithm::EdDsa, &der).expect("a good key");
    assert_eq!(key.public_key().to_base64url(), RFC_8037_X);
    let signature = key
        .try_sign(RFC_8037_MESSAGE.as_bytes())
        .expect("it can sign");
    assert_eq!(URL_SAFE_NO_PAD.encode(signature), RFC_8037_SIGNATURE);
}

#[test]
fn rfc_8037_a_5_ed25519_validation() {
    let key = PublicKey::from_base64url(Algorithm::EdDsa, RFC_8037_X).expect("a good key");
    then_verifies(&key, RFC_8037_MESSAGE, RFC_8037_SIGNATURE);
}

#[test]
fn rfc_7638_3_1_thumbprint() {
    let kid = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    let document = json!({"keys": [{"kty": "RSA", "alg": "RS256", "kid": kid, "e": "AQAB", "n":
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJEC\
         PebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Qv\
         zqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6\
         WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}]});
    let set = KeySet::from_jwks(&document.to_string()).expect("a key set");
    assert_eq!((set.len(), set.ignored()), (1, 0));
    let key = set.get(kid).expect("the key under its thumbprint");
    let again = PublicKey::from_base64url(Algorithm::Rs256, &key.to_base64url());
    assert_eq!(again.expect("the same key").key_id(), kid);
}
