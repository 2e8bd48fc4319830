//! A person's life, moment by moment.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Asker, ids, moment};
use crate::support::{Client, Enrolled, PASSWORD, SignedIn, World, email};

fn names(events: &[Value]) -> Vec<&str> {
    let name = |event: &'_ Value| event["name"].is_string();
    assert!(events.iter().all(name), "{events:?}");
    let names = events.iter().filter_map(|event| event["name"].as_str());
    names.collect()
}

/// A login with a code, from an address and with a program.
async fn login_from(world: &World, ada: &Enrolled, ip: &str, agent: &str) -> SignedIn {
    let code = ada.next_code(world);
    let form = json!({ "email": ada.email, "password": PASSWORD });
    let elsewhere = |path: &str, form: &Value| {
        let call = world.post(path, form).header("x-forwarded-for", ip);
        call.agent(agent)
    };
    let begun = elsewhere("/v1/auth/login", &form).send().await.expect(200);
    let form = json!({
        "mfa_token": begun.json()["mfa_token"], "method": "totp", "code": code,
    });
    SignedIn::of(&elsewhere("/v1/auth/mfa", &form).send().await.expect(200))
}

async fn refresh_from(client: &Client, session: &SignedIn, ip: &str) -> SignedIn {
    let form = json!({ "refresh_token": session.refresh });
    let call = client.post("/v1/auth/refresh", &form);
    session.renewed(&call.header("x-forwarded-for", ip).send().await.expect(200))
}

