//! Clients while NATS is gone: whatever is decided is decided by the leader.

use std::net::SocketAddr;

use secrecy::ExposeSecret as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::{World, email, stack};

/// A way to NATS that can be cut.
struct Wire {
    url: String,
    relaying: JoinSet<()>,
}

impl Wire {
    async fn lay() -> Self {
        let direct = stack().endpoints.nats_url.expose_secret();
        let (head, address) = direct.rsplit_once('@').expect("credentials in the URL");
        let address: SocketAddr = address.parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("an address");
        let mut relaying = JoinSet::new();
        relaying.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(address).await {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Self {
            url: format!("{head}@{own}"),
            relaying,
        }
    }

    async fn cut(mut self) {
        self.relaying.shutdown().await;
    }
}

#[tokio::test]
async fn without_nats_every_answer_is_503() {
    let wire = Wire::lay().await;
    let world = World::with(&[("nats_url", &wire.url), ("log_deadline_millis", "600")]).await;
    let operator = world.operator().await;
    let client = world
        .client_of(&operator, &["countersign", "a"], &["a"], &[])
        .await;
    let token = world.token_of(&client, &[]).await;
    let ada = world.register(&email("ada")).await;
    assert!(world.is_active(&client, &token).await);
    wire.cut().await;
    for answer in [
        world.ask_token(&client, &[]).await,
        world.ask_token(&client.with_secret("csc_wrong"), &[]).await,
        world.ask_exchange(&client, &ada.access, &[]).await,
        world.introspect(&client, &token).await,
        world.introspect(&client, &ada.access).await,
        world.revoke_token(&client, &token).await,
    ] {
        answer.oauth_error(503, "temporarily_unavailable");
    }
    let form = [
        ("client_id", "first-party"),
        ("token", ada.refresh.as_str()),
    ];
    let answer = world.form("/oauth2/revoke", &form).send().await;
    answer.oauth_error(503, "temporarily_unavailable");
    world
        .get("/.well-known/oauth-authorization-server")
        .send()
        .await
        .expect(200);
}
