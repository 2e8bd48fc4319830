//! Being forgotten.

use std::time::Duration;

use countersign_domain::AccountCommand;
use countersign_events::{AccountEvent, AccountId};
use countersign_projector::{replay, verify};
use serde_json::json;
use uuid::Uuid;

use crate::support::mailbox::{CHANGE, RESET};
use crate::support::{
    Authenticator, Client, Enrolled, ISSUER, Mailbox, PASSWORD, PATIENCE, SignedIn, World,
    access_of, email, eventually,
};

/// Nothing of a person is in the vault, as any of the logs sees it.
async fn forgotten(logs: &[&countersign_log::Log], account: Uuid) -> bool {
    let id = AccountId::from_uuid(account);
    for log in logs {
        let kept = log.vault().credentials(Some(id)).await.expect("the vault");
        let key = log.vault().data_key(id).await.expect("the vault");
        if !kept.is_empty() || key.is_some() {
            return false;
        }
    }
    true
}

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

#[tokio::test]
async fn whoever_is_erased_is_gone_everywhere_and_the_address_is_free() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let other = world.second_service().await;
    let services = [&world.client, &other.client];
    let operator = world.operator().await;
    let ada = Enrolled::new(&world, "ada").await;
    let account = ada.session.account;
    // The other service knows the person and the key as well.
    let there = {
        let code = ada.next_code(&world);
        other.login_with_code(&ada.email, &code).await
    };
    let waiting = other.begin_login(&ada.email).await;
    world.forgot(&ada.email).await.expect(202);
    let reset = mailbox.token(&ada.email, RESET).await;
    assert!(!forgotten(&[&world.log], account).await);

    // Not by a token that somebody has found.
    world.later(Duration::from_secs(301));
    let stale = world.delete("/v1/me").by(&there.access).send().await;
    stale.refused(401, "insufficient_user_authentication");
    let code = ada.next_code(&world);
    let stepped = world.step_up(&there.access, "totp", &code).await;
    let access = access_of(&stepped.expect(200));
    let erased = world.delete("/v1/me").by(&access).send().await.expect(204);

    for session in [&ada.session, &there] {
        is_over(&services, session).await;
    }
    for service in services {
        eventually(PATIENCE, || async {
            service.verify(&access).await.code() == "token_revoked"
        })
        .await;
        let login = service.try_login(&ada.email, PASSWORD).await;
        login.refused(401, "invalid_credentials");
        let code = &ada.recovery_codes[0];
        let mfa = service.mfa(&waiting, "recovery_code", code).await;
        mfa.refused(401, "mfa_token_invalid");
        let again = service.reset_password(&reset, "copper-Meadow-73-whistle");
        again.await.refused(400, "link_invalid");
    }
    assert!(forgotten(&[&world.log, &other.log], account).await);

    let at = erased.position();
    let path = format!("/v1/admin/accounts/{account}");
    let row = world.get(&path).by(&operator.access).at(&at).send().await;
    row.refused(404, "not_found");
    for list in ["/v1/admin/accounts", "/v1/admin/sessions"] {
        let list = world.get(&format!("{list}?limit=200"));
        let list = list.by(&operator.access).at(&at).send().await.expect(200);
        assert!(
            !list.text().contains(&account.to_string()),
            "{}",
            list.text()
        );
    }
    for session in [&ada.session, &there] {
        let path = format!("/v1/admin/sessions/{}", session.session);
        let row = world.get(&path).by(&operator.access).at(&at).send().await;
        row.refused(404, "not_found");
    }

    // Somebody else may have the address, and is written to.
    let new = other.register(&ada.email).await;
    assert_ne!(new.account, account);
    for service in services {
        let back = service.login(&ada.email).await;
        assert_eq!(back.account, new.account);
    }
    world.forgot(&ada.email).await.expect(202);
    let reset = mailbox.token(&ada.email, RESET).await;
    let done = other.reset_password(&reset, "copper-Meadow-73-whistle");
    done.await.expect(204);
}

