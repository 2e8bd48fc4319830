//! What is said, and to whom.

use countersign_domain::AccountCommand;
use countersign_log::VaultKey;
use countersign_mail::{ActionTokens, BadToken, Purpose};

use super::post::{HOME, HOUR, Post, SECRET, open, recipients};
use crate::support::smtp::Received;
use crate::support::{PATIENCE, eventually, soon};

#[tokio::test]
async fn a_link_arrives_that_opens_what_was_asked_and_nothing_else() {
    let post = Post::start().await;
    let mailer = post.mailer().await;
    let (ada, message, request) = post.register("ada").await;
    let mails = post.accepted(1).await;
    let mail = &mails[0];
    assert_eq!((&*mail.from, &*mail.to), ("id@people.example", &*ada.email));
    let id = mail.header("Message-ID").expect("an id");
    assert!(id.contains(&message.to_string()), "{id}");
    assert_eq!(mail.header("To").as_deref(), Some(&*ada.email));
    let token = mail.token().expect("a link");
    assert!(
        mail.body()
            .contains(&format!("{HOME}/account/verify#token={token}"))
    );
    let tokens = ActionTokens::new(&SECRET);
    let opened = tokens.open(Purpose::VerifyEmail, &token);
    assert_eq!(opened, Ok((ada.id, request)));
    let opened = tokens.open(Purpose::ResetPassword, &token);
    assert_eq!(opened, Err(BadToken));
    assert_eq!(mailer.health().sent, 1);
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn a_change_of_address_is_told_to_both_and_later_mail_goes_to_the_new_one() {
    let post = Post::start().await;
    let (ada, ..) = post.register("ada").await;
    let mailer = post.mailer().await;
    post.change_email(&ada, "new@example.com").await;
    eventually(2 * PATIENCE, async || {
        let notices = post.server.accepted();
        let changed = |mail: &&Received| mail.body().contains("was changed");
        notices.iter().filter(changed).count() == 2
    })
    .await;
    post.dealt_with().await;
    let before = post.server.accepted().len();
    post.forget_password(&ada).await;
    let mails = post.accepted(before + 1).await;
    assert_eq!(mails[before].to, "new@example.com");
    let notices = mails[..before].iter();
    let notices: Vec<Received> = notices
        .filter(|mail| mail.body().contains("was changed"))
        .cloned()
        .collect();
    assert_eq!(recipients(&notices), ["ada@example.com", "new@example.com"]);
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn a_warning_goes_to_the_address_it_is_about() {
    let post = Post::start().await;
    let mailer = post.mailer().await;
    soon(mailer.stop()).await;
    let (ada, ..) = post.register("ada").await;
    post.change_password(&ada).await;
    // Whoever took the account over is quicker than the mail.
    post.change_email(&ada, "thief@example.com").await;
    let mailer = post.mailer().await;
    post.dealt_with().await;
    let mails = post.server.accepted();
    let warning = mails
        .iter()
        .find(|mail| mail.body().contains("password of your account was changed"));
    assert_eq!(warning.expect("a warning").to, ada.email);
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn only_the_newest_request_is_mailed_and_none_that_expired() {
    let post = Post::start().await;
    let mailer = post.mailer().await;
    let (ada, ..) = post.register("ada").await;
    let (bob, ..) = post.register("bob").await;
    post.accepted(2).await;
    soon(mailer.stop()).await;
    post.forget_password(&bob).await;
    post.later(2 * HOUR);
    post.forget_password(&ada).await;
    let newest = post.forget_password(&ada).await;
    let mailer = post.mailer().await;
    let mails = post.accepted(3).await;
    let token = mails[2].token().expect("a link");
    let opened = ActionTokens::new(&SECRET).open(Purpose::ResetPassword, &token);
    assert_eq!(opened, Ok((ada.id, newest)));
    soon(mailer.stop()).await;
}

#[tokio::test]
async fn nobody_writes_to_the_erased() {
    let post = Post::start().await;
    let mailer = post.mailer().await;
    soon(mailer.stop()).await;
    let (ada, ..) = post.register("ada").await;
    let (bob, ..) = post.register("bob").await;
    let key = VaultKey::DataKey(bob.id);
    post.log.vault().destroy(key).await.expect("destroyed");
    let meta = post.meta(&ada);
    post.execute(&ada, &meta, &AccountCommand::Erase).await;
    // Another process, which never knew the key.
    let mailer = post.mailer_over(open(&post.config).await).await;
    post.dealt_with().await;
    assert_eq!(post.server.conversations(), 0);
    let health = mailer.health();
    assert_eq!((health.given_up, health.retried), (0, 0));
    soon(mailer.stop()).await;
}
