//! Every way in which a session ends revokes the same way: nothing of it is
//! accepted any more, wherever it is shown.

mod walk;

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_events::{EventSet, SessionEvent};
use serde_json::{Value, json};

use self::walk::Scene;
use crate::support::{email, eventually};

/// The bound within which everybody refuses.
const BOUND: Duration = Duration::from_secs(2);

/// A way in which sessions end.
#[derive(Debug, Clone, Copy)]
enum Path {
    Logout,
    LogoutAll,
    ReplacedInBrowser,
    OwnOther,
    OAuthRevoke,
    OneByOperator,
    AllByOperator,
    ByClient,
    ByNetwork,
    ByAccount,
    Suspended,
    RolesChanged,
    PasswordChanged,
    PasswordReset,
    CodeAdded,
    PasskeyAdded,
    FactorRemoved,
    FactorsReset,
    Reused,
    ErasedByOwner,
    ErasedByOperator,
}

/// The path, the reason that is stored, the operations that are it, and
/// whether the session that did it goes on.
const PATHS: &[(Path, &str, &[&str], bool)] = &[
    (Path::Logout, "logout", &["logout"], false),
    (Path::LogoutAll, "logout_all", &["logout_all"], false),
    (
        Path::ReplacedInBrowser,
        "logout",
        &["login", "register", "mfa", "passkey_login"],
        true,
    ),
    (Path::OwnOther, "ended_by_owner", &["end_my_session"], true),
    (Path::OAuthRevoke, "logout", &["revoke_token"], true),
    (
        Path::OneByOperator,
        "revoked_by_operator",
        &["revoke_session"],
        true,
    ),
    (
        Path::AllByOperator,
        "revoked_by_operator",
        &["revoke_account_sessions"],
        false,
    ),
    (
        Path::ByClient,
        "revoked_by_operator",
        &["start_revocation"],
        false,
    ),
    (
        Path::ByNetwork,
        "revoked_by_operator",
        &["start_revocation"],
        true,
    ),
    (
        Path::ByAccount,
        "revoked_by_operator",
        &["start_revocation"],
        false,
    ),
    (Path::Suspended, "suspended", &["suspend_account"], false),
    (Path::RolesChanged, "roles_changed", &["set_roles"], false),
    (
        Path::PasswordChanged,
        "password_changed",
        &["change_password"],
        true,
    ),
    (
        Path::PasswordReset,
        "password_reset",
        &["reset_password"],
        false,
    ),
    (Path::CodeAdded, "factor_changed", &["confirm_totp"], true),
    (
        Path::PasskeyAdded,
        "factor_changed",
        &["confirm_passkey"],
        true,
    ),
    (
        Path::FactorRemoved,
        "factor_changed",
        &["remove_factor"],
        true,
    ),
    (
        Path::FactorsReset,
        "factor_changed",
        &["reset_factors"],
        false,
    ),
    (Path::Reused, "refresh_reused", &["refresh"], false),
    (Path::ErasedByOwner, "erased", &["erase_me"], false),
    (Path::ErasedByOperator, "erased", &["erase_account"], false),
];

/// What ends something else than a session, and is walked below by itself.
const NOT_SESSIONS: &[&str] = &["disable_client", "revoke_key"];

