//! Registrations that were begun and never finished.

use std::time::Duration;

use countersign_api::EmailAddress;
use countersign_domain::{AccountCommand, AccountRefusal, EmailCommand};
use countersign_events::CredentialId;
use countersign_log::{ExecuteError, random};
use serde_json::json;

use crate::support::{PASSWORD, World, email};

#[tokio::test]
async fn an_address_that_was_reserved_and_abandoned_can_be_registered_after_a_minute() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    let index = world
        .app
        .blind_index
        .of(&EmailAddress::parse(&address).expect("an address"));
    // A service that died between the reservation and the account.
    let lost = world.new_account_id();
    let reserve = EmailCommand::Reserve { account: lost };
    world
        .app
        .emails
        .execute(index, &world.meta(None), &reserve)
        .await
        .expect("reserved");

    let form = json!({ "email": address, "password": PASSWORD });
    world
        .post("/v1/auth/register", &form)
        .send()
        .await
        .refused(409, "email_taken");
    world
        .try_login(&address, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    world.later(Duration::from_mins(2));
    let ada = world.register(&address).await;
    assert_ne!(ada.account, lost.uuid());
    assert_eq!(world.login(&address).await.account, ada.account);

    // The one that died and comes back is told so, and for ever.
    let path = format!("/v1/admin/accounts/{lost}/events");
    let events = world.get(&path).by(&operator.access).send().await.items();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["name"], "abandoned");
    let vault = world.log.vault();
    let key = vault.create_data_key(lost).await.expect("a key");
    let meta = world.meta(Some(lost));
    let register = AccountCommand::Register {
        email: key
            .seal(&address, lost, meta.message, "email")
            .expect("sealed"),
        display_name: None,
        roles: vec!["user".into()],
        password: CredentialId::generate(lost, world.now(), random().expect("randomness")),
        verification: None,
        device: None,
    };
    for service in [
        &world.app.accounts,
        &countersign_log::Repository::new(&world.log),
    ] {
        let refused = service.execute(lost, &meta, &register).await;
        let refused = refused.expect_err("it was given up");
        assert!(
            matches!(refused, ExecuteError::Refused(AccountRefusal::Abandoned)),
            "{refused}"
        );
    }
    assert_eq!(world.login(&address).await.account, ada.account);
}

#[tokio::test]
async fn an_address_has_one_account() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    world.projected().await;
    let before = world.ends().await;
    for spelling in [
        address.clone(),
        address.to_uppercase(),
        format!("  {address} "),
    ] {
        let form = json!({ "email": spelling, "password": PASSWORD });
        world
            .post("/v1/auth/register", &form)
            .send()
            .await
            .refused(409, "email_taken");
    }
    world.later(Duration::from_hours(24));
    let form = json!({ "email": address, "password": PASSWORD });
    world
        .post("/v1/auth/register", &form)
        .send()
        .await
        .refused(409, "email_taken");
    assert_eq!(world.ends().await, before);
}
