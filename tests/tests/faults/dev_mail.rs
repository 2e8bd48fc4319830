//! The mails of `countersign dev`, as somebody who tries it out reads them.

use std::time::Duration;

use serde_json::{Value, json};

use super::dev::Dev;
use super::http::{get, post};
use super::process::Scratch;
use super::wait::until;

/// A mail is there within this time.
const WRITTEN: Duration = Duration::from_secs(20);

/// The mails to somebody, newest first.
async fn mails(dev: &Dev, to: &str) -> Vec<Value> {
    let listed = dev.service.ask(&get("/dev/mail")).await.expect(200);
    let items = listed.body["items"].as_array().expect("a list").iter();
    items.filter(|mail| mail["to"] == to).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_shows_the_mail_whose_link_verifies_the_address() {
    let scratch = Scratch::new("dev-mail");
    let mut dev = Dev::start(&scratch.path().join("data"), scratch.path()).await;
    let person = dev.service.register("ada@example.com").await;
    let other = dev.service.register("eve@example.com").await;
    let verified = async |access: &str| {
        let me = dev.service.ask(&get("/v1/me").bearer(access)).await;
        me.expect(200).body["email_verified"].clone()
    };
    assert_eq!(verified(&person.access).await, false);
    let (text, _) = until("the mail", WRITTEN, async || {
        let mails = mails(&dev, "ada@example.com").await;
        match &mails[..] {
            [mail] => Ok(mail["text"].as_str().expect("text").to_owned()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let start = format!("{}/account/verify#token=", dev.service.url);
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("{text}"));
    let token = rest.split_whitespace().next().expect("a token");
    let verify = post("/v1/auth/email/verify", json!({ "token": token }));
    dev.service.ask(&verify).await.expect(204);
    assert_eq!(verified(&person.access).await, true);
    assert_eq!(verified(&other.access).await, false);
    let again = dev.service.ask(&verify).await;
    assert_eq!(
        (again.status, again.code()),
        (400, "link_invalid"),
        "{again:?}"
    );
    dev.process.stop().await;
}

/// Mails are for the person at this machine, not for a page they visit, and
/// not for anybody where mails are sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_sends_its_mails_shows_none() {
    let deployment = super::deployment::Deployment::start("no-mail").await;
    let instance = deployment.serve().await;
    instance.service.ask(&get("/dev/mail")).await.expect(404);
    deployment.stop().await;
}
