//! What operators do on the command line, with the program itself.

mod accounts;
mod endings;
mod events;
mod output;

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use crate::support::{PATIENCE, Registered, World, email, eventually, program, soon};

#[tokio::test]
async fn a_service_is_registered_disabled_and_enabled() {
    let world = World::start().await;
    let operator = world.operator().await;
    let add = [
        "clients",
        "add",
        "--name",
        "Orders \u{6771}",
        "--serves",
        "orders",
        "--audience",
        "stock",
        "--audience",
        "mail",
        "--scope",
        "stock:read",
        "-o",
        "json",
    ];
    let added = program(&world, &operator, &add).await.ended(0).json();
    let text = |name: &str| added[name].as_str().expect("text").to_owned();
    let client = Registered {
        id: text("client_id"),
        secret: text("secret"),
        secret_id: text("id"),
    };
    let stock = [("audience", "stock"), ("scope", "stock:read")];
    world.token_of(&client, &stock).await;
    world.projected().await;
    let listed = program(&world, &operator, &["clients", "list", "-o", "jsonl"]).await;
    let listed = listed.ended(0).json();
    assert_eq!(listed["id"], client.id);
    assert_eq!(listed["name"], "Orders \u{6771}");
    assert_eq!(listed["serves"], json!(["orders"]));
    assert_eq!(listed["audiences"], json!(["stock", "mail"]));
    assert_eq!(listed["scopes"], json!(["stock:read"]));

    let id = client.id.as_str();
    let token = world.token_of(&client, &stock).await;
    let disable = ["clients", "disable", id, "--reason", "leaked", "--wait"];
    let said = program(&world, &operator, &disable).await.ended(0);
    assert!(said.out.contains(id), "{}", said.out);
    assert_eq!(said.err, "applied by 1 of 1 verifiers\n");
    world
        .ask_token(&client, &stock)
        .await
        .oauth_error(401, "invalid_client");
    world.projected().await;
    let said = program(&world, &operator, &["clients", "list"]).await;
    assert!(said.ended(0).lines()[1].contains("disabled"));
    let enable = ["clients", "enable", id];
    program(&world, &operator, &enable).await.ended(0);
    let again = world.token_of(&client, &stock).await;
    assert!(world.is_active(&client, &again).await);
    assert!(!world.is_active(&client, &token).await);

    // One secret in the place of another.
    let add = ["clients", "secret", "add", id, "-o", "id"];
    let said = program(&world, &operator, &add).await.ended(0);
    let second = client.with_secret(said.lines()[1]);
    let remove = ["clients", "secret", "remove", id, &client.secret_id];
    program(&world, &operator, &remove).await.ended(0);
    world
        .ask_token(&client, &stock)
        .await
        .oauth_error(401, "invalid_client");
    world.token_of(&second, &stock).await;
    // Who may not is told so, and no secret is in what they are told.
    let eve = world.register(&email("eve")).await;
    let said = program(&world, &eve, &add).await.ended(1);
    assert!(said.out.is_empty() && !said.err.contains("csc_"));
}

#[tokio::test]
async fn keys_are_listed_and_revoked() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let kids = async || {
        let list = ["keys", "list", "-o", "id"];
        let said = program(&world, &operator, &list).await.ended(0);
        said.lines().into_iter().map(str::to_owned).collect()
    };
    let before: Vec<String> = kids().await;
    let [first] = before.as_slice() else {
        panic!("{before:?}")
    };
    assert_eq!(world.app.signing_key().key_id(), first);
    let rotate = ["keys", "rotate", "--reason", "once a quarter"];
    program(&world, &operator, &rotate[..2]).await.ended(2);
    program(&world, &operator, &rotate).await.ended(0);
    let both: Vec<String> = kids().await;
    assert_eq!((both.len(), &both[1]), (2, first));
    let revoke = async |kid: &str| {
        let words = ["keys", "revoke", kid, "--reason", "stolen", "--wait"];
        let said = program(&world, &operator, &words).await.ended(0);
        assert!(said.out.contains(kid), "{}", said.out);
    };
    revoke(&both[0]).await;
    let said = program(&world, &operator, &["keys", "list"]).await.ended(0);
    let states: Vec<_> = said.lines()[1..]
        .iter()
        .map(|line| line.split_whitespace().nth(2))
        .collect();
    assert_eq!(states, [Some("revoked"), Some("active")]);
    world.verify(&ada.access).await.expect(200);
    revoke(first).await;
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
    // The operator's own token was signed with it.
    let said = program(&world, &operator, &["keys", "list"]).await;
    assert!(said.code != 0 && said.out.is_empty(), "{}", said.out);
}

