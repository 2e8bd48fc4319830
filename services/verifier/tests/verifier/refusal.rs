//! Every refusal, exactly, and where its border is.

use crate::support::{AUDIENCE, ISSUER, NOW, claims, generate, given, given_signed_with, verifier};
use countersign_verifier::{Algorithm, MAX_LEEWAY_SECONDS, Refusal};
use serde_json::json;
use std::sync::OnceLock;

#[test]
fn a_good_token_of_each_algorithm_is_believed() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        assert_eq!(given_signed_with(algorithm).then_accepted(), claims());
    }
}

#[test]
fn what_is_not_three_parts_is_malformed() {
    let token = given().token();
    let [header, payload, signature] = crate::support::parts(&token);
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        header.into(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}.{signature}."),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!(".{token}"),
    ] {
        assert_eq!(
            verifier().check(&bad, NOW),
            Err(Refusal::Malformed),
            "{bad}"
        );
    }
}

#[test]
fn a_header_that_is_no_object_is_malformed() {
    let signer = crate::support::key(Algorithm::Es256);
    let payload = json!(claims()).to_string();
    let kid = signer.key_id();
    for header in [
        "",
        "null",
        "7",
        "{",
        "\u{feff}{}",
        &format!(r#"["at+jwt","ES256","{kid}"]"#),
        &format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}{{}}"#),
        &format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}","alg":"ES256"}}"#),
        &format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}","x":1,"x":1}}"#),
        r#"{"typ":"at+jwt","alg":"ES256","kid":7}"#,
        &format!(r#"{{"typ":"at+jwt","alg":null,"kid":"{kid}"}}"#),
        &format!(r#"{{"typ":["at+jwt"],"alg":"ES256","kid":"{kid}"}}"#),
    ] {
        let token = crate::support::signed(signer, header, &payload);
        assert_eq!(
            verifier().check(&token, NOW),
            Err(Refusal::Malformed),
            "{header}"
        );
    }
}

#[test]
fn a_key_that_was_not_published_is_unknown() {
    static FOREIGN: OnceLock<countersign_verifier::SigningKey> = OnceLock::new();
    let foreign = FOREIGN.get_or_init(|| generate(Algorithm::Es256));
    given()
        .signed_by(foreign)
        .header("kid", json!(foreign.key_id()))
        .then_refused(Refusal::UnknownKey);
    given().no_header("kid").then_refused(Refusal::UnknownKey);
    given()
        .header("kid", json!(""))
        .then_refused(Refusal::UnknownKey);
    given()
        .signed_by(foreign)
        .then_refused(Refusal::BadSignature);
}

#[test]
fn without_keys_every_key_is_unknown() {
    let given = given();
    given
        .verifier
        .keys()
        .replace(countersign_verifier::KeySet::default());
    given.then_refused(Refusal::UnknownKey);
}

#[test]
fn the_issuer_and_the_audience_are_exact() {
    given()
        .claim("iss", "https://other.example")
        .then_refused(Refusal::WrongIssuer);
    given()
        .claim("aud", "https://other.example")
        .then_refused(Refusal::WrongAudience);
    given()
        .claim("aud", json!(["https://other.example", AUDIENCE]))
        .then_accepted();
    given()
        .claim("aud", json!(["https://other.example"]))
        .then_refused(Refusal::WrongAudience);
    given()
        .claim("aud", ISSUER)
        .then_refused(Refusal::WrongAudience);
}

#[test]
fn a_token_dies_at_exp_and_ten_seconds() {
    let exp = claims().exp;
    given().at(exp + 9).then_accepted();
    given().at(exp + 10).then_refused(Refusal::Expired);
    given().at(u64::MAX).then_refused(Refusal::Expired);
    given()
        .verifier(|it| it.with_leeway_seconds(0))
        .at(exp - 1)
        .then_accepted();
    given()
        .verifier(|it| it.with_leeway_seconds(0))
        .at(exp)
        .then_refused(Refusal::Expired);
}

