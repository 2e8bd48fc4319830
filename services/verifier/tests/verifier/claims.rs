//! Claims of the wrong shape are errors, never absent.

use crate::support::{NOW, claims, es256_header, given, key, signed, verifier};
use countersign_verifier::{Algorithm, Audience, Claims, Refusal};
use serde_json::{Value, json};

const REQUIRED: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "client_id",
    "sid",
    "epoch",
    "scope",
    "roles",
];
const OPTIONAL: [&str; 3] = ["acr", "amr", "auth_time"];

#[test]
fn a_missing_claim_is_an_error() {
    for name in REQUIRED {
        given()
            .no_claim(name)
            .then_refused(Refusal::MalformedClaims);
    }
}

#[test]
fn what_describes_a_person_may_be_absent() {
    let mut given = given();
    for name in OPTIONAL {
        given = given.no_claim(name);
    }
    let claims = given.then_accepted();
    assert_eq!(
        (claims.acr, claims.amr, claims.auth_time),
        (None, vec![], None)
    );
}

#[test]
fn null_is_not_absent() {
    for name in REQUIRED.into_iter().chain(OPTIONAL) {
        given()
            .claim(name, Value::Null)
            .then_refused(Refusal::MalformedClaims);
    }
}

#[test]
fn a_claim_of_the_wrong_type_is_an_error() {
    let wrong = [
        ("iss", vec![json!(1), json!([]), json!({})]),
        (
            "sub",
            vec![json!(1), json!(""), json!("alice"), json!([1, 2])],
        ),
        (
            "aud",
            vec![
                json!(1),
                json!(""),
                json!([]),
                json!([""]),
                json!([1]),
                json!({}),
                json!([[]]),
            ],
        ),
        (
            "exp",
            vec![
                json!("1800000840"),
                json!(1_800_000_840.5),
                json!(-1),
                json!([]),
                json!(true),
            ],
        ),
        ("iat", vec![json!("1"), json!(1.0), json!(-1)]),
        ("nbf", vec![json!("1"), json!(1.0), json!(-1)]),
        ("jti", vec![json!(1), json!("")]),
        ("client_id", vec![json!(1), json!("")]),
        ("sid", vec![json!(1), json!(""), json!("x")]),
        ("epoch", vec![json!("41"), json!(41.0), json!(-1)]),
        ("scope", vec![json!(1), json!(["orders:read"])]),
        (
            "roles",
            vec![json!("admin"), json!([1]), json!({"admin": true})],
        ),
        ("acr", vec![json!(2), json!(["aal3"])]),
        ("amr", vec![json!("pwd"), json!([1])]),
        (
            "auth_time",
            vec![json!("1800000000"), json!(1.5), json!(-1)],
        ),
        (
            "cnf",
            vec![
                json!("key"),
                json!(1),
                json!({"jkt": 1}),
                json!({"jkt": null}),
            ],
        ),
    ];
    for (name, values) in wrong {
        for value in values {
            let refused = given().claim(name, value.clone()).when_checked();
            assert_eq!(refused, Err(Refusal::MalformedClaims), "{name}: {value}");
        }
    }
}

#[test]
fn an_id_has_one_spelling() {
    let sid = claims().sid;
    given()
        .claim("sid", sid.hyphenated().to_string())
        .then_accepted();
    for spelling in [
        sid.simple().to_string(),
        sid.urn().to_string(),
        sid.braced().to_string(),
        format!(" {sid}"),
    ] {
        given()
            .claim("sid", spelling)
            .then_refused(Refusal::MalformedClaims);
    }
}

#[test]
fn a_claim_named_twice_is_an_error() {
    let good = json!(claims()).to_string();
    for twice in [
        r#""sub":"0190aaaa-bbbb-7ccc-8ddd-000000000001""#,
        r#""exp":1800000840"#,
        r#""\u0065xp":1800000840"#,
        r#""nickname":1,"nickname":1"#,
        r#""nickname":1,"nickn\u0061me":1"#,
    ] {
        let payload = format!("{},{twice}}}", good.trim_end_matches('}'));
        assert_eq!(check(&payload), Err(Refusal::MalformedClaims), "{twice}");
    }
    let payload = format!(r#"{},"nickname":1}}"#, good.trim_end_matches('}'));
    assert_eq!(
        check(&payload),
        Ok(claims()),
        "unknown claims are passed over"
    );
}

#[test]
fn a_payload_that_is_no_object_is_an_error() {
    let good = json!(claims()).to_string();
    let values: Vec<Value> = json!(claims())
        .as_object()
        .into_iter()
        .flat_map(|it| it.values().cloned())
        .collect();
    for payload in [
        "null",
        "[]",
        "\"x\"",
        "{",
        &format!("{good}{good}"),
        &json!(values).to_string(),
    ] {
        assert_eq!(check(payload), Err(Refusal::MalformedClaims), "{payload}");
    }
}

#[test]
fn more_than_64_claims_are_an_error() {
    let own = json!(claims()).as_object().map_or(0, serde_json::Map::len);
    let with =
        |others: usize| (0..others).fold(given(), |given, n| given.claim(&format!("x{n}"), n));
    with(64 - own).then_accepted();
    with(65 - own).then_refused(Refusal::MalformedClaims);
}

#[test]
fn one_audience_is_written_as_a_string_and_several_as_an_array() {
    let aud = |audience: Audience| {
        json!(Claims {
            aud: audience,
            ..claims()
        })["aud"]
            .clone()
    };
    let several = || Audience::several(vec!["a".into(), "b".into()]).expect("two are several");
    assert_eq!(aud(Audience::from("a")), json!("a"));
    assert_eq!(aud(several()), json!(["a", "b"]));
    assert_eq!(several().iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(Audience::several(vec![]), None);
    assert_eq!(Audience::several(vec![String::new()]), None);
}

#[test]
fn what_is_absent_is_not_written() {
    let claims = Claims {
        acr: None,
        amr: vec![],
        auth_time: None,
        cnf: None,
        act: None,
        ..claims()
    };
    let written = json!(claims);
    for name in OPTIONAL.into_iter().chain(["cnf"]) {
        assert_eq!(written.get(name), None, "{name}");
    }
    assert_eq!(serde_json::from_value::<Claims>(written).ok(), Some(claims));
}

#[test]
fn scopes_and_roles_are_exact() {
    let claims = claims();
    assert!(claims.has_scope("orders:read") && claims.has_scope("orders:write"));
    assert!(claims.has_role("support"));
    for scope in [
        "",
        "orders",
        "orders:rea",
        "orders:read orders:write",
        "Orders:read",
    ] {
        assert!(!claims.has_scope(scope), "{scope}");
    }
    assert!(!claims.has_role("admin") && !claims.has_role(""));
    assert!(
        !Claims {
            scope: String::new(),
            ..claims
        }
        .has_scope("")
    );
}

fn check(payload: &str) -> Result<Claims, Refusal> {
    verifier().check(
        &signed(key(Algorithm::Es256), &es256_header(), payload),
        NOW,
    )
}
