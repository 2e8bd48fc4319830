//! What operators do to accounts, and what their owners see of it.

mod note;

use std::time::Duration;

use countersign_events::AccountId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::mailbox::RESET;
use crate::support::{
    Answer, Authenticator, Client, Door, Enrolled, ISSUER, Keyed, Mailbox, PASSWORD, PATIENCE,
    SignedIn, World, access_of, claims_of, email, eventually,
};

const OTHER: &str = "copper-Meadow-73-whistle";
const NOTE: &str = "asked for by phone, case 8412";

/// Everything an operator may change about an account, but to erase it.
const CHANGES: [&str; 5] = [
    "suspend",
    "reinstate",
    "roles",
    "reset-factors",
    "revoke-sessions",
];

async fn change(client: &Client, operator: &SignedIn, account: Uuid, what: &str) -> Answer {
    let path = format!("/v1/admin/accounts/{account}/{what}");
    let reason = json!({ "reason": NOTE });
    let call = match what {
        "roles" => {
            let form = json!({ "roles": ["user"], "reason": NOTE });
            client.call("PUT", &path).json(&form)
        }
        "erase" => client.post_nothing(&path),
        _ => client.post(&path, &reason),
    };
    call.by(&operator.access).send().await
}

async fn give(client: &Client, operator: &SignedIn, account: Uuid, roles: &[&str]) -> Answer {
    let form = json!({ "roles": roles, "reason": NOTE });
    let path = format!("/v1/admin/accounts/{account}/roles");
    let call = client.call("PUT", &path).json(&form);
    call.by(&operator.access).send().await
}

/// The session's tokens open nothing at any of the services.
async fn is_over(services: &[&Client], session: &SignedIn) {
    for service in services {
        eventually(PATIENCE, || async {
            service.verify(&session.access).await.code() == "token_revoked"
        })
        .await;
        let refreshed = service.refresh(&session.refresh).await;
        refreshed.refused(401, "session_revoked");
    }
}

/// The names of what has happened to an account, oldest first.
async fn history(world: &World, operator: &SignedIn, account: Uuid) -> Vec<Value> {
    let path = format!("/v1/admin/accounts/{account}/events?limit=200");
    world.get(&path).by(&operator.access).send().await.items()
}

#[tokio::test]
async fn an_operators_changes_need_the_permission_and_a_new_authentication() {
    let world = World::start().await;
    let operator = world.operator().await;
    let support = world.somebody(&["user", "support"]).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    let everything = CHANGES.iter().chain(&["erase"]);
    for what in everything.clone() {
        let nobody = world.post_nothing(&format!("/v1/admin/accounts/{}/{what}", ada.account));
        let status = nobody.send().await.status;
        assert!([401, 405].contains(&status), "{what}: {status}");
        let before = world.ends().await;
        let own = change(&world, &ada, ada.account, what).await;
        own.refused(403, "insufficient_permissions");
        if *what != "revoke-sessions" {
            let answer = change(&world, &support, ada.account, what).await;
            answer.refused(403, "insufficient_permissions");
        }
        let none = change(&world, &operator, Uuid::from_u128(9), what).await;
        none.refused(404, "not_found");
        assert_eq!(world.ends().await, before, "{what}");
    }
    world.later(Duration::from_secs(901));
    for what in everything {
        let before = world.ends().await;
        let stale = change(&world, &operator, ada.account, what).await;
        let stale = stale.refused(401, "insufficient_user_authentication");
        let challenge = stale.header("www-authenticate").to_owned();
        assert!(challenge.contains("acr_values=\"aal2\""), "{challenge}");
        assert!(challenge.contains("max_age=\"900\""), "{challenge}");
        assert_eq!(world.ends().await, before, "{what}");
    }
    world.verify(&ada.access).await;
    world
        .login(&me_address(&world, &operator, ada.account).await)
        .await;
}

async fn me_address(world: &World, operator: &SignedIn, account: Uuid) -> String {
    world.projected().await;
    let row = world.get(&format!("/v1/admin/accounts/{account}"));
    let row = row.by(&operator.access).send().await.expect(200).json();
    row["email"].as_str().expect("an address").to_owned()
}

