//! What is sensitive asks who is there, again. RFC 9470, SECURITY.md N9, N35,
//! N36.

mod binding;

use std::fs;
use std::path::Path;
use std::time::Duration;

use countersign_api::EmailAddress;
use serde_json::json;

use crate::abuse::every::{Operation, operations};
use crate::support::{Enrolled, PASSWORD, SignedIn, World, claims_of, email};

/// The page of access, as it is written: operation id and what it asks.
fn page_of_access() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/api/src/access.rs");
    let source = fs::read_to_string(path).expect("the page of access");
    let (_, page) = source.split_once("const ACCESS").expect("its beginning");
    let (page, _) = page.split_once("\n};").expect("its end");
    let entries = page.lines().filter_map(|line| {
        let (id, access) = line.trim().strip_prefix("(\"")?.split_once("\", ")?;
        let access = access.strip_suffix("),")?;
        Some((id.to_owned(), access.to_owned()))
    });
    entries.collect()
}

/// The operations that ask for this, of which there are some.
fn asking(what: &str) -> Vec<Operation> {
    let page = page_of_access();
    let wanted = |operation: &Operation| {
        let found = page.iter().find(|(id, _)| *id == operation.id);
        let (_, access) = found.expect("it is on the page of access");
        access.split('(').next() == Some(what)
    };
    let found: Vec<_> = operations().into_iter().filter(wanted).collect();
    assert!(found.len() >= 6, "only {} ask for {what}", found.len());
    found
}

/// The challenge of RFC 9470 section 3.
fn challenge(description: &str, acr: &str, max_age: u32) -> String {
    format!(
        "Bearer error=\"insufficient_user_authentication\", \
         error_description=\"{description}\", acr_values=\"{acr}\", max_age=\"{max_age}\""
    )
}

const TOO_OLD: &str = "More recent authentication is required";
const TOO_WEAK: &str = "A different authentication level is required";

/// Tries all of these, and expects this challenge and nothing in the log.
async fn all_ask(world: &World, operations: &[Operation], access: &str, expected: &str) {
    let before = world.ends().await;
    for operation in operations {
        let answer = operation.call(world).by(access).send().await;
        let answer = answer.refused(401, "insufficient_user_authentication");
        let said = answer.header("www-authenticate");
        assert_eq!(said, expected, "{}", operation.id);
    }
    assert_eq!(world.ends().await, before, "nothing was written");
}

/// Somebody who comes back by refresh after so long.
async fn later(world: &World, session: SignedIn, by: Duration) -> SignedIn {
    world.later(by);
    let renewed = world.refresh(&session.refresh).await;
    session.renewed(&renewed)
}

#[test]
fn ab_25_the_page_of_access_and_the_document_name_the_same_operations() {
    let mut page: Vec<_> = page_of_access().into_iter().map(|(id, _)| id).collect();
    page.sort();
    let mut document: Vec<_> = operations().into_iter().map(|found| found.id).collect();
    document.sort();
    assert_eq!(page, document);
}

#[test]
fn ab_25_what_must_be_fresh_is_reviewed() {
    let sorted = |what| {
        let mut ids: Vec<_> = asking(what).into_iter().map(|found| found.id).collect();
        ids.sort();
        ids
    };
    // These lists may only grow.
    let fresh = [
        "confirm_passkey",
        "confirm_totp",
        "erase_me",
        "export_me",
        "offer_passkey",
        "offer_totp",
        "remove_factor",
        "replace_recovery_codes",
        "request_email_change",
    ];
    assert_eq!(sorted("Fresh"), fresh);
    let operator = [
        "add_client_secret",
        "cancel_revocation",
        "change_client",
        "disable_client",
        "enable_client",
        "erase_account",
        "rebuild_projections",
        "register_client",
        "reinstate_account",
        "remove_client_secret",
        "repair_projections",
        "reset_factors",
        "revoke_account_sessions",
        "revoke_key",
        "revoke_session",
        "rotate_keys",
        "set_client_keys",
        "set_roles",
        "start_revocation",
        "suspend_account",
    ];
    assert_eq!(sorted("Operator"), operator);
}

#[tokio::test]
async fn ab_25_whoever_has_one_factor_is_asked_for_it_again_before_what_is_sensitive() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let ada = later(&world, ada, Duration::from_secs(310)).await;
    let fresh = asking("Fresh");
    all_ask(
        &world,
        &fresh,
        &ada.access,
        &challenge(TOO_OLD, "aal1", 300),
    )
    .await;
    // A new password without the old one is as sensitive.
    let form = json!({ "new_password": "grey-Quartz-17-meadow" });
    let changed = world.post("/v1/auth/password/change", &form);
    let answer = changed.by(&ada.access).send().await;
    let answer = answer.refused(401, "insufficient_user_authentication");
    let said = answer.header("www-authenticate");
    assert_eq!(said, challenge(TOO_OLD, "aal1", 300));

    world
        .step_up(&ada.access, "password", "wrong-horse-battery")
        .await
        .refused(401, "invalid_credentials");
    let stepped = world.step_up(&ada.access, "password", PASSWORD).await;
    let access = stepped.expect(200).json()["access_token"].clone();
    let access = access.as_str().expect("a token");
    for operation in &fresh {
        if operation.id == "erase_me" {
            continue;
        }
        // It may have other reasons to refuse now, but not this one.
        let answer = operation.call(&world).by(access).send().await;
        let code = answer.code();
        assert_ne!(code, "insufficient_user_authentication", "{}", operation.id);
        assert!(answer.status < 500, "{}: {answer:?}", operation.id);
    }
    // The token of before is as old as it was.
    all_ask(
        &world,
        &fresh,
        &ada.access,
        &challenge(TOO_OLD, "aal1", 300),
    )
    .await;
    world.delete("/v1/me").by(access).send().await.expect(204);
}

