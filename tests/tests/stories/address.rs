//! Whose address it is, and another one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use countersign_api::EmailAddress;
use futures_util::future::join;
use serde_json::json;

use crate::support::mailbox::{CHANGE, RESET, VERIFY};
use crate::support::{
    Answer, Enrolled, Mailbox, PASSWORD, PATIENCE, SignedIn, World, email, eventually,
};

const OTHER: &str = "copper-Meadow-73-whistle";

async fn me(world: &World, access: &str) -> serde_json::Value {
    world
        .get("/v1/me")
        .by(access)
        .send()
        .await
        .expect(200)
        .json()
}

async fn register(world: &World, address: &str, password: &str) -> Answer {
    let form = json!({ "email": address, "password": password });
    world.post("/v1/auth/register", &form).send().await
}

/// All that an answer says but what is different in every answer.
fn said(answer: &Answer) -> (u16, BTreeMap<String, String>, String) {
    let own = |name: &str| !matches!(name, "date" | "countersign-request-id");
    let headers = answer.headers.iter();
    let headers = headers.filter(|(name, _)| own(name.as_str()));
    let text = |value: &reqwest::header::HeaderValue| value.to_str().expect("ASCII").to_owned();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value)));
    (answer.status, headers.collect(), answer.text())
}

#[tokio::test]
async fn a_link_proves_the_address_once() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    assert_eq!(me(&world, &ada.access).await["email_verified"], false);
    let first = mailbox.token(&address, VERIFY).await;
    let again = world.post_nothing("/v1/me/email/verification");
    again.by(&ada.access).send().await.expect(202);
    let second = mailbox.token(&address, VERIFY).await;
    let old = world.confirm_email(&first).await;
    old.refused(400, "link_invalid");
    assert_eq!(me(&world, &ada.access).await["email_verified"], false);
    // Whoever has the mail has the address, signed in or not.
    world.confirm_email(&second).await.expect(204);
    assert_eq!(me(&world, &ada.access).await["email_verified"], true);
    for token in [&first, &second] {
        let used = world.confirm_email(token).await;
        used.refused(400, "link_invalid");
    }
    // There is nothing left to prove.
    let before = mailbox.to(&address).len();
    let again = world.post_nothing("/v1/me/email/verification");
    again.by(&ada.access).send().await.expect(202);
    mailbox.told(&world).await;
    assert_eq!(mailbox.to(&address).len(), before);
}

#[tokio::test]
async fn a_link_that_proves_is_good_for_a_day() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    for (hours, good) in [(23, true), (24, false)] {
        let address = email("ada");
        world.register(&address).await;
        let token = mailbox.token(&address, VERIFY).await;
        world.later(Duration::from_secs(hours * 3_600));
        let answer = world.confirm_email(&token).await;
        if good {
            answer.expect(204);
        } else {
            answer.refused(400, "link_invalid");
        }
    }
}

#[tokio::test]
async fn ab_11_where_addresses_come_first_a_registration_tells_nobody_who_is_there() {
    let (world, mailbox) = Mailbox::with(&[("verify_email_first", "true")]).await;
    let address = email("ada");
    let new = register(&world, &address, PASSWORD).await.expect(202);
    assert!(new.body.is_empty(), "{}", new.text());
    let verify = mailbox.token(&address, VERIFY).await;
    let taken = register(&world, &address, OTHER).await;
    assert_eq!(said(&taken), said(&new));
    // The owner is told by the mail that helps whoever has forgotten.
    mailbox.token(&address, RESET).await;

    // A login tells neither: the right password is answered like a wrong one,
    // and brings another mail, whose link is the newest.
    let early = world.try_login(&address, PASSWORD).await;
    early.refused(401, "invalid_credentials");
    let guess = world.try_login(&address, OTHER).await;
    guess.refused(401, "invalid_credentials");
    let older = verify;
    let verify = mailbox.token(&address, VERIFY).await;
    world
        .confirm_email(&older)
        .await
        .refused(400, "link_invalid");
    world.confirm_email(&verify).await.expect(204);
    let ada = SignedIn::of(&world.try_login(&address, PASSWORD).await.expect(200));
    assert_eq!(me(&world, &ada.access).await["email_verified"], true);
    let taken = register(&world, &address, OTHER).await;
    assert_eq!(said(&taken), said(&new));
    let still = world.try_login(&address, PASSWORD).await;
    still.expect(200);
}