#[tokio::test]
async fn a_life_is_shown_as_it_was_at_every_moment_and_why() {
    let world = World::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let asker = Asker::of(&world).await;
    let before = moment().await;
    let address = email("ada");
    let first = world.register(&address).await;
    let registered = moment().await;
    let ada = Enrolled::of(&world, address.clone(), first.clone()).await;
    let enrolled = moment().await;
    let second = login_from(&world, &ada, "203.0.113.7", "phone/1").await;
    let signed_in = moment().await;
    let second = refresh_from(&world, &second, "198.51.100.9").await;
    let name = json!({ "display_name": "Countess" });
    let renamed = world.patch("/v1/me", &name).by(&second.access).send();
    renamed.await.expect(200);
    let moved = moment().await;
    let account = format!("/v1/admin/accounts/{}", first.account);
    let reason = json!({ "reason": "incident 311" });
    let suspended = world.post(&format!("{account}/suspend"), &reason);
    let suspended = suspended.by(&asker.operator.access).send().await;
    suspended.expect(204);
    let over = moment().await;

    let one = format!("/v1/admin/sessions/{}", first.session);
    let two = format!("/v1/admin/sessions/{}", second.session);
    let hers = format!("/v1/admin/sessions?account_id={}", first.account);
    let nobody: [Uuid; 0] = [];

    // Nothing was there, and nobody.
    for path in [&one, &two, &account, &format!("{one}/events")] {
        asker.ask(path, &before).await.refused(404, "not_found");
    }
    assert_eq!(asker.ids(&hers, &before).await, nobody);
    let accounts = asker.ids("/v1/admin/accounts", &before).await;
    assert_eq!(accounts, [asker.operator.account]);

    // A session, a person with a password.
    let shown = asker.json(&one, &registered).await;
    assert_eq!(shown["state"], "active");
    assert_eq!(
        (&shown["generation"], &shown["acr"]),
        (&json!(1), &json!("aal1"))
    );
    assert_eq!(shown["email"], address);
    assert_eq!(shown["causes"]["acr"]["name"], "started");
    assert_eq!(shown["causes"]["email"]["name"], "registered");
    assert_eq!(shown["causes"]["email"]["noun"], "account");
    let shown = asker.json(&account, &registered).await;
    assert_eq!(
        (&shown["mfa"], &shown["factors"]),
        (&json!(false), &json!([]))
    );
    asker.ask(&two, &registered).await.refused(404, "not_found");
    assert_eq!(asker.ids(&hers, &registered).await, [first.session]);

    // A factor ended all sessions but this one, which is known better since.
    let shown = asker.json(&one, &enrolled).await;
    assert_eq!(
        (&shown["state"], &shown["acr"]),
        (&json!("active"), &json!("aal2"))
    );
    assert_eq!(shown["causes"]["acr"]["name"], "stepped_up");
    assert_eq!(shown["causes"]["ended"]["name"], "continued");
    assert_eq!(shown["causes"]["state"]["name"], "continued");
    assert_eq!(shown["causes"]["client"]["name"], "started");
    let shown = asker.json(&account, &enrolled).await;
    assert_eq!(
        (&shown["mfa"], &shown["factors"]),
        (&json!(true), &json!(["totp"]))
    );
    assert_eq!(shown["causes"]["factors"]["name"], "factor_added");
    assert_eq!(shown["causes"]["display_name"]["name"], "registered");

    // Another session, which went on from elsewhere.
    let both = [second.session, first.session];
    assert_eq!(asker.ids(&hers, &signed_in).await, both);
    for (at, here, gone) in [
        (&signed_in, "203.0.113.7", "198.51.100.9"),
        (&moved, "198.51.100.9", "203.0.113.7"),
    ] {
        let path = format!("/v1/admin/sessions?ip={here}");
        assert_eq!(asker.ids(&path, at).await, [second.session], "{at}");
        let path = format!("/v1/admin/sessions?ip={gone}/24");
        assert_eq!(asker.ids(&path, at).await, nobody, "{at}");
    }
    let shown = asker.json(&two, &signed_in).await;
    assert_eq!(
        (&shown["generation"], &shown["ip"]),
        (&json!(1), &json!("203.0.113.7"))
    );
    assert_eq!(shown["user_agent"], "phone/1");
    let shown = asker.json(&two, &moved).await;
    assert_eq!(
        (&shown["generation"], &shown["ip"]),
        (&json!(2), &json!("198.51.100.9"))
    );
    assert_eq!(shown["causes"]["ip"]["name"], "refreshed");
    assert_eq!(shown["causes"]["user_agent"]["name"], "started");
    assert_eq!(
        asker.json(&account, &signed_in).await["display_name"],
        "Ada"
    );
    let shown = asker.json(&account, &moved).await;
    assert_eq!(shown["display_name"], "Countess");
    assert_eq!(shown["causes"]["display_name"]["name"], "profile_changed");
    let listed = asker.ask("/v1/admin/accounts?q=countess", &moved).await;
    assert_eq!(ids(&listed.items()), [first.account]);
    let listed = asker.ask("/v1/admin/accounts?q=countess", &signed_in).await;
    assert_eq!(ids(&listed.items()), nobody);

    // The end, and who was behind it.
    for (at, active, revoked) in [(&moved, &both[..], &nobody[..]), (&over, &nobody, &both)] {
        let list = async |state: &str| asker.ids(&format!("{hers}&state={state}"), at).await;
        assert_eq!(list("active").await, active, "{at}");
        assert_eq!(list("revoked").await, revoked, "{at}");
        assert_eq!(list("expired").await, nobody, "{at}");
        assert_eq!(list("any").await, both, "{at}");
    }
    let shown = asker.json(&two, &over).await;
    assert_eq!(shown["state"], "revoked");
    let cause = &shown["causes"]["state"];
    assert_eq!(
        (&cause["noun"], &cause["name"]),
        (&json!("account"), &json!("sessions_ended"))
    );
    assert_eq!(cause["by"], asker.operator.account.to_string());
    assert_eq!(shown["ended"]["at"], cause["at"]);
    let shown = asker.json(&account, &over).await;
    assert_eq!(shown["state"], "suspended");
    assert_eq!(shown["causes"]["state"]["name"], "suspended");

    // What had happened by then.
    let events = asker.ask(&format!("{one}/events"), &registered).await;
    assert_eq!(names(&events.items()), ["started"]);
    let events = asker.ask(&format!("{one}/events"), &enrolled).await;
    let events = events.items();
    assert_eq!(names(&events)[..2], ["started", "continued"]);
    let events = asker.ask(&format!("{account}/events?limit=1"), &over).await;
    assert!(events.next().is_some());
    let events = asker.ask(&format!("{account}/events"), &moved).await;
    assert!(!names(&events.items()).contains(&"suspended"));
    let events = asker.ask(&format!("{account}/events"), &over).await;
    assert!(names(&events.items()).contains(&"suspended"));

    // As of the end, it is what it is now; and none of it changes.
    world.projected().await;
    let mut now = asker.get(&two).await.expect(200).json();
    let mut then = asker.json(&two, &over).await;
    for shown in [&mut now, &mut then] {
        shown.as_object_mut().expect("fields").remove("causes");
    }
    assert_eq!(now, then);
    let reinstate = world.post(&format!("{account}/reinstate"), &reason);
    let reinstated = reinstate.by(&asker.operator.access).send().await;
    reinstated.expect(204);
    login_from(&world, &ada, "203.0.113.9", "phone/1").await;
    asker.nothing_has_changed().await;
}
