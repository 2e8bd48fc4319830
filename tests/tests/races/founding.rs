//! Services that meet an empty log together.

use futures_util::future::join_all;

use crate::support::{World, email};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_start_together_on_an_empty_log_agree_on_one_key() {
    for _ in 0..3 {
        let (world, others) = World::start_several(4).await;
        let key = world.app.signing_key().key_id().to_owned();
        for other in &others {
            assert_eq!(other.app.signing_key().key_id(), key);
        }
        let keys = join_all(
            others
                .iter()
                .map(|other| other.get("/.well-known/jwks.json").send()),
        )
        .await;
        for answer in keys {
            let published = answer.expect(200).json();
            assert_eq!(published["keys"].as_array().map(Vec::len), Some(1));
            assert_eq!(published["keys"][0]["kid"], key);
        }
        // Names and refresh tokens, too, mean the same everywhere.
        let address = email("ada");
        let ada = world.register(&address).await;
        for other in &others {
            other.verify(&ada.access).await.expect(200);
            assert_eq!(other.login(&address).await.account, ada.account);
        }
        let _ = ada.renewed(&others[0].refresh(&ada.refresh).await);
    }
}
