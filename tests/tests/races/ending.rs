//! Ending a session while it is being refreshed.

use futures_util::future::{join, join_all};

use crate::support::{World, email, eventually};

const BOUND: std::time::Duration = std::time::Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_end_is_acknowledged_nothing_is_granted() {
    let world = World::start().await;
    let other = world.second_service().await;
    let address = email("ada");
    world.register(&address).await;
    for round in 0..30 {
        let ada = world.login(&address).await;
        let racing = join_all((0..8).map(|racer| {
            let service = if racer % 2 == 0 {
                &world.client
            } else {
                &other.client
            };
            service.refresh(&ada.refresh)
        }));
        let (granted, ended) = join(racing, world.logout(&ada.refresh)).await;
        ended.expect(204);
        // Acknowledged: whatever was granted before is dead, and nothing new.
        let mut tokens = vec![ada.clone()];
        for answer in granted {
            match answer.status {
                200 => tokens.push(ada.renewed(&answer)),
                401 => {
                    assert!(
                        ["session_revoked", "refresh_reused"].contains(&answer.code().as_str())
                    );
                }
                _ => assert_eq!(answer.code(), "unavailable"),
            }
        }
        for token in &tokens {
            for service in [&world.client, &other.client] {
                let answer = service.refresh(&token.refresh).await;
                assert_eq!(answer.status, 401, "round {round}: {}", answer.text());
                eventually(BOUND, || async {
                    service.verify(&token.access).await.code() == "token_revoked"
                })
                .await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logging_out_everywhere_outruns_every_refresh() {
    let world = World::start().await;
    let other = world.second_service().await;
    let address = email("ada");
    world.register(&address).await;
    for round in 0..15 {
        let mut people = Vec::new();
        for _ in 0..4 {
            people.push(world.login(&address).await);
        }
        let racing = join_all(people.iter().flat_map(|one| {
            [world.refresh(&one.refresh), other.refresh(&one.refresh)]
                .map(|call| async { (one.clone(), call.await) })
        }));
        let all = world
            .post_nothing("/v1/auth/logout-all")
            .by(&people[0].access)
            .send();
        let (granted, ended) = join(racing, all).await;
        ended.expect(204);
        let mut tokens = people.clone();
        for (one, answer) in granted {
            if answer.status == 200 {
                tokens.push(one.renewed(&answer));
            }
        }
        // Also what is minted from now on, should anything be.
        for one in tokens.clone() {
            for service in [&world.client, &other.client] {
                let answer = service.refresh(&one.refresh).await;
                if answer.status == 200 {
                    tokens.push(one.renewed(&answer));
                }
            }
        }
        for token in &tokens {
            for service in [&world.client, &other.client] {
                eventually(BOUND, || async {
                    service.verify(&token.access).await.code() == "token_revoked"
                })
                .await;
                let answer = service.refresh(&token.refresh).await;
                assert_eq!(answer.status, 401, "round {round}: {}", answer.text());
            }
        }
    }
}
