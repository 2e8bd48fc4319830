//! Who acts for whom.

use crate::support::{NOW, claims, given, key, verifier};
use countersign_verifier::{Actor, Algorithm, Claims, Refusal};
use serde_json::{Value, json};
use uuid::Uuid;

type Change = fn(&mut Claims);

const CLIENT: Uuid = Uuid::from_u128(0x0190_aaaa_bbbb_7ccc_8ddd_0000_0000_0010);

fn actor(depth: u64) -> Value {
    let sub = Uuid::from_u128(CLIENT.as_u128() + u128::from(depth));
    let mut actor = json!({"sub": sub, "epoch": 10 + depth});
    if depth > 1 {
        actor["act"] = self::actor(depth - 1);
    }
    actor
}

#[test]
fn a_chain_of_three_is_read_and_written_as_it_was() {
    let read = given().claim("act", actor(3)).then_accepted();
    let chain: Vec<u64> = read
        .act
        .iter()
        .flat_map(Actor::chain)
        .map(|one| one.epoch)
        .collect();
    assert_eq!(chain, [13, 12, 11]);
    assert_eq!(json!(read)["act"], actor(3));
    let token = key(Algorithm::Es256).mint(&read).expect("a token");
    assert_eq!(verifier().check(&token, NOW), Ok(read));
    assert!(json!(claims()).get("act").is_none());
}

#[test]
fn everything_else_is_refused() {
    let mut with_text = actor(1);
    with_text["sub"] = json!("orders");
    let mut without_epoch = actor(1);
    without_epoch
        .as_object_mut()
        .expect("an object")
        .remove("epoch");
    let mut with_null = actor(1);
    with_null["act"] = Value::Null;
    let bad = [
        Value::Null,
        json!([]),
        json!("x"),
        json!({}),
        actor(4),
        with_text,
        without_epoch,
        with_null,
    ];
    for act in bad {
        let shown = act.to_string();
        let checked = given().claim("act", act).when_checked();
        assert_eq!(checked, Err(Refusal::MalformedClaims), "{shown}");
    }
    let text = json!(Claims {
        act: serde_json::from_value(actor(1)).ok(),
        ..claims()
    })
    .to_string();
    assert!(serde_json::from_str::<Claims>(&text).is_ok());
    let twice = text.replace(r#""epoch":11"#, r#""epoch":11,"epoch":99"#);
    assert_ne!(twice, text);
    assert!(serde_json::from_str::<Claims>(&twice).is_err());
}

#[test]
fn a_token_dies_with_any_of_its_actors() {
    for depth in 1..=3_u64 {
        let given = given().claim("act", actor(3));
        let revocations = given.verifier.revocations().clone();
        let sub = Uuid::from_u128(CLIENT.as_u128() + u128::from(depth));
        revocations
            .raise_epoch(sub, 10 + depth, NOW + 60)
            .expect("a place");
        assert!(given.when_checked().is_ok(), "its own epoch is good");
        revocations
            .raise_epoch(sub, 11 + depth, NOW + 60)
            .expect("a place");
        given.then_refused(Refusal::Revoked);
    }
}

#[test]
fn a_service_is_known_by_everything_it_lacks() {
    let service = || Claims {
        sub: CLIENT,
        client_id: CLIENT.to_string(),
        roles: Vec::new(),
        acr: None,
        amr: Vec::new(),
        auth_time: None,
        ..claims()
    };
    assert!(service().is_service());
    assert!(!claims().is_service());
    let changes: [Change; 6] = [
        |one| one.client_id = "web".into(),
        |one| one.client_id = one.client_id.to_uppercase(),
        |one| one.roles = vec!["user".into()],
        |one| one.acr = Some("aal1".into()),
        |one| one.amr = vec!["pwd".into()],
        |one| one.auth_time = Some(NOW),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut changed = service();
        change(&mut changed);
        assert!(!changed.is_service(), "{n}");
    }
}