#[tokio::test]
async fn an_order_is_previewed_and_ends_exactly_so_many() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    let ada = [world.register(&address).await, world.login(&address).await];
    let eve = world.register(&email("eve")).await;
    let condition = format!("account={} client=first-party", ada[0].account);
    let sessions = |more: &[&'static str]| {
        let mut words = vec!["sessions", "revoke", "--where"];
        words.push(&condition);
        words.extend(more);
        words
    };
    let before = world.ends().await;
    let said = program(&world, &operator, &sessions(&["--dry-run", "-o", "json"])).await;
    assert_eq!(said.ended(0).json()["matched"], 2);
    let said = program(&world, &operator, &sessions(&["--dry-run"])).await;
    assert!(said.ended(0).out.starts_with("2 sessions of 1 accounts"));
    // Nobody is there to be asked, or it is another number, or a typo.
    let reason = ["--reason", "incident 311"];
    let said = program(&world, &operator, &sessions(&reason)).await;
    assert!(said.ended(2).err.contains("--expect"));
    let said = program(&world, &operator, &sessions(&["--expect", "2"])).await;
    said.ended(2);
    let other = [&reason[..], &["--expect", "3"]].concat();
    program(&world, &operator, &sessions(&other)).await.ended(1);
    let typo = ["sessions", "revoke", "--where", "cleint=x", "--dry-run"];
    program(&world, &operator, &typo).await.ended(2);
    assert_eq!(world.ends().await, before, "nothing was written");

    let right = [&reason[..], &["--expect", "2", "--wait", "-o", "json"]].concat();
    let said = program(&world, &operator, &sessions(&right)).await.ended(0);
    let order = said.json();
    assert_eq!(
        (&order["state"], &order["ended"]),
        (&json!("completed"), &json!(2))
    );
    for one in &ada {
        world.refresh(&one.refresh).await.expect(401);
        let refused = async || world.verify(&one.access).await.code() == "token_revoked";
        eventually(PATIENCE, refused).await;
    }
    world.verify(&eve.access).await.expect(200);
    world.projected().await;
    let id = order["id"].as_str().expect("an id");
    let list = ["revocations", "list", "-o", "id"];
    let said = program(&world, &operator, &list).await.ended(0);
    assert_eq!(said.lines(), [id]);
    let items = ["revocations", "items", id, "--state", "ended", "-o", "id"];
    let said = program(&world, &operator, &items).await.ended(0);
    let ended = said.lines();
    let ended: BTreeSet<Uuid> = ended.iter().map(|id| id.parse().expect("an id")).collect();
    assert_eq!(ended, ada.iter().map(|one| one.session).collect());
}

#[tokio::test]
async fn an_order_that_is_waited_for_names_who_has_not_applied_it() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let listed = async |name: &str| {
        let list = ["verifiers", "list"];
        let said = program(&world, &operator, &list).await.ended(0);
        said.lines().iter().any(|line| line.contains(name))
    };
    eventually(PATIENCE, || listed("serve/")).await;
    let report = json!({
        "v": 1, "id": Uuid::from_u128(7), "name": "stopped", "seq": null, "cursor": null,
        "kids": [], "staleness_ms": null, "max_staleness_ms": 10_000, "leaving": false,
    });
    let subject = format!("{}.ver.report", world.log.prefix());
    let payload = report.to_string().into_bytes().into();
    let heard = soon(world.log.client().request(subject, payload)).await;
    heard.expect("an answer");
    assert!(listed("stopped").await);
    let condition = format!("account={} client=first-party", ada.account);
    let words = [
        "sessions", "revoke", "--where", &condition, "--reason", "x", "--expect", "1", "--wait",
    ];
    let said = program(&world, &operator, &words).await.ended(6);
    assert!(said.err.contains("stopped"), "{}", said.err);
    assert!(!said.err.contains("serve/"), "{}", said.err);
    assert!(said.lines()[1].contains("completed"), "{}", said.out);
}
