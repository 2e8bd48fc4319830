//! What operators do about one account.

use serde_json::json;
use uuid::Uuid;

use crate::support::{Canned, PASSWORD, Reply, World, email, program, program_at};

#[tokio::test]
async fn an_account_is_shown_suspended_and_reinstated() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    let ada = world.register(&address).await;
    world.projected().await;
    let id = ada.account.to_string();
    let show = ["accounts", "show", &id];
    let said = program(&world, &operator, &show).await.ended(0);
    assert!(said.out.contains(&address) && said.out.contains("active"));
    let show = ["accounts", "show", &id, "-o", "json"];
    let shown = program(&world, &operator, &show).await.ended(0).json();
    assert_eq!(shown["id"], id);
    assert_eq!(shown["email"], address.as_str());

    let words = ["--reason", "incident 311", "--wait", "-o", "json"];
    let suspend = [&["accounts", "suspend", &id], &words[..]].concat();
    let said = program(&world, &operator, &suspend).await.ended(0);
    assert_eq!(said.err, "applied by 1 of 1 verifiers\n");
    let said = said.json();
    assert_eq!(said["id"], id);
    assert_eq!(said["applied"]["behind"], json!([]));
    assert!(
        said["position"]
            .as_str()
            .is_some_and(|text| text.contains('.'))
    );
    world.verify(&ada.access).await.expect(401);
    assert_ne!(world.try_login(&address, PASSWORD).await.status, 200);

    let reinstate = ["accounts", "reinstate", &id, "--reason", "over", "-o", "id"];
    let said = program(&world, &operator, &reinstate).await.ended(0);
    assert_eq!(said.lines(), [id.as_str()]);
    let again = world.login(&address).await;
    let revoke = ["accounts", "revoke-sessions", &id, "--reason", "lost phone"];
    let said = program(&world, &operator, &revoke).await.ended(0);
    assert!(said.out.contains("as of"), "{}", said.out);
    world.refresh(&again.refresh).await.expect(401);
    let reset = ["accounts", "reset-factors", &id, "--reason", "lost phone"];
    program(&world, &operator, &reset).await.ended(0);

    // Nothing is done without a reason, and nobody unknown is found.
    let suspend = ["accounts", "suspend", &id];
    program(&world, &operator, &suspend).await.ended(2);
    world.login(&address).await;
    let nobody = Uuid::from_u128(7).to_string();
    let show = ["accounts", "show", &nobody];
    let said = program(&world, &operator, &show).await.ended(5);
    assert!(said.out.is_empty(), "{}", said.out);
}

#[tokio::test]
async fn an_account_is_named_by_its_address_and_by_no_part_of_it() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    // The address of somebody else contains it.
    let longer = world.register(&format!("x{address}")).await;
    let ada = world.register(&address).await;
    world.projected().await;
    let shouted = address.to_uppercase();
    let show = ["accounts", "show", &shouted, "-o", "id"];
    let said = program(&world, &operator, &show).await.ended(0);
    assert_eq!(said.lines(), [ada.account.to_string()]);
    let show = ["accounts", "show", &address, "--as-of", "-0s", "-o", "id"];
    let said = program(&world, &operator, &show).await.ended(0);
    assert_eq!(said.lines(), [ada.account.to_string()]);
    let attempts = ["accounts", "attempts", &address, "-o", "json"];
    program(&world, &operator, &attempts).await.ended(0);
    let suspend = ["accounts", "suspend", &address, "--reason", "x", "-o", "id"];
    let said = program(&world, &operator, &suspend).await.ended(0);
    assert_eq!(said.lines(), [ada.account.to_string()]);
    world.refresh(&ada.refresh).await.expect(401);
    world.refresh(&longer.refresh).await.expect(200);
    world.projected().await;
    let said = program(&world, &operator, &["accounts", "list"]).await;
    let said = said.ended(0);
    assert!(said.lines()[0].contains("STATE"), "{}", said.out);
    let row = |of: &str| said.lines().into_iter().find(|line| line.contains(of));
    let row = row(&ada.account.to_string()).expect("a row");
    assert!(row.contains("suspended"), "{row}");

    let part = &address[1..];
    for (words, exit) in [
        (["accounts", "show", part], 5),
        (["accounts", "show", "ada"], 2),
    ] {
        let said = program(&world, &operator, &words).await.ended(exit);
        assert!(said.out.is_empty(), "{}", said.out);
        assert!(said.err.contains("accounts list --q"), "{}", said.err);
    }
}

#[tokio::test]
async fn why_the_last_login_failed_is_told_newest_first() {
    let account = Uuid::from_u128(7);
    let (session, request) = (Uuid::from_u128(8), Uuid::from_u128(9));
    let page = json!({
        "items": [
            {"at": "2026-11-22T14:03:07Z", "outcome": "wrong_factor",
             "network": "203.0.113.0/24", "correlation_id": request},
            {"at": "2026-11-22T14:02:07Z", "outcome": "throttled", "network": "203.0.113.0/24"},
            {"at": "2026-11-21T14:02:07Z", "outcome": "signed_in", "session_id": session},
        ],
        "next": null,
    });
    let path = format!("GET /v1/admin/accounts/{account}/attempts?limit=50");
    let canned = Canned::start([(path, Reply::json(200, &page))]).await;
    let account = account.to_string();
    let attempts = ["accounts", "attempts", &account];
    let said = program_at(&canned.url, "t", &attempts).await.ended(0);
    let lines = said.lines();
    assert_eq!(lines.len(), 4, "{}", said.out);
    assert!(lines[1].starts_with("2026-11-22T14:03:07Z  wrong factor"));
    assert!(lines[1].ends_with(&request.to_string()));
    assert!(lines[3].contains("signed in") && lines[3].ends_with(&session.to_string()));
    assert_eq!(said.err, "", "there is one page");
    let attempts = [&attempts[..], &["-o", "json"]].concat();
    let said = program_at(&canned.url, "t", &attempts).await.ended(0);
    assert_eq!(said.json(), page["items"]);
}