#[tokio::test]
async fn ab_25_whoever_has_two_factors_is_asked_for_both_and_the_password_is_not_enough() {
    let world = World::start().await;
    let address = email("ada");
    let phone = world.register(&address).await;
    let laptop = world.login(&address).await;
    let ada = Enrolled::of(&world, address, phone).await;
    // A session of one factor does not outlive that there are two.
    world
        .refresh(&laptop.refresh)
        .await
        .refused(401, "session_revoked");
    world
        .verify(&laptop.access)
        .await
        .refused(401, "token_revoked");

    let session = later(&world, ada.session.clone(), Duration::from_secs(310)).await;
    let fresh = asking("Fresh");
    let expected = challenge(TOO_OLD, "aal2", 300);
    all_ask(&world, &fresh, &session.access, &expected).await;
    let before = world.ends().await;
    let answer = world.step_up(&session.access, "password", PASSWORD).await;
    let answer = answer.refused(401, "insufficient_user_authentication");
    assert!(
        answer.header("www-authenticate").contains("aal2"),
        "{answer:?}"
    );
    assert_eq!(world.ends().await, before, "nothing was raised");
    let code = ada.next_code(&world);
    let stepped = world.step_up(&session.access, "totp", &code).await;
    let access = stepped.expect(200).json()["access_token"].clone();
    let access = access.as_str().expect("a token");
    let path = format!("/v1/me/factors/{}", ada.factor);
    world.delete(&path).by(access).send().await.expect(200);
}

#[tokio::test]
async fn ab_25_operators_need_two_new_factors_for_what_changes_something() {
    let world = World::start().await;
    let operator = asking("Operator");
    // Somebody with the role and one factor.
    let address = email("weak");
    let parsed = EmailAddress::parse(&address).expect("an address");
    let roles = ["user", "operator"];
    let made = world.app.bootstrap(&parsed, PASSWORD, &roles, None);
    made.await.expect("an account");
    let weak = world.login(&address).await;
    let expected = challenge(TOO_WEAK, "aal2", 900);
    all_ask(&world, &operator, &weak.access, &expected).await;
    let stepped = world.step_up(&weak.access, "password", PASSWORD).await;
    let access = stepped.expect(200).json()["access_token"].clone();
    let access = access.as_str().expect("a token");
    all_ask(&world, &operator, access, &expected).await;

    let strong = world.operator().await;
    let strong = later(&world, strong, Duration::from_secs(910)).await;
    let expected = challenge(TOO_OLD, "aal2", 900);
    all_ask(&world, &operator, &strong.access, &expected).await;

    // Somebody without the role learns that first.
    let ada = Enrolled::new(&world, "ada").await;
    for operation in &operator {
        let answer = operation.call(&world).by(&ada.session.access).send().await;
        answer.refused(403, "insufficient_permissions");
    }
}

#[tokio::test]
async fn ab_27_a_refresh_changes_nothing_of_what_was_proved() {
    let world = World::start().await;
    let proved = |access: &str| {
        let claims = claims_of(access);
        ["acr", "amr", "auth_time"].map(|name| claims[name].clone())
    };
    let ada = Enrolled::new(&world, "ada").await;
    let sessions = [world.register(&email("bob")).await, ada.login(&world).await];
    for mut session in sessions {
        let before = proved(&session.access);
        for minutes in [1, 14, 120, 24 * 60] {
            session = later(&world, session, Duration::from_mins(minutes)).await;
            assert_eq!(proved(&session.access), before);
            let verified = world.verify(&session.access).await.expect(200).json();
            assert_eq!(
                [&verified["acr"], &verified["amr"]],
                [&before[0], &before[1]]
            );
        }
    }
    // Nor of what a step-up has proved since.
    let session = ada.login(&world).await;
    let old = proved(&session.access);
    world.later(Duration::from_mins(10));
    let stepped = world
        .step_up(&session.access, "recovery_code", &ada.recovery_codes[0])
        .await
        .expect(200)
        .json();
    let raised = proved(stepped["access_token"].as_str().expect("a token"));
    assert!(raised[2].as_u64() >= old[2].as_u64().map(|time| time + 600));
    let session = later(&world, session, Duration::from_mins(30)).await;
    assert_eq!(proved(&session.access), raised);
}
