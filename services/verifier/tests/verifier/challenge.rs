//! What the bearer of a refused token is told (RFC 6750 section 3).

use countersign_verifier::{Refusal, bearer};

const ALL: [Refusal; 17] = [
    Refusal::Missing,
    Refusal::TooLarge,
    Refusal::Malformed,
    Refusal::WrongType,
    Refusal::HeaderNotAllowed,
    Refusal::UnknownKey,
    Refusal::WrongAlgorithm,
    Refusal::BadSignature,
    Refusal::MalformedClaims,
    Refusal::WrongIssuer,
    Refusal::WrongAudience,
    Refusal::Expired,
    Refusal::NotYetValid,
    Refusal::IssuedInFuture,
    Refusal::LifetimeTooLong,
    Refusal::ProofRequired,
    Refusal::Revoked,
];

#[test]
fn four_codes_are_told() {
    for refusal in ALL {
        let expected = match refusal {
            Refusal::Missing => "token_missing",
            Refusal::Expired => "token_expired",
            Refusal::Revoked => "token_revoked",
            _ => "token_invalid",
        };
        assert_eq!(refusal.code(), expected);
    }
}

#[test]
fn a_request_without_a_token_is_told_only_the_scheme() {
    assert_eq!(Refusal::Missing.www_authenticate(), "Bearer");
}

#[test]
fn every_other_challenge_is_rfc_6750s() {
    assert_eq!(
        Refusal::Expired.www_authenticate(),
        r#"Bearer error="invalid_token", error_description="The access token expired""#
    );
    for refusal in ALL
        .into_iter()
        .filter(|refusal| *refusal != Refusal::Missing)
    {
        let challenge = refusal.www_authenticate();
        let description = challenge
            .strip_prefix(r#"Bearer error="invalid_token", error_description=""#)
            .and_then(|rest| rest.strip_suffix('"'))
            .expect("it has that form");
        // RFC 6750 section 3: what a description may contain.
        let allowed = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
        assert!(
            !description.is_empty() && description.chars().all(allowed),
            "{description}"
        );
    }
}

#[test]
fn the_token_is_what_follows_the_scheme() {
    for value in [
        "Bearer a.b.c",
        "bearer a.b.c",
        "BEARER a.b.c",
        "Bearer   a.b.c",
    ] {
        assert_eq!(bearer(Some(value)), Ok("a.b.c"), "{value}");
    }
    // Not this function's business: the check refuses them.
    assert_eq!(bearer(Some("Bearer a.b.c ")), Ok("a.b.c "));
}

#[test]
fn everything_else_is_missing() {
    for value in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer   "),
        Some("a.b.c"),
    ]
    .into_iter()
    .chain([
        Some("Basic YTpi"),
        Some("DPoP a.b.c"),
        Some("Bearera.b.c"),
        Some(" Bearer a"),
    ]) {
        assert_eq!(bearer(value), Err(Refusal::Missing), "{value:?}");
    }
}
