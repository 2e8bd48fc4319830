//! The contract, held to its two serialisations and to the design's words.

use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{Example, ParseError, ParseFromJSON, ToJSON, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

/// serde and poem-openapi write the same JSON and read each other's.
fn same_both_ways<T>(value: &T) -> Value
where
    T: Type + ParseFromJSON + ToJSON + Serialize + DeserializeOwned,
{
    let by_serde = serde_json::to_value(value).expect("a wire type is JSON");
    assert_eq!(value.to_json(), Some(by_serde.clone()), "{}", T::name());
    let back = T::parse_from_json(Some(by_serde.clone())).map_err(ParseError::into_message);
    assert_eq!(
        back.expect("poem-openapi reads it").to_json(),
        Some(by_serde.clone())
    );
    let back: T = serde_json::from_value(by_serde.clone()).expect("serde reads it");
    assert_eq!(back.to_json(), Some(by_serde.clone()));
    by_serde
}

fn example<T>() -> Value
where
    T: Type + ParseFromJSON + ToJSON + Serialize + DeserializeOwned + Example,
{
    same_both_ways(&T::example())
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

fn sorted(words: &str) -> Vec<&str> {
    let mut words: Vec<_> = words.split(' ').collect();
    words.sort_unstable();
    words
}

#[test]
fn both_serialisations_agree() {
    example::<Register>();
    example::<Login>();
    example::<Refresh>();
    example::<Logout>();
    same_both_ways(&Logout::default());
    example::<UpdateMe>();
    example::<RevokeSession>();
    example::<StartRevocation>();
    example::<RevocationPreview>();
    example::<Revocation>();
    example::<RevocationItem>();
    same_both_ways(&RevocationPredicate::default());
    example::<Tokens>();
    example::<Authenticated>();
    example::<MfaRequired>();
    example::<Mfa>();
    example::<PasskeyLogin>();
    example::<PasskeyOptionsRequest>();
    example::<PasskeyOptions>();
    example::<StepUp>();
    example::<SteppedUp>();
    example::<AccessToken>();
    example::<CsrfToken>();
    example::<Factor>();
    example::<TotpOffer>();
    example::<ConfirmTotp>();
    example::<PasskeyOffer>();
    example::<ConfirmPasskey>();
    example::<FactorConfirmed>();
    example::<RenameFactor>();
    example::<RecoveryCodes>();
    example::<ChangePassword>();
    example::<ForgotPassword>();
    example::<ResetPassword>();
    example::<ConfirmToken>();
    example::<RequestEmailChange>();
    example::<Reason>();
    example::<SetRoles>();
    example::<SecurityEvent>();
    example::<Export>();
    example::<VerifyAnswer>();
    example::<Account>();
    example::<Session>();
    example::<Ended>();
    example::<Page<Session>>();
    example::<Jwks>();
    example::<SigningKey>();
    example::<RotateKeys>();
    example::<RevokeKey>();
    example::<KeyRevoked>();
    example::<ClientProfile>();
    example::<Client>();
    example::<ClientRegistered>();
    example::<AddClientSecret>();
    example::<NewClientSecret>();
    example::<ClientKeys>();
    example::<TokenRequest>();
    example::<TokenQuestion>();
    example::<ServiceToken>();
    example::<Introspection>();
    same_both_ways(&Introspection::default());
    example::<TokenActor>();
    example::<OAuthError>();
    example::<AuthorizationServer>();
    example::<Overview>();
    example::<ProjectionState>();
    example::<Attempt>();
    example::<Cause>();
    example::<RepairProjections>();
    example::<ProjectionsRepaired>();
    example::<Event>();
    example::<AccountNote>();
    example::<Health>();
    example::<Ready>();
    example::<FeedPage>();
    example::<FeedBeat>();
    example::<VerifierReport>();
    example::<ReportAnswer>();
    example::<Verifiers>();
    example::<VerifierBehind>();
    example::<Revoked>();
    example::<RevokeReason>();
    example::<ProblemDetails>();
    same_both_ways(&ProblemDetails::new(ProblemCode::NotFound));
}

#[test]
fn a_login_answers_the_designs_words() {
    let done = same_both_ways(&LoginAnswer::Authenticated(Authenticated::example()));
    assert_eq!(done["status"], "authenticated");
    assert_eq!(done["token_type"], "Bearer");
    assert_eq!(
        keys(&done),
        sorted(
            "status access_token token_type expires_in refresh_token session_id account \
             device_token"
        )
    );
    let more = same_both_ways(&LoginAnswer::MfaRequired(MfaRequired::example()));
    assert_eq!(more["status"], "mfa_required");
    assert_eq!(more["methods"], json!(["totp", "recovery_code"]));
    assert_eq!(keys(&more), sorted("status mfa_token expires_in methods"));
}

#[test]
fn an_account_and_a_session_use_the_designs_words() {
    assert_eq!(
        keys(&example::<Account>()),
        sorted("id email display_name email_verified roles created_at state mfa factors")
    );
    let mut session = Session::example();
    session.email = Some("ada@example.com".to_owned());
    assert_eq!(
        keys(&same_both_ways(&session)),
        sorted(
            "id account_id email state client ip user_agent acr amr started_at last_seen_at \
             expires_at generation ended current position"
        )
    );
}

#[test]
fn absent_is_left_out_or_null_as_documented() {
    let mut session = Session::example();
    session.current = None;
    let json = same_both_ways(&session);
    assert!(!keys(&json).contains(&"email") && !keys(&json).contains(&"current"));
    assert_eq!(json["ended"], Value::Null);
    session.ended = Some(Ended::example());
    assert_eq!(
        same_both_ways(&session)["ended"],
        json!({ "at": "2026-11-22T14:23:11Z", "by": "system", "reason": "refresh_reused" })
    );
    let noted = Ended {
        note: Some("phishing".to_owned()),
        ..Ended::example()
    };
    assert_eq!(same_both_ways(&noted)["note"], "phishing");
    assert_eq!(
        same_both_ways(&Page::<Session> {
            items: vec![],
            next: None
        }),
        json!({
            "items": [], "next": null
        })
    );
}

#[test]
fn a_name_is_left_alone_taken_away_or_set() {
    use poem_openapi::types::MaybeUndefined;
    let read =
        |json: Value| UpdateMe::parse_from_json(Some(json)).map(|update| update.display_name);
    assert_eq!(read(json!({})).expect("valid"), MaybeUndefined::Undefined);
    assert_eq!(
        read(json!({ "display_name": null })).expect("valid"),
        MaybeUndefined::Null
    );
    assert_eq!(
        read(json!({ "display_name": "Ada" })).expect("valid"),
        MaybeUndefined::Value("Ada".to_owned())
    );
    assert!(read(json!({ "display_name": "" })).is_err());
    assert_eq!(same_both_ways(&UpdateMe::default()), json!({}));
    assert_eq!(
        same_both_ways(&UpdateMe {
            display_name: MaybeUndefined::Null
        }),
        json!({ "display_name": null })
    );
}

#[test]
fn ab_37_requests_refuse_unknown_fields_and_wrong_lengths() {
    let register = |json: Value| Register::parse_from_json(Some(json)).map(|_| ());
    assert!(register(json!({ "email": "a@b", "password": "x" })).is_ok());
    assert!(register(json!({ "email": "a@b", "password": "x", "roles": ["admin"] })).is_err());
    assert!(register(json!({ "email": "a@b", "password": "x", "email_verified": true })).is_err());
    assert!(register(json!({ "email": "a@b", "password": "" })).is_err());
    assert!(register(json!({ "email": "a@b", "password": "é".repeat(1024) })).is_ok());
    assert!(register(json!({ "email": "a@b", "password": "é".repeat(1025) })).is_err());
    assert!(register(json!({ "email": "a".repeat(255), "password": "x" })).is_err());
    assert!(Refresh::parse_from_json(Some(json!({ "refresh_token": "x".repeat(513) }))).is_err());
    assert!(RevokeSession::parse_from_json(Some(json!({ "reason": "" }))).is_err());
}

#[test]
fn ab_74_debug_shows_no_secret() {
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        Register::example(),
        Login::example(),
        Refresh::example(),
        LoginAnswer::Authenticated(Authenticated::example()),
        LoginAnswer::MfaRequired(MfaRequired::example()),
    );
    for secret in ["correct horse", "csr_", "eyJ", "csm_"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn the_codes_of_the_table_are_the_codes_on_the_wire() {
    let mut seen = std::collections::BTreeSet::new();
    for code in ProblemCode::ALL {
        assert_eq!(same_both_ways(&code), json!(code.as_str()));
        assert!((400..600).contains(&code.facts().status));
        assert!(seen.insert(code.as_str()), "{code} twice");
    }
    let MetaSchemaRef::Reference(name) = ProblemCode::schema_ref() else {
        panic!("an enum is a named schema");
    };
    let mut registry = Registry::new();
    ProblemCode::register(&mut registry);
    assert_eq!(
        registry.schemas[&name].enum_items.len(),
        ProblemCode::ALL.len()
    );
}

#[test]
fn every_code_of_the_design_exists() {
    let design = "invalid_credentials mfa_invalid mfa_token_invalid token_missing token_invalid \
        token_expired token_revoked refresh_invalid refresh_expired refresh_reused \
        session_revoked insufficient_user_authentication insufficient_permissions csrf_invalid \
        rate_limited overloaded validation_failed email_taken password_weak not_found conflict \
        payload_too_large unavailable position_not_reached";
    for word in design.split_whitespace() {
        assert!(
            ProblemCode::ALL.iter().any(|code| code.as_str() == word),
            "{word}"
        );
    }
}

#[test]
fn a_problem_is_as_rfc_9457_wants_it() {
    assert_eq!(
        same_both_ways(&ProblemDetails::new(ProblemCode::NotFound)),
        json!({ "type": "/problems/not_found", "title": "Not found", "status": 404, "code": "not_found" })
    );
}

#[test]
fn schema_names_are_valid_component_names() {
    let mut registry = Registry::new();
    Page::<Session>::register(&mut registry);
    Page::<Account>::register(&mut registry);
    LoginAnswer::register(&mut registry);
    ProblemDetails::register(&mut registry);
    for name in registry.schemas.keys() {
        assert!(
            name.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
            "{name}"
        );
    }
}
