//! Challenges that were used, that are too old, or that somebody else asked
//! for.

use std::time::Duration;

use crate::support::{Authenticator, Door, ISSUER, Keyed, SignedIn, World, access_of};

/// Somebody whose device does not count, so that nothing but the challenge
/// tells a signature from another.
async fn uncounted(world: &World, name: &str) -> Keyed {
    let mut device = Authenticator::new(ISSUER);
    device.counts = false;
    Keyed::with(world, name, device).await
}

#[tokio::test]
async fn ab_30_a_challenge_is_good_once_on_all_services_and_after_a_restart() {
    let world = World::start().await;
    let beside = world.second_service().await;
    let mut ada = uncounted(&world, "ada").await;
    for door in Door::ALL {
        let way = ada.way(&world, door).await;
        let asked = way.ask(&world).await;
        let signed = asked.signed(&mut ada.device);
        // The second step of a login is good once by itself, so a challenge of
        // it can only be tried again there; the others are tried in full.
        way.show(&world, &signed).send().await.expect(200);
        let late = world.second_service().await;
        let anew = asked.signed(&mut ada.device);
        for service in [&world.service, &beside, &late] {
            for again in [&signed, &anew] {
                let answer = way.show(service, again).send().await;
                let code = match door {
                    Door::SecondFactor => "mfa_token_invalid",
                    _ => door.refusal(),
                };
                answer.refused(401, code);
            }
        }
        late.stop().await;
    }
}

#[tokio::test]
async fn ab_30_one_of_many_who_show_the_same_at_once_is_let_in() {
    let world = World::start().await;
    let beside = world.second_service().await;
    let mut ada = uncounted(&world, "ada").await;
    for door in Door::ALL {
        let way = ada.way(&world, door).await;
        let signed = way.ask(&world).await.signed(&mut ada.device);
        let racing = (0..16).map(|racer| {
            let service = if racer % 2 == 0 {
                &world.service
            } else {
                &beside
            };
            way.show(service, &signed).send()
        });
        let answers = futures_util::future::join_all(racing).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(won, 1, "{door:?}: {answers:?}");
        let failed = answers.iter().any(|answer| answer.status >= 500);
        assert!(!failed, "{door:?}: {answers:?}");
    }
}

#[tokio::test]
async fn ab_30_a_challenge_is_over_after_five_minutes() {
    let world = World::start().await;
    let mut ada = uncounted(&world, "ada").await;
    for door in [Door::SignIn, Door::StepUp] {
        // Access tokens live for a quarter of an hour.
        ada.session = SignedIn::of(&ada.sign_in(&world).await.expect(200));
        let way = ada.way(&world, door).await;
        let asked = way.ask(&world).await;
        world.later(Duration::from_secs(299));
        let signed = asked.signed(&mut ada.device);
        way.show(&world, &signed).send().await.expect(200);

        let asked = way.ask(&world).await;
        world.later(Duration::from_secs(301));
        let signed = asked.signed(&mut ada.device);
        way.refuses(&world, &signed, "an old challenge").await;
    }
    // A login waits no longer than its challenge.
    let way = ada.way(&world, Door::SecondFactor).await;
    let signed = way.ask(&world).await.signed(&mut ada.device);
    world.later(Duration::from_mins(6));
    let late = way.show(&world, &signed).send().await;
    late.refused(401, "mfa_token_invalid");
}

#[tokio::test]
async fn ab_30_a_challenge_serves_one_purpose() {
    let world = World::start().await;
    let mut ada = uncounted(&world, "ada").await;
    for asked_at in Door::ALL {
        for shown_at in Door::ALL {
            if asked_at == shown_at {
                continue;
            }
            let way = ada.way(&world, asked_at).await;
            let signed = way.ask(&world).await.signed(&mut ada.device);
            let other = ada.way(&world, shown_at).await;
            let why = format!("a challenge of {asked_at:?}");
            other.refuses(&world, &signed, &why).await;
            // It was good where it belongs, and was not used up elsewhere.
            way.show(&world, &signed).send().await.expect(200);
        }
    }
}

#[tokio::test]
async fn ab_30_a_challenge_serves_one_session_and_one_account() {
    let world = World::start().await;
    let mut ada = uncounted(&world, "ada").await;
    let eve = uncounted(&world, "eve").await;
    // Another login, and another session, of the same person.
    let one = ada.way(&world, Door::SecondFactor).await;
    let other = ada.way(&world, Door::SecondFactor).await;
    let signed = one.ask(&world).await.signed(&mut ada.device);
    other.refuses(&world, &signed, "another login's").await;
    let answer = one.show(&world, &signed).send().await.expect(200);
    let second = SignedIn::of(&answer);
    let one = ada.way(&world, Door::StepUp).await;
    let other = Door::StepUp.approach(&world, &ada.email, &second).await;
    let signed = one.ask(&world).await.signed(&mut ada.device);
    other.refuses(&world, &signed, "another session's").await;
    let raised = one.show(&world, &signed).send().await.expect(200);
    assert!(!access_of(&raised).is_empty());
    // Somebody else's challenge, signed by the right device.
    for door in [Door::SecondFactor, Door::StepUp] {
        let hers = eve.way(&world, door).await.ask(&world).await;
        let signed = hers.signed(&mut ada.device);
        let mine = ada.way(&world, door).await;
        mine.refuses(&world, &signed, "another account's").await;
    }
}

#[tokio::test]
async fn ab_30_a_challenge_of_another_deployment_or_none_is_refused() {
    let world = World::start().await;
    let foreign = world.foreign().await;
    let mut ada = uncounted(&world, "ada").await;
    let theirs = uncounted(&foreign, "ada").await;
    for door in Door::ALL {
        let asked = theirs.way(&foreign, door).await.ask(&foreign).await;
        let signed = asked.signed(&mut ada.device);
        let way = ada.way(&world, door).await;
        way.refuses(&world, &signed, "a foreign challenge").await;
        let asked = way.ask(&world).await;
        let cut = &asked.token[..asked.token.len() - 1];
        let turned = asked.token.to_lowercase();
        for token in [cut, &turned, "csc_", "csc_AAAA", "x", &asked.token[4..]] {
            let way = ada.way(&world, door).await;
            let mut signed = asked.signed(&mut ada.device);
            signed["challenge_token"] = token.into();
            way.refuses(&world, &signed, "a broken challenge").await;
        }
        let way = ada.way(&world, door).await;
        way.pass(&world, &mut ada.device).await.expect(200);
    }
}
