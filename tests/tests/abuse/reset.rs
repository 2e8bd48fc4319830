//! The way back by mail.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use countersign_domain::{AccountCommand, FactorCommand};
use countersign_events::{AccountId, FactorKind};
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::support::mailbox::{CHANGE, RESET, VERIFY};
use crate::support::{Answer, Client, Enrolled, Mailbox, PASSWORD, SignedIn, World, email};

const OTHER: &str = "copper-Meadow-73-whistle";
const THIRD: &str = "hollow-Thunder-19-cabinet";

/// How many use one token at the same time.
const RACERS: usize = 200;

/// All that an answer says but what is different in every answer.
fn said(answer: &Answer) -> (u16, BTreeMap<String, String>, String) {
    let own = |name: &str| !matches!(name, "date" | "countersign-request-id");
    let headers = answer.headers.iter();
    let headers = headers.filter(|(name, _)| own(name.as_str()));
    let text = |value: &reqwest::header::HeaderValue| value.to_str().expect("ASCII").to_owned();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value)));
    (answer.status, headers.collect(), answer.text())
}

async fn token_for(world: &World, mailbox: &Mailbox, address: &str) -> String {
    world.forgot(address).await.expect(202);
    mailbox.token(address, RESET).await
}

/// A token that opens nothing, and changes nothing.
async fn opens_nothing(world: &World, token: &str, why: &str) {
    let before = world.ends().await;
    let answer = world.reset_password(token, THIRD).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "link_invalid"),
        "{why}: {}",
        answer.text()
    );
    assert_eq!(world.ends().await, before, "{why}");
}

async fn events_of(world: &World, account: Uuid, name: &str) -> usize {
    let history = world
        .app
        .history(AccountId::from_uuid(account), 200, None)
        .await;
    let history = history.expect("a history").items;
    history.iter().filter(|event| event.name == name).count()
}

#[tokio::test]
async fn ab_11_a_forgotten_password_is_answered_alike_and_mailed_to_who_is_known() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let service = world.second_service().await;
    let (known, unknown) = (email("ada"), email("nobody"));
    // The other service has looked for it before there was anything.
    let early = service.forgot(&known).await.expect(202);
    let ada = world.register(&known).await;
    let of_unknown = world.forgot(&unknown).await.expect(202);
    let of_known = service.forgot(&known).await.expect(202);
    assert_eq!(said(&of_known), said(&of_unknown));
    assert_eq!(said(&of_known), said(&early));
    assert_eq!(
        said(&world.forgot("no address at all").await),
        said(&of_known)
    );
    mailbox.open(&known, RESET).await;
    mailbox.told(&world).await;
    assert!(mailbox.to(&unknown).is_empty());

    // Three in an hour, counted by all services together; the answer is ever
    // the same.
    for client in [&world.client, &service.client] {
        assert_eq!(said(&client.forgot(&known).await), said(&of_known));
        mailbox.open(&known, RESET).await;
    }
    for client in [&world.client, &service.client] {
        assert_eq!(said(&client.forgot(&known).await), said(&of_known));
    }
    // What somebody else asks for afterwards arrives.
    let grace = email("grace");
    world.register(&grace).await;
    token_for(&world, &mailbox, &grace).await;
    mailbox.told(&world).await;
    let asked = events_of(&world, ada.account, "password_reset_requested").await;
    assert_eq!(asked, 3);
    world.later(Duration::from_secs(3_601));
    token_for(&world, &mailbox, &known).await;
}

#[tokio::test]
async fn ab_11_it_takes_as_long_for_an_unknown_address() {
    let world = World::alone().await;
    let known = email("ada");
    world.register(&known).await;
    let mut apart = Duration::MAX;
    // A machine with other things to do is asked again.
    for _ in 0..3 {
        let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
        for round in 0..60 {
            // One network may ask only so often.
            if round % 10 == 0 {
                world.later(Duration::from_secs(3_601));
            }
            for (address, times) in [(&known, &mut of_known), (&email("nobody"), &mut of_unknown)] {
                let began = Instant::now();
                world.forgot(address).await.expect(202);
                times.push(began.elapsed());
            }
        }
        of_known.sort_unstable();
        of_unknown.sort_unstable();
        apart = of_known[30].abs_diff(of_unknown[30]);
        if apart <= Duration::from_millis(5) {
            return;
        }
    }
    panic!("the medians are {apart:?} apart");
}