/// Operations that change something and end nothing. A new operation is
/// neither here nor above, and the test says so.
const ENDS_NOTHING: &[&str] = &[
    "passkey_options",
    "forgot_password",
    "confirm_email",
    "step_up",
    "request_verification",
    "request_email_change",
    "update_me",
    "offer_totp",
    "offer_passkey",
    "replace_recovery_codes",
    "rename_factor",
    "cancel_revocation",
    "reinstate_account",
    "rotate_keys",
    "repair_projections",
    "rebuild_projections",
    "register_client",
    "change_client",
    "add_client_secret",
    "remove_client_secret",
    "set_client_keys",
    "enable_client",
    "token",
    "introspect",
    "report_verifier",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ab_40_ab_59_ab_60_every_path_ends_everything_everywhere_and_nothing_else() {
    let scene = Scene::set().await;
    for (path, reason, _, goes_on) in PATHS {
        let walked = scene.walk(*path).await;
        for dead in &walked.dead {
            scene.refuses_everything(*path, dead).await;
        }
        assert_eq!(
            walked.alive.is_some(),
            alive_at_end(*path, *goes_on),
            "{path:?}"
        );
        if let Some(alive) = &walked.alive {
            for service in [&scene.world.client, &scene.other.client] {
                service.verify(alive).await.expect(200);
            }
        }
        // The reason that was stored is the one that is shown.
        let dead = &walked.dead[0];
        scene.world.projected().await;
        let row = scene.world.read_models().await.session(dead.session).await;
        match row {
            Some((_, found)) => assert_eq!(found.as_deref(), Some(*reason), "{path:?}"),
            None => assert_eq!(*reason, "erased", "{path:?}"),
        }
    }
}

/// Where the session that did it ends too, another of the person may go on.
fn alive_at_end(path: Path, goes_on: bool) -> bool {
    goes_on || matches!(path, Path::Logout | Path::Reused)
}

#[tokio::test]
async fn ab_59_a_disabled_client_and_a_revoked_key_end_what_they_stand_for() {
    let scene = Scene::set().await;
    let world = &scene.world;
    let audience = world.app.config.audience.clone();
    let scopes = ["revocations:read"];
    let service = world
        .client_of(&scene.operator, &[], &[&audience], &scopes)
        .await;
    let token = world.token_of(&service, &[]).await;
    assert!(world.is_active(&scene.resource, &token).await);
    let path = format!("/v1/admin/clients/{}/disable", service.id);
    let disabled = scene.operate(&path, &json!({ "reason": "leaked" })).await;
    disabled.expect(204);
    for client in [&scene.world.service, &scene.other] {
        eventually(BOUND, || async {
            !client.is_active(&scene.resource, &token).await
        })
        .await;
        let checked = client.app.verifier.check(&token, world.seconds());
        assert!(checked.is_err(), "{checked:?}");
        client.ask_token(&service, &[]).await.expect(401);
    }

    // A key: every token it signed, and no session.
    let ada = world.register(&email("ada")).await;
    let keys = world.get("/v1/admin/keys").by(&scene.operator.access);
    let keys = keys.send().await.items();
    let active = keys.iter().find(|key| key["state"] == "active");
    let kid = active.expect("a key")["kid"].as_str().expect("a kid");
    let path = format!("/v1/admin/keys/{kid}/revoke");
    let revoked = scene.operate(&path, &json!({ "reason": "stolen" })).await;
    assert!(revoked.status < 300, "{}", revoked.text());
    for client in [&scene.world.service, &scene.other] {
        eventually(BOUND, || async {
            client.verify(&ada.access).await.status == 401
        })
        .await;
        let checked = client.app.verifier.check(&ada.access, world.seconds());
        assert!(checked.is_err(), "{checked:?}");
    }
    let renewed = ada.renewed(&world.refresh(&ada.refresh).await);
    world.verify(&renewed.access).await.expect(200);
}

/// A new reason, or a new operation that changes something, is on the table or
/// says that it ends nothing.
#[test]
fn no_path_is_forgotten() {
    let reasons: BTreeSet<&str> = PATHS.iter().map(|(_, reason, ..)| *reason).collect();
    let source = include_str!("../../../../events/src/session.rs");
    let known: BTreeSet<&str> = source
        .lines()
        .skip_while(|line| !line.contains("impl EndReason"))
        .take_while(|line| !line.contains("impl fmt::Display for EndReason"))
        .filter_map(|line| line.split_once("=> \"")?.1.split_once('"'))
        .map(|(word, _)| word)
        .collect();
    assert!(known.len() >= 11, "the reasons were not found");
    assert_eq!(reasons, known);
    assert_eq!(SessionEvent::NOUN.as_str(), "session");

    let document = countersign_api::document().expect("no gaps");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let mut said: BTreeSet<&str> = PATHS
        .iter()
        .flat_map(|(_, _, ids, _)| *ids)
        .copied()
        .collect();
    said.extend(NOT_SESSIONS);
    let quiet: BTreeSet<&str> = ENDS_NOTHING.iter().copied().collect();
    assert!(said.is_disjoint(&quiet));
    said.extend(&quiet);
    let mut writing = BTreeSet::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for (method, operation) in item.as_object().expect("methods") {
            if method != "get" {
                writing.insert(operation["operationId"].as_str().expect("an id"));
            }
        }
    }
    let missing: Vec<_> = writing.difference(&said).collect();
    assert!(missing.is_empty(), "does it end sessions? {missing:?}");
    let strange: Vec<_> = said.difference(&writing).collect();
    assert!(strange.is_empty(), "no such operation: {strange:?}");
}