#[tokio::test]
async fn ab_59_a_suspended_person_is_out_at_once_and_everywhere() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let other = world.second_service().await;
    let services = [&world.client, &other.client];
    let operator = world.operator().await;
    let mut ada = Keyed::new(&world, "ada").await;
    let second = SignedIn::of(&ada.sign_in(&other).await.expect(200));
    let waiting = world.begin_login(&ada.email).await;
    let way = Door::SecondFactor
        .approach(&other, &ada.email, &ada.session)
        .await;
    let asked = way.ask(&other).await;
    let alone = ada.way(&other, Door::SignIn).await;
    let asked_alone = alone.ask(&other).await;
    world.forgot(&ada.email).await.expect(202);
    let reset = mailbox.token(&ada.email, RESET).await;

    let id = ada.session.account;
    change(&world, &operator, id, "suspend").await.expect(204);
    for session in [&ada.session, &second] {
        is_over(&services, session).await;
    }
    for service in services {
        let login = service.try_login(&ada.email, PASSWORD).await;
        login.refused(401, "invalid_credentials");
        let code = &ada.recovery_codes[0];
        let mfa = service.mfa(&waiting, "recovery_code", code).await;
        mfa.refused(401, "mfa_token_invalid");
        let form = json!({ "mfa_token": waiting });
        let options = service.post("/v1/auth/passkey/options", &form).send().await;
        options.refused(401, "mfa_token_invalid");
        let stepped = service.step_up(&ada.session.access, "password", PASSWORD);
        stepped.await.refused(401, "token_revoked");
        let refused = service.reset_password(&reset, OTHER).await;
        refused.refused(400, "link_invalid");
        service.forgot(&ada.email).await.expect(202);
    }
    let signed = asked.signed(&mut ada.device);
    let shown = way.show(&other, &signed).send().await;
    shown.refused(401, "mfa_token_invalid");
    let signed = asked_alone.signed(&mut ada.device);
    let shown = alone.show(&other, &signed).send().await;
    shown.refused(401, "invalid_credentials");
    assert!(ada.sign_in(&world).await.status == 401);

    world.projected().await;
    let row = world.get(&format!("/v1/admin/accounts/{id}"));
    let row = row.by(&operator.access).send().await.expect(200).json();
    assert_eq!(row["state"], "suspended");
    // A second time is no event.
    let before = world.ends().await;
    change(&world, &operator, id, "suspend").await.expect(204);
    assert_eq!(world.ends().await, before);

    change(&world, &operator, id, "reinstate").await.expect(204);
    let back = SignedIn::of(&ada.sign_in(&world).await.expect(200));
    for service in services {
        service.verify(&back.access).await.expect(200);
        let login = service.try_login(&ada.email, PASSWORD).await.expect(200);
        assert_eq!(login.json()["status"], "mfa_required");
        // What was over stays so.
        for session in [&ada.session, &second] {
            is_over(&[service], session).await;
        }
        let mfa = service.mfa(&waiting, "recovery_code", &ada.recovery_codes[1]);
        mfa.await.refused(401, "mfa_token_invalid");
    }
    mailbox.told(&world).await;
    let mails = mailbox.to(&ada.email);
    let resets = mails.iter().filter(|mail| {
        let subject = mail.header("Subject").unwrap_or_default();
        subject.starts_with(RESET)
    });
    assert_eq!(resets.count(), 1, "none while suspended");
}