#[tokio::test]
async fn ab_32_a_reset_logs_nobody_in_and_ends_everything() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let other = world.second_service().await;
    let ada = Enrolled::new(&world, "ada").await;
    let second = ada.login(&world).await;
    let waiting = world.begin_login(&ada.email).await;
    let token = token_for(&world, &mailbox, &ada.email).await;
    let reset = world.reset_password(&token, OTHER).await.expect(204);
    assert!(reset.body.is_empty(), "{}", reset.text());
    assert_eq!(reset.header("set-cookie"), "");
    for service in [&world.client, &other.client] {
        for session in [&ada.session, &second] {
            crate::support::eventually(crate::support::PATIENCE, || async {
                service.verify(&session.access).await.code() == "token_revoked"
            })
            .await;
            let refreshed = service.refresh(&session.refresh).await;
            refreshed.refused(401, "session_revoked");
        }
    }
    // A sign-in that knew the password of before ends with it.
    let code = ada.next_code(&world);
    let late = world.mfa(&waiting, "totp", &code).await;
    late.refused(401, "mfa_token_invalid");
    // The second factor is asked for as before.
    let login = world.try_login(&ada.email, OTHER).await.expect(200);
    assert_eq!(login.json()["status"], "mfa_required");
    assert!(login.json()["access_token"].is_null());
    let mfa_token = login.json()["mfa_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let code = ada.next_code(&world);
    let done = world.mfa(&mfa_token, "totp", &code).await.expect(200);
    let _ = SignedIn::of(&done);
    world
        .try_login(&ada.email, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    mailbox.open(&ada.email, "Your password was reset").await;
}

#[tokio::test]
async fn ab_33_a_token_opens_once_and_only_the_newest() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let address = email("ada");
    world.register(&address).await;
    let older = token_for(&world, &mailbox, &address).await;
    let newer = token_for(&world, &mailbox, &address).await;
    assert_ne!(older, newer);
    opens_nothing(&world, &older, "an older one").await;
    world.reset_password(&newer, OTHER).await.expect(204);
    opens_nothing(&world, &newer, "used").await;
    opens_nothing(&world, &older, "an older one, later").await;
    world.try_login(&address, OTHER).await.expect(200);

    let late = token_for(&world, &mailbox, &address).await;
    world.later(Duration::from_mins(31));
    opens_nothing(&world, &late, "after 31 minutes").await;
    world.later(Duration::from_secs(3_601));
    let in_time = token_for(&world, &mailbox, &address).await;
    world.later(Duration::from_mins(29));
    world.reset_password(&in_time, THIRD).await.expect(204);
}

#[tokio::test]
async fn ab_33_a_token_dies_with_what_it_was_for() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let operator = world.operator().await;

    let address = email("ada");
    let ada = world.register(&address).await;
    let token = token_for(&world, &mailbox, &address).await;
    let changed = world.change_password(&ada.access, Some(PASSWORD), OTHER);
    changed.await.expect(200);
    opens_nothing(&world, &token, "after a password change").await;
    world.try_login(&address, OTHER).await.expect(200);

    let (address, other) = (email("ada"), email("ada.new"));
    let ada = world.register(&address).await;
    let token = token_for(&world, &mailbox, &address).await;
    world.ask_for_email(&ada.access, &other).await.expect(202);
    let confirm = mailbox.token(&other, CHANGE).await;
    world.confirm_email(&confirm).await.expect(204);
    opens_nothing(&world, &token, "after another address").await;
    world.try_login(&other, PASSWORD).await.expect(200);

    let address = email("ada");
    let ada = world.register(&address).await;
    let token = token_for(&world, &mailbox, &address).await;
    let reason = json!({ "reason": "a look into it" });
    for step in ["suspend", "reinstate"] {
        let path = format!("/v1/admin/accounts/{}/{step}", ada.account);
        let call = world.post(&path, &reason).by(&operator.access);
        call.send().await.expect(204);
        opens_nothing(&world, &token, step).await;
    }
    world.try_login(&address, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn ab_33_a_token_opens_nothing_but_what_it_was_made_for() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let (address, other) = (email("ada"), email("ada.new"));
    let ada = world.register(&address).await;
    let verify = mailbox.token(&address, VERIFY).await;
    world.ask_for_email(&ada.access, &other).await.expect(202);
    let change = mailbox.token(&other, CHANGE).await;
    let reset = token_for(&world, &mailbox, &address).await;
    opens_nothing(&world, &verify, "of a verification").await;
    opens_nothing(&world, &change, "of another address").await;
    opens_nothing(&world, &ada.refresh, "a refresh token").await;
    opens_nothing(&world, &ada.access[..500], "an access token").await;
    let before = world.ends().await;
    let confirmed = world.confirm_email(&reset).await;
    confirmed.refused(400, "link_invalid");
    assert_eq!(world.ends().await, before);

    // Every letter counts, and no length but its own.
    for place in 4..reset.len() {
        let mut letters: Vec<char> = reset.chars().collect();
        letters[place] = if letters[place] == 'A' { 'B' } else { 'A' };
        let flipped: String = letters.into_iter().collect();
        opens_nothing(&world, &flipped, &format!("letter {place}")).await;
    }
    opens_nothing(&world, &reset[..reset.len() - 1], "cut").await;
    opens_nothing(&world, &format!("{reset}A"), "longer").await;
    // It has stayed what it was.
    world.reset_password(&reset, OTHER).await.expect(204);
    world.try_login(&address, OTHER).await.expect(200);
}

