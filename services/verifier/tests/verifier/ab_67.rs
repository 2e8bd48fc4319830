//! AB-67: tokens that are large or deep cost nothing.

use crate::support::{NOW, claims, es256_header, given, key, parts, signed, verifier};
use countersign_verifier::{Algorithm, Refusal, Verifier};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};

const MEGABYTE: usize = 1024 * 1024;

/// What a refusal may cost, in the best of many tries: far less than
/// checking one signature.
const QUICK: Duration = Duration::from_micros(50);

#[track_caller]
fn refused_quickly(verifier: &Verifier, token: &str, refusal: Refusal) {
    let best = (0..50)
        .map(|_| {
            let start = Instant::now();
            let answer = black_box(verifier.check(black_box(token), NOW));
            let took = start.elapsed();
            assert_eq!(answer, Err(refusal));
            took
        })
        .min();
    assert!(best < Some(QUICK), "{best:?}");
}

#[test]
fn ab_67_a_megabyte_is_refused_before_it_is_read() {
    let verifier = verifier();
    let token = given().token();
    let [header, payload, signature] = parts(&token);
    for large in [
        "A".repeat(MEGABYTE),
        format!("{header}.{}.{signature}", "A".repeat(MEGABYTE)),
        format!("{}.{payload}.{signature}", "A".repeat(MEGABYTE)),
        format!("{header}.{payload}.{}", "A".repeat(MEGABYTE)),
        "é".repeat(MEGABYTE / 2),
        "\0".repeat(MEGABYTE),
        format!("{token}{}", "=".repeat(MEGABYTE)),
    ] {
        refused_quickly(&verifier, &large, Refusal::TooLarge);
    }
}

#[test]
fn ab_67_a_hundred_thousand_dots_are_not_counted() {
    let wide = verifier().with_max_token_bytes(MEGABYTE);
    let dots = ".".repeat(100_000);
    let parts = "e30.".repeat(100_000);
    refused_quickly(&verifier(), &dots, Refusal::TooLarge);
    refused_quickly(&verifier(), &parts, Refusal::TooLarge);
    refused_quickly(&wide, &dots, Refusal::Malformed);
    refused_quickly(&wide, &parts, Refusal::Malformed);
}

#[test]
fn ab_67_the_border_is_eight_kibibytes() {
    let padded = |bytes: usize| given().claim("pad", "x".repeat(bytes)).token();
    let room = 8192 - padded(0).len();
    let fits = padded(room / 4 * 3);
    assert!((8188..=8192).contains(&fits.len()), "{}", fits.len());
    assert_eq!(verifier().check(&fits, NOW), Ok(claims()));
    assert_eq!(verifier().check(&padded(room), NOW), Err(Refusal::TooLarge));
}

#[test]
fn ab_67_a_header_is_short_and_has_few_parameters() {
    given()
        .header("x", json!("x".repeat(1000)))
        .then_refused(Refusal::Malformed);
    let with = |count: usize| {
        (0..count).fold(given(), |given, n| given.header(&format!("x{n}"), json!(0)))
    };
    with(13).then_accepted();
    with(14).then_refused(Refusal::Malformed);
}

#[test]
fn ab_67_deep_json_is_no_recursion() {
    let verifier = verifier().with_max_token_bytes(MEGABYTE);
    let es256 = key(Algorithm::Es256);
    let good = json!(claims()).to_string();
    for depth in [100, 1_000, 100_000] {
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        // Where it is passed over, and where something else is expected.
        let passed_over = format!(r#"{},"x":{deep}}}"#, good.trim_end_matches('}'));
        let token = signed(es256, &es256_header(), &passed_over);
        assert_eq!(verifier.check(&token, NOW), Ok(claims()), "{depth}");

        let expected = good.replace("[\"user\",\"support\"]", &deep);
        let token = signed(es256, &es256_header(), &expected);
        assert_eq!(
            verifier.check(&token, NOW),
            Err(Refusal::MalformedClaims),
            "{depth}"
        );

        let open = format!(
            "{},\"x\":{}",
            good.trim_end_matches('}'),
            "{\"x\":".repeat(depth)
        );
        let token = signed(es256, &es256_header(), &open);
        assert_eq!(
            verifier.check(&token, NOW),
            Err(Refusal::MalformedClaims),
            "{depth}"
        );
    }
    let deep: Value = serde_json::from_str(&("[".repeat(100) + &"]".repeat(100))).expect("JSON");
    given().header("x", deep).then_accepted();
}

#[test]
fn ab_67_a_hundred_thousand_scopes_are_too_many() {
    let scope = (0..100_000)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(" ");
    given()
        .claim("scope", scope)
        .then_refused(Refusal::TooLarge);
}