#[tokio::test]
async fn ab_11_such_a_registration_takes_as_long_for_an_address_that_is_taken() {
    let world = World::with(&[("verify_email_first", "true"), ("mails_per_hour", "0")]).await;
    let known = email("ada");
    register(&world, &known, PASSWORD).await.expect(202);
    let index = EmailAddress::parse(&known).expect("an address");
    let index = world.app.blind_index.of(&index);
    eventually(PATIENCE, || async {
        let held = world.app.emails.current(index).await.expect("the log");
        let Some(owner) = held.state.owner else {
            return false;
        };
        let account = world.app.accounts.current(owner).await.expect("the log");
        account.state.exists()
    })
    .await;
    let mut told = Vec::new();
    // A machine with other things to do is asked again.
    for _ in 0..3 {
        let (mut of_known, mut of_new) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            // How many messages it comes to, when the answer is long given.
            for (address, times, messages) in
                [(&known, &mut of_known, 1), (&email("new"), &mut of_new, 2)]
            {
                let before: u64 = world.ends().await.iter().sum();
                let began = Instant::now();
                register(&world, address, PASSWORD).await.expect(202);
                times.push(began.elapsed());
                eventually(PATIENCE, || async {
                    world.ends().await.iter().sum::<u64>() == before + messages
                })
                .await;
            }
        }
        of_known.sort_unstable();
        of_new.sort_unstable();
        // The quickest: other worlds are at work beside this one.
        let (known, new) = (of_known[2], of_new[2]);
        if known.abs_diff(new) <= Duration::from_millis(5).max(new / 20) {
            return;
        }
        told.push((known, new));
    }
    panic!("of a taken and of a new address: {told:?}");
}

#[tokio::test]
async fn ab_37_another_address_is_asked_for_proved_and_told_to_both() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let (old, new) = (email("ada"), email("ada.new"));
    let ada = world.register(&old).await;
    world.ask_for_email(&ada.access, &new).await.expect(202);
    let shown = me(&world, &ada.access).await;
    assert_eq!(shown["email"], old, "nothing changes before the proof");
    let early = world.try_login(&new, PASSWORD).await;
    early.refused(401, "invalid_credentials");
    mailbox.open(&old, "Another address was asked for").await;
    let token = mailbox.token(&new, CHANGE).await;
    let asked = mailbox.to(&old);
    assert!(
        asked
            .iter()
            .all(|mail| mail.token().as_ref() != Some(&token))
    );

    world.confirm_email(&token).await.expect(204);
    let shown = me(&world, &ada.access).await;
    assert_eq!(shown["email"], new);
    assert_eq!(shown["email_verified"], true);
    for address in [&old, &new] {
        mailbox.open(address, "Your address was changed").await;
    }
    world.try_login(&new, PASSWORD).await.expect(200);
    let gone = world.try_login(&old, PASSWORD).await;
    gone.refused(401, "invalid_credentials");
    let used = world.confirm_email(&token).await;
    used.refused(400, "link_invalid");

    // It is free for somebody else, who is somebody else.
    let eve = SignedIn::of(&register(&world, &old, OTHER).await.expect(201));
    assert_ne!(eve.account, ada.account);
    world.try_login(&old, OTHER).await.expect(200);
    let gone = world.try_login(&old, PASSWORD).await;
    gone.refused(401, "invalid_credentials");
    let taken = register(&world, &new, OTHER).await;
    taken.refused(409, "email_taken");
    // Also at a service that knew it otherwise.
    world.forgot(&old).await.expect(202);
    let reset = mailbox.token(&old, RESET).await;
    world.reset_password(&reset, PASSWORD).await.expect(204);
    let of_eve = SignedIn::of(&world.try_login(&old, PASSWORD).await.expect(200));
    assert_eq!(of_eve.account, eve.account);
}

#[tokio::test]
async fn only_a_new_authentication_asks_for_another_address() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    world.later(Duration::from_secs(301));
    let stale = world.ask_for_email(&ada.access, &email("new")).await;
    stale.refused(401, "insufficient_user_authentication");
    let stepped = world.step_up(&ada.access, "password", PASSWORD).await;
    let access = crate::support::access_of(&stepped.expect(200));
    let asked = world.ask_for_email(&access, &email("new")).await;
    asked.expect(202);
    for bad in ["", "no address", "a@", "a@b@c.example"] {
        let answer = world.ask_for_email(&access, bad).await;
        answer.refused(400, "validation_failed");
    }
    // With a second factor, the password alone is none.
    let grace = Enrolled::new(&world, "grace").await;
    world.later(Duration::from_secs(301));
    let weak = world.step_up(&grace.session.access, "password", PASSWORD);
    assert_ne!(weak.await.status, 200);
    let new = email("new");
    let asked = world.ask_for_email(&grace.session.access, &new).await;
    asked.refused(401, "insufficient_user_authentication");
}