#[tokio::test]
async fn an_operator_erases_also_who_is_suspended_and_only_once() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    let ada = world.register(&address).await;
    let path = format!("/v1/admin/accounts/{}", ada.account);
    let reason = json!({ "reason": "asked to be forgotten" });
    let suspend = world.post(&format!("{path}/suspend"), &reason);
    suspend.by(&operator.access).send().await.expect(204);
    let erase = format!("{path}/erase");
    let erased = world.post_nothing(&erase).by(&operator.access).send().await;
    let at = erased.expect(204).position();
    assert!(forgotten(&[&world.log], ada.account).await);
    let row = world.get(&path).by(&operator.access).at(&at).send().await;
    row.refused(404, "not_found");
    let before = world.ends().await;
    let again = world.post_nothing(&erase).by(&operator.access).send().await;
    assert!([204, 404].contains(&again.status), "{}", again.text());
    assert_eq!(world.ends().await, before);
    // Nothing brings them back.
    for what in ["suspend", "reinstate", "reset-factors", "revoke-sessions"] {
        let call = world.post(&format!("{path}/{what}"), &reason);
        let answer = call.by(&operator.access).send().await;
        answer.refused(404, "not_found");
    }
    assert_eq!(world.ends().await, before);
    world.register(&address).await;
}

#[tokio::test]
async fn what_was_written_about_the_erased_stays_sealed_and_makes_the_same_rows_again() {
    const NAME: &str = "Canary Name 0jH7gF5s";
    const AGENT: &str = "canary-agent/2mN8bV6c";
    const IP: &str = "198.51.100.213";
    let (world, mailbox) = Mailbox::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let operator = world.operator().await;
    let (address, moved) = (email("canary.ada"), email("canary.moved"));
    let form = json!({ "email": address, "password": PASSWORD, "display_name": NAME });
    let call = world.post("/v1/auth/register", &form).agent(AGENT);
    let ada = call.header("x-forwarded-for", IP).send().await.expect(201);
    let ada = SignedIn::of(&ada);
    let grace = world.register(&email("grace")).await;
    world.ask_for_email(&ada.access, &moved).await.expect(202);
    let token = mailbox.token(&moved, CHANGE).await;
    world.confirm_email(&token).await.expect(204);
    let left = SignedIn::of(&world.try_login(&moved, PASSWORD).await.expect(200));
    world.logout(&left.refresh).await.expect(204);
    world.projected().await;
    let personal = [&*address, &*moved, NAME, AGENT, IP];
    let mut models = world.read_models().await;
    let before = models.dump().await;
    for text in [&*moved, NAME, AGENT, IP] {
        assert!(before.contains(text), "this is where {text} was");
    }
    let id = AccountId::from_uuid(ada.account);
    let subject = world.log.subject_of(id);
    let bytes = world.log.history(subject, 1).await.expect("the log");

    world
        .delete("/v1/me")
        .by(&left.access)
        .send()
        .await
        .refused(401, "token_revoked");
    world
        .delete("/v1/me")
        .by(&ada.access)
        .send()
        .await
        .expect(204);
    world.projected().await;
    let clean = |dump: &str, when: &str| {
        for text in personal {
            assert!(!dump.contains(text), "{text} in Postgres, {when}");
        }
    };
    clean(&models.dump().await, "after the erasure");

    // The log is what it was, and one message more.
    let history = world.log.history(subject, 1).await.expect("the log");
    assert_eq!(history.len(), bytes.len() + 1);
    for (now, then) in history.iter().zip(&bytes) {
        assert_eq!(now.payload, then.payload);
    }
    let mut erased = 0;
    for message in &history {
        let envelope = message.envelope().expect("an envelope");
        let events = envelope.events::<AccountEvent>().expect("events");
        erased += events
            .iter()
            .filter(|event| matches!(event, AccountEvent::Erased(_)))
            .count();
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        for personal in personal {
            assert!(!text.contains(personal), "{personal} in the log");
        }
    }
    assert_eq!(erased, 1);
    let path = format!("/v1/admin/accounts/{}/events?limit=200", ada.account);
    let shown = world
        .get(&path)
        .by(&operator.access)
        .send()
        .await
        .expect(200);
    clean(&shown.text(), "as operators see it");

    let found = verify(&world.log, world.postgres.clone(), world.now(), &|_| ()).await;
    let found = found.expect("verified");
    assert!(found.is_equal(), "{found:?}");
    let outcome = replay(&world.log, world.postgres.clone(), &|_| ()).await;
    let outcome = outcome.expect("replayed");
    assert!(outcome.generation > outcome.replaced);
    clean(&models.dump().await, "after a replay from zero");
    let row = world.get(&format!("/v1/admin/accounts/{}", ada.account));
    row.by(&operator.access)
        .send()
        .await
        .refused(404, "not_found");
    let own = world.get("/v1/me/sessions").by(&grace.access).send().await;
    assert_eq!(own.items().len(), 1);
    let found = verify(&world.log, world.postgres.clone(), world.now(), &|_| ()).await;
    assert!(found.expect("verified").is_equal());
}