#[test]
fn leeway_cannot_be_without_bound() {
    let exp = claims().exp;
    let lax = || given().verifier(|it| it.with_leeway_seconds(u64::MAX));
    lax().at(exp + MAX_LEEWAY_SECONDS - 1).then_accepted();
    lax()
        .at(exp + MAX_LEEWAY_SECONDS)
        .then_refused(Refusal::Expired);
}

#[test]
fn a_token_is_not_valid_before_nbf_less_ten_seconds() {
    given().claim("nbf", NOW + 10).then_accepted();
    given()
        .claim("nbf", NOW + 11)
        .then_refused(Refusal::NotYetValid);
    given()
        .claim("nbf", u64::MAX)
        .then_refused(Refusal::NotYetValid);
}

#[test]
fn a_token_is_not_from_the_future() {
    given().claim("iat", NOW + 60).then_accepted();
    given()
        .claim("iat", NOW + 61)
        .then_refused(Refusal::IssuedInFuture);
    given()
        .claim("iat", u64::MAX)
        .then_refused(Refusal::IssuedInFuture);
}

#[test]
fn a_token_that_claims_to_live_longer_than_half_an_hour_is_refused() {
    let iat = claims().iat;
    given().claim("exp", iat + 1800).then_accepted();
    given()
        .claim("exp", iat + 1801)
        .then_refused(Refusal::LifetimeTooLong);
    given()
        .claim("exp", u64::MAX)
        .then_refused(Refusal::LifetimeTooLong);
    given()
        .claim("iat", 0)
        .claim("nbf", 0)
        .then_refused(Refusal::LifetimeTooLong);
    given()
        .verifier(|it| it.with_max_lifetime_seconds(899))
        .then_refused(Refusal::LifetimeTooLong);
}

#[test]
fn a_bound_token_is_no_bearer_token() {
    let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    given()
        .claim("cnf", json!({ "jkt": jkt }))
        .then_refused(Refusal::ProofRequired);
    given()
        .claim("cnf", json!({ "x5t#S256": jkt }))
        .then_refused(Refusal::ProofRequired);
    given()
        .claim("cnf", json!({}))
        .then_refused(Refusal::ProofRequired);
    given()
        .claim("cnf", json!(null))
        .then_refused(Refusal::MalformedClaims);
}

#[test]
fn a_revoked_session_account_or_key_is_refused() {
    let by_session = given();
    by_session
        .verifier
        .revocations()
        .revoke_session(claims().sid, NOW)
        .expect("there is room");
    by_session.then_refused(Refusal::Revoked);

    let by_account = given();
    by_account
        .verifier
        .revocations()
        .raise_epoch(claims().sub, 42, NOW)
        .expect("there is room");
    by_account.then_refused(Refusal::Revoked);

    let by_key = given();
    let kid = crate::support::key(Algorithm::Es256).key_id();
    by_key
        .verifier
        .revocations()
        .revoke_key(kid)
        .expect("there is room");
    by_key.then_refused(Refusal::Revoked);
}

#[test]
fn others_are_not_refused_for_it() {
    let given = given();
    let revocations = given.verifier.revocations();
    revocations
        .revoke_session(claims().sub, NOW)
        .expect("there is room");
    revocations
        .raise_epoch(claims().sid, 99, NOW)
        .expect("there is room");
    revocations
        .raise_epoch(claims().sub, 41, NOW)
        .expect("there is room");
    let other = crate::support::key(Algorithm::EdDsa).key_id();
    revocations.revoke_key(other).expect("there is room");
    given.then_accepted();
}

#[test]
fn a_forgery_is_told_nothing_about_revocation() {
    let given = given();
    given
        .verifier
        .revocations()
        .revoke_session(claims().sid, NOW)
        .expect("there is room");
    let forged = given.token().replace('.', ".e30") + "AA";
    assert_eq!(
        given.verifier.check(&forged, NOW).map_err(Refusal::code),
        Err("token_invalid")
    );
}
