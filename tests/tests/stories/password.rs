//! Another password, by somebody who knows the present one.

use std::time::Duration;

use countersign_events::AccountId;
use countersign_log::VaultKey;
use futures_util::future::join;
use serde_json::json;

use crate::support::{Enrolled, Mailbox, PASSWORD, SignedIn, World, email};

const OTHER: &str = "copper-Meadow-73-whistle";
const THIRD: &str = "hollow-Thunder-19-cabinet";

/// Longer than an authentication counts as new.
const STALE: Duration = Duration::from_secs(301);

/// The same session with the access token of an answer.
fn going_on(session: &SignedIn, answer: &crate::support::Answer) -> SignedIn {
    SignedIn {
        access: answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned(),
        position: answer.position(),
        ..session.clone()
    }
}

#[tokio::test]
async fn ab_61_a_changed_password_ends_every_other_session_and_this_one_goes_on() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let other = world.second_service().await;
    let address = email("ada");
    let here = world.register(&address).await;
    let there = world.login(&address).await;
    let changed = world
        .change_password(&here.access, Some(PASSWORD), OTHER)
        .await
        .expect(200);
    let here_after = going_on(&here, &changed);

    for service in [&world.client, &other.client] {
        crate::support::eventually(crate::support::PATIENCE, || async {
            service.verify(&there.access).await.code() == "token_revoked"
        })
        .await;
        service
            .refresh(&there.refresh)
            .await
            .refused(401, "session_revoked");
        // Also what the session itself had before.
        service
            .verify(&here.access)
            .await
            .refused(401, "token_revoked");
        service.verify(&here_after.access).await.expect(200);
    }
    let renewed = here_after.renewed(&world.refresh(&here.refresh).await);
    world.verify(&renewed.access).await.expect(200);
    let _ = renewed.renewed(&other.refresh(&renewed.refresh).await);

    world
        .try_login(&address, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    world.try_login(&address, OTHER).await.expect(200);
    other.try_login(&address, OTHER).await.expect(200);
    other
        .try_login(&address, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    mailbox.open(&address, "Your password was changed").await;
}

#[tokio::test]
async fn it_takes_the_present_password_or_a_new_authentication() {
    let world = World::start().await;
    let address = email("ada");
    let ada = world.register(&address).await;
    // Signed in a moment ago.
    let changed = world.change_password(&ada.access, None, OTHER).await;
    let ada = going_on(&ada, &changed.expect(200));
    world.later(STALE);
    let stale = world.change_password(&ada.access, None, THIRD).await;
    let stale = stale.refused(401, "insufficient_user_authentication");
    let challenge = stale.header("www-authenticate").to_owned();
    assert!(challenge.contains("max_age=\"300\""), "{challenge}");
    world
        .change_password(&ada.access, Some(PASSWORD), THIRD)
        .await
        .refused(401, "invalid_credentials");
    world.try_login(&address, OTHER).await.expect(200);
    let changed = world.change_password(&ada.access, Some(OTHER), THIRD).await;
    let ada = going_on(&ada, &changed.expect(200));
    let stepped = world.step_up(&ada.access, "password", THIRD).await;
    let ada = going_on(&ada, &stepped.expect(200));
    world
        .change_password(&ada.access, None, PASSWORD)
        .await
        .expect(200);
    world.try_login(&address, PASSWORD).await.expect(200);
    // Nobody who has not signed in.
    let form = json!({ "current_password": PASSWORD, "new_password": OTHER });
    let nobody = world.post("/v1/auth/password/change", &form).send().await;
    nobody.refused(401, "token_missing");
}

#[tokio::test]
async fn with_a_second_factor_the_present_password_alone_is_not_enough() {
    let world = World::start().await;
    let address = email("ada");
    let weak = world.register(&address).await;
    let ada = Enrolled::of(&world, address, weak.clone()).await;
    world
        .change_password(&weak.access, Some(PASSWORD), OTHER)
        .await
        .refused(401, "token_revoked");
    let changed = world
        .change_password(&ada.session.access, Some(PASSWORD), OTHER)
        .await;
    changed.expect(200);
    // Another factor, another password: the codes still count.
    let answer = world.try_login(&ada.email, OTHER).await.expect(200);
    assert_eq!(answer.json()["status"], "mfa_required");
}

#[tokio::test]
async fn wrong_present_passwords_are_counted_where_logins_are() {
    let world = World::start().await;
    let address = email("ada");
    let ada = world.register(&address).await;
    for _ in 0..5 {
        world
            .change_password(&ada.access, Some("wrong-horse-battery"), OTHER)
            .await
            .refused(401, "invalid_credentials");
    }
    // Now even the right one has to wait, here and at the login.
    let told = world
        .change_password(&ada.access, Some(PASSWORD), OTHER)
        .await
        .refused(429, "rate_limited");
    assert!(!told.header("retry-after").is_empty(), "{told:?}");
    world
        .try_login(&address, PASSWORD)
        .await
        .refused(429, "rate_limited");
    world.later(Duration::from_secs(2));
    world
        .change_password(&ada.access, Some(PASSWORD), OTHER)
        .await
        .expect(200);
    world.try_login(&address, OTHER).await.expect(200);
}

#[tokio::test]
async fn ab_17_a_password_that_is_easy_to_guess_is_refused_with_the_reason() {
    let file = std::env::temp_dir().join(format!("blocklist-{}.txt", std::process::id()));
    let blocked = "Zephyr-quartz-81-Harbor";
    std::fs::write(&file, format!("something else\n{blocked}\r\n")).expect("a list");
    let path = file.to_str().expect("a path").to_owned();
    let (world, mailbox) = Mailbox::with(&[("password_blocklist", &path)]).await;
    let address = email("lovelace.ada");
    let ada = world.register(&address).await;
    world.forgot(&address).await.expect(202);
    let token = mailbox
        .token(&address, crate::support::mailbox::RESET)
        .await;
    let shouted = blocked.to_uppercase();
    for weak in [
        "password",
        "1234567",
        "countersign",
        &address,
        "Ada",
        blocked,
        &shouted,
    ] {
        let form = json!({ "email": email("new"), "password": weak });
        let registered = world.post("/v1/auth/register", &form).send().await;
        let changed = world.change_password(&ada.access, None, weak).await;
        let reset = world.reset_password(&token, weak).await;
        for (way, answer) in [
            ("change", changed),
            ("reset", reset),
            ("register", registered),
        ] {
            // An address is a good password for somebody who has another one.
            if way == "register" && weak == address {
                continue;
            }
            let answer = answer.refused(400, "password_weak");
            let detail = answer.json()["detail"].as_str().map(str::to_owned);
            let detail = detail.expect("a reason");
            assert!(detail.len() > 10, "{way} {weak}: {detail}");
            for own in [blocked, &address] {
                assert!(!answer.text().contains(own), "{way}: it is repeated");
            }
        }
    }
    world.try_login(&address, PASSWORD).await.expect(200);
    // Nothing of this has used the token up.
    world.reset_password(&token, OTHER).await.expect(204);
    world.try_login(&address, OTHER).await.expect(200);
    std::fs::remove_file(&file).expect("removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_at_once_one_wins() {
    let world = World::start().await;
    let service = world.second_service().await;
    for _ in 0..5 {
        let address = email("ada");
        let one = world.register(&address).await;
        let two = world.login(&address).await;
        let (first, second) = join(
            world.change_password(&one.access, Some(PASSWORD), OTHER),
            service.change_password(&two.access, Some(PASSWORD), THIRD),
        )
        .await;
        let mut codes = Vec::new();
        for (answer, password) in [(&first, OTHER), (&second, THIRD)] {
            let wins = answer.status == 200;
            codes.push((answer.status, answer.code()));
            let login = world.try_login(&address, password).await.status;
            assert_eq!(login == 200, wins, "{}", answer.text());
        }
        assert_eq!(codes.iter().filter(|(status, _)| *status == 200).count(), 1);
        let lost = codes.iter().find(|(status, _)| *status != 200);
        let (status, code) = lost.expect("one lost");
        // Whoever came a moment later finds the session over, or the password
        // to be another.
        let expected = [
            (409, "conflict"),
            (401, "token_revoked"),
            (401, "invalid_credentials"),
        ];
        assert!(expected.contains(&(*status, code.as_str())), "{codes:?}");
    }
}

/// The parameters have risen, and who logs in brings their hash up to them.
#[tokio::test]
async fn a_login_hashes_anew_what_was_hashed_for_less() {
    let world = World::start().await;
    let dearer = world
        .second_service_with(&[("password_iterations", "3")])
        .await;
    let address = email("ada");
    let ada = world.register(&address).await;
    let id = AccountId::from_uuid(ada.account);
    let hashes = async || {
        let account = world.app.accounts.current(id).await.expect("the log");
        let live = account.state.password.expect("a password");
        let kept = world.log.vault().credentials(Some(id)).await;
        assert_eq!(kept.expect("the vault"), [(id, live)], "no other is kept");
        let key = VaultKey::Credential(id, live);
        let hash = world.log.vault().get(key).await.expect("the vault");
        String::from_utf8(hash.expect("a hash").to_vec()).expect("PHC")
    };
    let cheap = hashes().await;
    assert!(cheap.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));

    // Neither a wrong password nor a service of before changes it.
    dearer
        .try_login(&address, OTHER)
        .await
        .refused(401, "invalid_credentials");
    world.login(&address).await;
    assert_eq!(hashes().await, cheap);
    dearer.login(&address).await;
    let dear = hashes().await;
    assert!(dear.starts_with("$argon2id$v=19$m=19456,t=3,p=1$"));
    // It is the same password: nobody was signed out, and nothing goes back.
    world.verify(&ada.access).await.expect(200);
    world.login(&address).await;
    dearer.login(&address).await;
    assert_eq!(hashes().await, dear);
}
