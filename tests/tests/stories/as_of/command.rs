//! The past on the command line.

use serde_json::json;

use super::moment;
use crate::support::{World, email, program};

#[tokio::test]
async fn the_past_is_listed_and_shown_with_what_led_to_it() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let registered = moment().await;
    let name = json!({ "display_name": "Count\u{202e}ess" });
    let renamed = world.patch("/v1/me", &name).by(&ada.access).send();
    renamed.await.expect(200);
    world.logout(&ada.refresh).await.expect(204);
    world.projected().await;
    let left = moment().await;
    let session = ada.session.to_string();
    let account = ada.account.to_string();

    for (at, state, ended) in [(&registered, "active", true), (&left, "revoked", false)] {
        let list = ["sessions", "list", "--as-of", at, "--state", "active"];
        let said = program(&world, &operator, &[&list[..], &["-o", "id"]].concat()).await;
        let is_listed = said.ended(0).out.contains(&session);
        assert_eq!(is_listed, ended, "{at}");
        let show = ["sessions", "show", &session, "--as-of", at, "-o", "jsonl"];
        let shown = program(&world, &operator, &show).await.ended(0).json();
        assert_eq!(shown["state"], state);
    }
    // As people type it, and as the service said it.
    let typed = registered.replace('T', " ");
    let typed = typed.split('.').next().expect("a time");
    for words in [
        ["sessions", "list", "--as-of", typed],
        ["accounts", "list", "--as-of", "00:00"],
    ] {
        program(&world, &operator, &words).await.ended(0);
    }
    let path = format!("/v1/admin/accounts/{account}?as_of={registered}");
    let answer = world.get(&path).by(&operator.access).send().await;
    let said = answer.expect(200).header("countersign-as-of").to_owned();
    let show = ["accounts", "show", &account, "--as-of", &said];
    let shown = program(&world, &operator, &show).await.ended(0);
    let lines = shown.lines();
    let at = lines.iter().position(|line| *line == "display_name: Ada");
    let cause = lines[at.expect("a field") + 1];
    assert!(cause.contains("account registered at "), "{cause}");

    let show = ["accounts", "show", &account, "--as-of", &left];
    let shown = program(&world, &operator, &show).await.ended(0);
    assert!(
        shown.out.contains("account profile_changed"),
        "{}",
        shown.out
    );
    assert!(!shown.out.contains('\u{202e}'), "{}", shown.out);
    let show = ["accounts", "list", "--as-of", &left, "-o", "id"];
    let listed = program(&world, &operator, &show).await.ended(0);
    assert!(listed.lines().contains(&account.as_str()));
    // As of now nothing led to anything.
    let show = ["sessions", "show", &session];
    let shown = program(&world, &operator, &show).await.ended(0);
    assert!(!shown.out.contains("session started"), "{}", shown.out);

    let bad = ["sessions", "list", "--as-of", "yesterday"];
    let said = program(&world, &operator, &bad).await.ended(2);
    assert!(said.err.contains("not a time"), "{}", said.err);
    let ahead = ["sessions", "list", "--as-of", "2999-01-01 00:00"];
    let said = program(&world, &operator, &ahead).await;
    assert!(said.ended(2).err.contains("validation_failed"));
}
