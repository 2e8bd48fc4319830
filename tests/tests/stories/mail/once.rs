//! Each mail once: not lost, and not sent again.

use super::post::{HOUR, Post, SHARDS, open, recipients};
use crate::support::smtp::Order;
use crate::support::{PATIENCE, eventually, soon};

#[tokio::test]
async fn two_mailers_send_each_mail_once() {
    let post = Post::start().await;
    let one = post.mailer().await;
    let other = post.mailer_over(open(&post.config).await).await;
    let mut expected = Vec::new();
    for number in 0..30 {
        let (person, ..) = post.register(&format!("p{number:02}")).await;
        expected.push(person.email);
    }
    let mails = post.accepted(30).await;
    assert_eq!(recipients(&mails), expected);
    let (one_sent, other_sent) = (one.health().sent, other.health().sent);
    assert_eq!(one_sent + other_sent, 30);
    assert!(
        one_sent > 0 && other_sent > 0,
        "{one_sent} and {other_sent}"
    );
    soon(one.stop()).await;
    soon(other.stop()).await;
}

#[tokio::test]
async fn what_is_certainly_not_accepted_is_tried_again() {
    let post = Post::start().await;
    let orders = [
        Order::RefuseRecipient(451),
        Order::RefuseContent(451),
        Order::CutBeforeContent,
    ];
    post.server.order(orders);
    let mailer = post.mailer().await;
    let (ada, ..) = post.register("ada").await;
    let mails = post.accepted(1).await;
    assert_eq!(recipients(&mails), [ada.email]);
    assert_eq!(post.server.conversations(), orders.len() + 1);
    let health = mailer.health();
    assert_eq!((health.sent, health.retried), (1, 3));
    assert_eq!((health.given_up, health.unknown), (0, 0));
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn what_is_tried_for_too_long_is_given_up() {
    let post = Post::start().await;
    let mailer = post.mailer().await;
    let (ada, ..) = post.register("ada").await;
    post.accepted(1).await;
    post.server.order([Order::RefuseContent(451); 1_000]);
    post.change_password(&ada).await;
    eventually(PATIENCE, async || mailer.health().retried > 1).await;
    assert_eq!(mailer.health().given_up, 0);
    post.later(2 * HOUR);
    eventually(PATIENCE, async || mailer.health().given_up == 1).await;
    post.dealt_with().await;
    assert_eq!(post.server.accepted().len(), 1);
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn a_log_that_is_delivered_again_sends_nothing_twice() {
    let post = Post::start().await;
    let mailer = post.mailer().await;
    for number in 0..6 {
        post.register(&format!("p{number}")).await;
    }
    post.accepted(6).await;
    soon(mailer.stop()).await;
    // As if every acknowledgement had been lost.
    for shard in 0..SHARDS {
        post.deliver_again(shard).await;
    }
    let mailer = post.mailer().await;
    post.register("last").await;
    let mails = post.accepted(7).await;
    assert_eq!(mails[6].to, "last@example.com");
    assert_eq!(mailer.health().sent, 1);
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn a_refusal_for_good_is_final_and_says_nobodys_name() {
    let post = Post::start().await;
    post.server.order([Order::RefuseRecipient(550)]);
    let mailer = post.mailer().await;
    post.register("gone").await;
    eventually(PATIENCE, async || mailer.health().given_up == 1).await;
    post.dealt_with().await;
    let (ada, ..) = post.register("ada").await;
    let mails = post.accepted(1).await;
    assert_eq!(recipients(&mails), [ada.email]);
    assert_eq!(post.server.conversations(), 2);
    let health = mailer.health();
    assert_eq!((health.given_up, health.retried), (1, 0));
    // The server had quoted the address.
    let error = health.last_error.expect("an error");
    assert!(error.contains("550") && !error.contains("gone"), "{error}");
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn a_mail_that_may_have_been_accepted_is_not_sent_again() {
    let post = Post::start().await;
    post.server.order([Order::CutAfterContent]);
    let mailer = post.mailer().await;
    post.register("ada").await;
    eventually(PATIENCE, async || mailer.health().unknown == 1).await;
    post.dealt_with().await;
    soon(mailer.stop()).await;
    let mailer = post.mailer().await;
    let (bob, ..) = post.register("bob").await;
    let mails = post.accepted(1).await;
    assert_eq!(recipients(&mails), [bob.email]);
    assert_eq!(post.server.received().len(), 2);
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn a_claim_of_somebody_who_is_gone_is_respected() {
    let post = Post::start().await;
    let mailer = post.mailer().await;
    soon(mailer.stop()).await;
    let (_, message, _) = post.register("ada").await;
    let claims = post.log.claims("MAILS", HOUR).await.expect("a bucket");
    let key = format!("{message}.verify_email.holder");
    let claim = claims.claim(&key, post.now()).await.expect("an answer");
    // Whoever held it died before it was known how that ended.
    drop(claim);
    let mailer = post.mailer().await;
    eventually(PATIENCE, async || mailer.health().retried > 1).await;
    assert_eq!(mailer.health().unknown, 0);
    post.later(HOUR / 2);
    eventually(PATIENCE, async || mailer.health().unknown == 1).await;
    post.dealt_with().await;
    assert_eq!(post.server.received().len(), 0);
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn a_restart_loses_nothing_and_the_past_is_not_mailed() {
    let post = Post::start().await;
    post.register("past").await;
    let mailer = post.mailer().await;
    post.register("a").await;
    post.accepted(1).await;
    soon(mailer.stop()).await;
    for name in ["b", "c", "d"] {
        post.register(name).await;
    }
    let mailer = post.mailer().await;
    post.register("e").await;
    let mails = post.accepted(5).await;
    let expected = ["a", "b", "c", "d", "e"].map(|name| format!("{name}@example.com"));
    assert_eq!(recipients(&mails), expected);
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn a_mailer_that_is_stopped_while_a_mail_is_refused_leaves_it_to_the_next() {
    let post = Post::start().await;
    post.server.order([Order::RefuseContent(451); 3]);
    let mailer = post.mailer().await;
    let (ada, ..) = post.register("ada").await;
    eventually(PATIENCE, async || mailer.health().retried > 0).await;
    soon(mailer.stop()).await;
    let mailer = post.mailer().await;
    let mails = post.accepted(1).await;
    assert_eq!(recipients(&mails), [ada.email]);
    soon(mailer.stop()).await;
}