#[tokio::test]
async fn ab_60_a_role_that_was_taken_away_is_gone_with_the_next_request() {
    let world = World::start().await;
    let other = world.second_service().await;
    let services = [&world.client, &other.client];
    let operator = world.operator().await;
    let support = world.somebody(&["user", "support"]).await;
    for service in services {
        let list = service.get("/v1/admin/accounts").by(&support.access);
        list.send().await.expect(200);
    }
    give(&world, &operator, support.account, &["user"])
        .await
        .expect(204);
    is_over(&services, &support).await;

    let ada = Enrolled::new(&world, "ada").await;
    let id = ada.session.account;
    give(&world, &operator, id, &["user", "support"])
        .await
        .expect(204);
    is_over(&services, &ada.session).await;
    let helper = ada.login(&world).await;
    assert_eq!(
        claims_of(&helper.access)["roles"],
        json!(["user", "support"])
    );
    let list = other.get("/v1/admin/accounts").by(&helper.access);
    list.send().await.expect(200);
    give(&other, &operator, id, &["user"]).await.expect(204);
    is_over(&services, &helper).await;
    let back = ada.login(&world).await;
    assert_eq!(claims_of(&back.access)["roles"], json!(["user"]));
    for service in services {
        let list = service.get("/v1/admin/accounts").by(&back.access);
        list.send().await.refused(403, "insufficient_permissions");
    }
    // The same roles again are no change.
    let before = world.ends().await;
    give(&world, &operator, id, &["user"]).await.expect(204);
    assert_eq!(world.ends().await, before);
    world.verify(&back.access).await.expect(200);
}

#[tokio::test]
async fn ab_60_nobody_gives_more_than_they_have() {
    let world = World::start().await;
    let operator = world.operator().await;
    let support = world.somebody(&["user", "support"]).await;
    let ada = world.register(&email("ada")).await;
    for roles in [
        &["user", "support"][..],
        &["operator"],
        &["admin"],
        &["user"],
    ] {
        let before = world.ends().await;
        for who in [&support, &ada] {
            for account in [ada.account, support.account, operator.account] {
                let answer = give(&world, who, account, roles).await;
                answer.refused(403, "insufficient_permissions");
            }
        }
        assert_eq!(world.ends().await, before);
    }
    for roles in [&["root"][..], &["user", "Admin"], &["admin "], &[""]] {
        let answer = give(&world, &operator, ada.account, roles).await;
        answer.refused(400, "validation_failed");
    }
    // What an operator permits, an operator may give.
    give(&world, &operator, ada.account, &["user", "operator"])
        .await
        .expect(204);
}

#[tokio::test]
async fn factors_that_were_reset_are_asked_for_no_more() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    let ada = Enrolled::new(&world, "ada").await;
    let waiting = world.begin_login(&ada.email).await;
    let id = ada.session.account;
    change(&world, &operator, id, "reset-factors")
        .await
        .expect(204);
    is_over(&[&world.client, &other.client], &ada.session).await;
    let code = ada.next_code(&world);
    let late = world.mfa(&waiting, "totp", &code).await;
    assert_eq!(late.status, 401, "{}", late.text());
    let back = world.login(&ada.email).await;
    assert_eq!(claims_of(&back.access)["acr"], "aal1");
    assert!(world.factors(&back.access).await.is_empty());
    let account = AccountId::from_uuid(id);
    let kept = world.log.vault().credentials(Some(account)).await;
    assert_eq!(kept.expect("the vault").len(), 1, "the password");
    mailbox
        .open(&ada.email, "A second factor was removed")
        .await;
}

#[tokio::test]
async fn ab_61_another_factor_ends_the_other_sessions_and_not_this_one() {
    let world = World::start().await;
    let other = world.second_service().await;
    let services = [&world.client, &other.client];
    let address = email("ada");
    let here = world.register(&address).await;
    let there = world.login(&address).await;
    let ada = Enrolled::of(&world, address, here).await;
    is_over(&services, &there).await;
    world.verify(&ada.session.access).await.expect(200);
    let there = ada.login(&world).await;
    let mut device = Authenticator::new(ISSUER);
    let added = world.add_passkey(&ada.session.access, &mut device).await;
    is_over(&services, &there).await;
    let here = access_of(&added);
    let passkey = added.json()["factor"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let there = ada.login(&world).await;
    let path = format!("/v1/me/factors/{passkey}");
    let removed = world.delete(&path).by(&here).send().await.expect(200);
    is_over(&services, &there).await;
    world.verify(&access_of(&removed)).await.expect(200);
    world.refresh(&ada.session.refresh).await.expect(200);
}