#[tokio::test]
async fn ab_33_a_disabled_password_works_again_and_known_devices_are_strangers() {
    const DEVICE: &str = "countersign-device";
    let (world, mailbox) = Mailbox::with(&[]).await;
    let address = email("ada");
    let form = json!({ "email": address, "password": PASSWORD });
    let registered = world
        .post("/v1/auth/register", &form)
        .send()
        .await
        .expect(201);
    let ada = SignedIn::of(&registered);
    let device = registered.json()["device_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let login = |password: &str| {
        let form = json!({ "email": address, "password": password });
        let call = world.post("/v1/auth/login", &form);
        call.header(DEVICE, &device).send()
    };
    let guess = async || {
        for _ in 0..5 {
            let guessed = world.try_login(&address, "wrong-horse-battery").await;
            guessed.refused(401, "invalid_credentials");
        }
        let told = world.try_login(&address, "wrong-horse-battery").await;
        told.refused(429, "rate_limited");
    };
    guess().await;
    login(PASSWORD).await.expect(200);

    let id = AccountId::from_uuid(ada.account);
    let account = world.app.accounts.current(id).await.expect("the log");
    let command = AccountCommand::Factor(FactorCommand::Disable {
        kind: FactorKind::Password,
        credential: account.state.password.expect("a password"),
        failures: 100,
    });
    let meta = world.meta(None);
    let disabled = world.app.accounts.execute(id, &meta, &command);
    disabled.await.expect("disabled");
    world.later(Duration::from_secs(3_601));
    let refused = world.try_login(&address, PASSWORD).await;
    refused.refused(401, "invalid_credentials");

    let token = token_for(&world, &mailbox, &address).await;
    world.reset_password(&token, OTHER).await.expect(204);
    world.try_login(&address, OTHER).await.expect(200);
    guess().await;
    login(OTHER).await.refused(429, "rate_limited");
}

/// Everybody uses the token at once; answers whose password it is then.
async fn race(services: &[&Client], token: &str) -> String {
    let password = |racer: usize| format!("velvet-Anchor-{racer}-lantern");
    let racing = (0..RACERS).map(|racer| async move {
        let service = services[racer % services.len()];
        service.reset_password(token, &password(racer)).await
    });
    let mut winners = Vec::new();
    for (racer, answer) in join_all(racing).await.into_iter().enumerate() {
        match (answer.status, answer.code().as_str()) {
            (204, _) => winners.push(password(racer)),
            (400, "link_invalid") | (503, _) => {}
            _ => panic!("{}", answer.text()),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    winners.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ab_33_of_many_uses_of_one_token_at_two_services_one_wins() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let other = world.second_service().await;
    for _ in 0..2 {
        let address = email("ada");
        let ada = world.register(&address).await;
        let token = token_for(&world, &mailbox, &address).await;
        let password = race(&[&world.client, &other.client], &token).await;
        world.try_login(&address, &password).await.expect(200);
        other.try_login(&address, &password).await.expect(200);
        let of_before = world.try_login(&address, PASSWORD).await;
        of_before.refused(401, "invalid_credentials");
        let resets = events_of(&world, ada.account, "credential_set").await;
        assert_eq!(resets, 2, "at registration, and once again");
        // What the others had stored is not kept.
        let id = AccountId::from_uuid(ada.account);
        let kept = world.log.vault().credentials(Some(id)).await;
        assert_eq!(kept.expect("the vault").len(), 1);
    }
}