#[tokio::test]
async fn an_erasure_that_was_cut_short_is_finished_by_whoever_is_there() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let moved = email("ada.moved");
    let ada = Enrolled::new(&world, "ada").await;
    let session = ada.session.clone();
    world
        .ask_for_email(&session.access, &moved)
        .await
        .expect(202);
    let token = mailbox.token(&moved, CHANGE).await;
    world.confirm_email(&token).await.expect(204);
    assert!(!forgotten(&[&world.log], session.account).await);

    // The event alone, as if the process had died right after it.
    let id = AccountId::from_uuid(session.account);
    let meta = world.meta(None);
    let erased = world
        .app
        .accounts
        .execute(id, &meta, &AccountCommand::Erase);
    erased.await.expect("appended");
    let other = world.second_service().await;
    let logs = [&world.log, &other.log];
    eventually(PATIENCE, || async {
        forgotten(&logs, session.account).await
    })
    .await;
    is_over(&[&world.client, &other.client], &session).await;
    for free in [&ada.email, &moved] {
        other.register(free).await;
    }
}

#[tokio::test]
async fn a_phone_is_lost_and_a_person_recovers_moves_and_leaves() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let operator = world.operator().await;
    let ada = Enrolled::new(&world, "ada").await;
    let account = ada.session.account;

    // The phone is gone; a code is not.
    let token = world.begin_login(&ada.email).await;
    let code = &ada.recovery_codes[3];
    let back = world.mfa(&token, "recovery_code", code).await.expect(200);
    let back = SignedIn::of(&back);
    mailbox.open(&ada.email, "A recovery code was used").await;

    let mut device = Authenticator::new(ISSUER);
    let added = world.add_passkey(&back.access, &mut device).await;
    let access = access_of(&added);
    let path = format!("/v1/me/factors/{}", ada.factor);
    let removed = world.delete(&path).by(&access).send().await.expect(200);
    let access = access_of(&removed);
    mailbox.open(&ada.email, "A second factor was added").await;
    let way = crate::support::Door::SignIn;
    let way = way.approach(&world, &ada.email, &back).await;
    let keyed = way.pass(&world, &mut device).await.expect(200);
    let keyed = SignedIn::of(&keyed);
    assert_eq!(crate::support::claims_of(&keyed.access)["acr"], "aal3");

    let moved = email("ada.moved");
    world.ask_for_email(&access, &moved).await.expect(202);
    let token = mailbox.token(&moved, CHANGE).await;
    world.confirm_email(&token).await.expect(204);
    mailbox.open(&moved, "Your address was changed").await;

    let at = world.delete("/v1/me").by(&keyed.access).send().await;
    let at = at.expect(204).position();
    is_over(&[&world.client], &keyed).await;
    assert!(forgotten(&[&world.log], account).await);
    let row = world.get(&format!("/v1/admin/accounts/{account}"));
    let row = row.by(&operator.access).at(&at).send().await;
    row.refused(404, "not_found");

    let path = format!("/v1/admin/accounts/{account}/events?limit=200");
    let events = world.get(&path).by(&operator.access).send().await.items();
    let mut names = events.iter().filter_map(|event| event["name"].as_str());
    for step in [
        "registered",
        "verification_requested",
        "factor_offered",
        "factor_added",
        "recovery_codes_set",
        "recovery_code_used",
        "factor_offered",
        "factor_added",
        "factor_removed",
        "email_change_requested",
        "email_changed",
        "erased",
        "sessions_ended",
    ] {
        assert!(names.any(|name| name == step), "{step}: {events:#?}");
    }
}
