//! AB-48: a token that is good, but not for this (RFC 9068 section 4,
//! RFC 8725 sections 3.8, 3.9 and 3.11).

use crate::support::{AUDIENCE, ISSUER, given};
use countersign_verifier::Refusal;
use serde_json::json;

#[test]
fn ab_48_only_an_access_token_is_an_access_token() {
    for typ in [
        "JWT",
        "jwt",
        "",
        "id+jwt",
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "at+jwt ",
        " at+jwt",
        "at+jwt\u{0}",
        "at_jwt",
        "ａt+jwt",
        "application/",
        "application/jwt",
        "application/application/at+jwt",
        "text/at+jwt",
        "application/at+jwt;charset=utf-8",
    ] {
        given()
            .header("typ", json!(typ))
            .then_refused(Refusal::WrongType);
    }
    given().no_header("typ").then_refused(Refusal::WrongType);
}

#[test]
fn ab_48_the_type_is_a_media_type() {
    for typ in [
        "at+jwt",
        "AT+JWT",
        "At+Jwt",
        "application/at+jwt",
        "Application/AT+jwt",
    ] {
        given().header("typ", json!(typ)).then_accepted();
    }
}

#[test]
fn ab_48_another_audience() {
    for aud in [
        json!("https://other.example"),
        json!(format!("{AUDIENCE}/")),
        json!(format!("{AUDIENCE}.evil.example")),
        json!("https://api.exampl"),
        json!("HTTPS://API.EXAMPLE"),
        json!(["https://other.example", "https://api.example/v1"]),
        json!("*"),
    ] {
        given()
            .claim("aud", aud)
            .then_refused(Refusal::WrongAudience);
    }
}

#[test]
fn ab_48_another_issuer() {
    for iss in [
        format!("{ISSUER}/"),
        ISSUER.replace("https", "http"),
        ISSUER.to_uppercase(),
        format!("{ISSUER}:443"),
        format!(" {ISSUER}"),
        format!("{ISSUER}#"),
        String::new(),
    ] {
        given().claim("iss", iss).then_refused(Refusal::WrongIssuer);
    }
}