#[tokio::test]
async fn an_address_that_was_taken_meanwhile_stays_where_it_is() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let (old, new) = (email("ada"), email("ada.new"));
    let ada = world.register(&old).await;
    world.ask_for_email(&ada.access, &new).await.expect(202);
    let token = mailbox.token(&new, CHANGE).await;
    let eve = SignedIn::of(&register(&world, &new, OTHER).await.expect(201));
    let before = world.ends().await;
    let late = world.confirm_email(&token).await;
    late.refused(409, "email_taken");
    assert_eq!(world.ends().await, before);
    assert_eq!(me(&world, &ada.access).await["email"], old);
    assert_eq!(me(&world, &eve.access).await["email"], new);
    world.try_login(&old, PASSWORD).await.expect(200);
    world.try_login(&new, OTHER).await.expect(200);
}

#[tokio::test]
async fn a_newer_wish_replaces_the_one_before_and_both_end_in_time() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let (old, one, two) = (email("ada"), email("ada.one"), email("ada.two"));
    let ada = world.register(&old).await;
    world.ask_for_email(&ada.access, &one).await.expect(202);
    let first = mailbox.token(&one, CHANGE).await;
    world.ask_for_email(&ada.access, &two).await.expect(202);
    let second = mailbox.token(&two, CHANGE).await;
    let replaced = world.confirm_email(&first).await;
    replaced.refused(400, "link_invalid");
    // It was not kept for anybody.
    register(&world, &one, OTHER).await.expect(201);
    world.later(Duration::from_mins(31));
    let late = world.confirm_email(&second).await;
    late.refused(400, "link_invalid");
    register(&world, &two, OTHER).await.expect(201);
    world.try_login(&old, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_people_who_want_one_address_one_gets_it() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let service = world.second_service().await;
    for _ in 0..4 {
        let (wanted, of_ada, of_eve) = (email("wanted"), email("ada"), email("eve"));
        let ada = world.register(&of_ada).await;
        let eve = world.register(&of_eve).await;
        world.ask_for_email(&ada.access, &wanted).await.expect(202);
        let first = mailbox.token(&wanted, CHANGE).await;
        world.ask_for_email(&eve.access, &wanted).await.expect(202);
        let second = mailbox.token(&wanted, CHANGE).await;
        let (one, two) = join(world.confirm_email(&first), service.confirm_email(&second)).await;
        let won = [one.status == 204, two.status == 204];
        assert_ne!(won[0], won[1], "{} {}", one.text(), two.text());
        for (answer, won) in [(one, won[0]), (two, won[1])] {
            if !won {
                answer.refused(409, "email_taken");
            }
        }
        for (who, own, won) in [(&ada, &of_ada, won[0]), (&eve, &of_eve, won[1])] {
            let address = if won { &wanted } else { own };
            assert_eq!(&me(&world, &who.access).await["email"], address);
            let back = SignedIn::of(&world.try_login(address, PASSWORD).await.expect(200));
            assert_eq!(back.account, who.account);
        }
    }
}

#[tokio::test]
async fn ab_37_nobody_gives_themselves_what_is_not_theirs_to_give() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let before = me(&world, &ada.access).await;
    for (field, value) in [
        ("email", json!("root@people.example")),
        ("email_verified", json!(true)),
        ("roles", json!(["admin"])),
        ("state", json!("active")),
        ("mfa", json!(true)),
        ("id", json!("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007")),
        ("created_at", json!("2001-01-01T00:00:00Z")),
        ("tenant", json!("other")),
        ("password", json!(OTHER)),
    ] {
        for form in [
            json!({ field: value }),
            json!({ "display_name": "Eve", field: value }),
        ] {
            let call = world.patch("/v1/me", &form).by(&ada.access);
            call.send().await.refused(400, "validation_failed");
        }
        let mut form = json!({ "email": email("eve"), "password": PASSWORD });
        if form.get(field).is_none() {
            form[field] = value;
            let answer = world.post("/v1/auth/register", &form).send().await;
            answer.refused(400, "validation_failed");
        }
    }
    assert_eq!(me(&world, &ada.access).await, before);
}
