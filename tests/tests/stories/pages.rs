//! The pages that links in mails lead to, in a real browser.

use crate::support::{Chromium, World};

/// The name under which the browser knows the world's service.
const PLACE: &str = "http://id.localhost";

/// What the page says.
const SAID: &str = "document.querySelector('#status').textContent";

async fn world() -> World {
    World::with(&[("issuer", PLACE)]).await
}

async fn browser(world: &World) -> Option<Chromium> {
    let address = world.url.strip_prefix("http://").expect("its address");
    Chromium::start(address.parse().expect("an address")).await
}

#[tokio::test]
async fn ab_36_a_link_is_opened_without_a_word_of_its_token_and_used_by_the_button() {
    let world = world().await;
    let Some(mut browser) = browser(&world).await else {
        return;
    };
    let before = world.ends().await;
    for page in ["verify", "email", "reset"] {
        let url = format!("{PLACE}/account/{page}");
        browser.open(&format!("{url}#token=secret-{page}")).await;
        assert_eq!(browser.eval("location.href").await, url.as_str());
        assert_eq!(browser.eval("document.cookie").await, "");
    }
    let asked = browser.traffic.iter();
    let wrong = asked.filter(|line| line.starts_with("POST") || line.contains("secret"));
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
    assert_eq!(world.ends().await, before);

    browser
        .open(&format!("{PLACE}/account/verify#token=secret"))
        .await;
    browser.press("Tab").await;
    browser.press("Enter").await;
    browser.until(&format!("{SAID} !== ''")).await;
    browser
        .sees(&format!("POST {PLACE}/v1/auth/email/verify"))
        .await;
    // It is refused for its token, not for where it comes from.
    let forbidden = browser.traffic.iter().any(|line| line.starts_with("403 "));
    assert!(!forbidden, "{:?}", browser.traffic);
    let broken = browser.complaints.iter();
    let broken = broken.filter(|line| line.starts_with("security"));
    assert_eq!(broken.collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn a_password_is_typed_twice_with_keys_alone() {
    let world = world().await;
    let Some(mut browser) = browser(&world).await else {
        return;
    };
    browser.open(&format!("{PLACE}/account/reset")).await;
    let said = browser.eval(SAID).await;
    assert!(said.as_str().expect("text").contains("not complete"));
    assert_eq!(
        browser.eval("document.querySelector('form').hidden").await,
        true
    );

    // A second link in the same tab changes the fragment only.
    browser
        .open(&format!("{PLACE}/account/reset#token=secret"))
        .await;
    browser
        .until("!document.querySelector('form').hidden")
        .await;
    browser.press("Tab").await;
    browser.text("velvet-Anchor-41-lantern").await;
    browser.press("Tab").await;
    browser.text("velvet-Anchor-41-lanterm").await;
    browser.press("Enter").await;
    browser.until(&format!("{SAID}.includes('same')")).await;
    let sent = browser.traffic.iter().any(|line| line.starts_with("POST"));
    assert!(!sent, "{:?}", browser.traffic);

    let kinds = "[...document.querySelectorAll('input')].map((one) => one.type).join()";
    browser.press("Tab").await;
    browser.press("Space").await;
    assert_eq!(browser.eval(kinds).await, "text,text");
    browser.press("Space").await;
    assert_eq!(browser.eval(kinds).await, "password,password");
    let both = "document.querySelectorAll('input')[1].value = \
                document.querySelectorAll('input')[0].value";
    browser.eval(both).await;
    browser.press("Tab").await;
    browser.press("Enter").await;
    browser
        .until(&format!("{SAID} !== '' && !{SAID}.includes('same')"))
        .await;
    browser
        .sees(&format!("POST {PLACE}/v1/auth/password/reset"))
        .await;
}

#[tokio::test]
async fn ab_06_a_browser_tells_whose_page_it_is() {
    let world = world().await;
    let Some(mut browser) = browser(&world).await else {
        return;
    };
    let before = world.ends().await;
    browser.lift_policy().await;
    for (page, status) in [
        ("http://evil.localhost/healthz", "403"),
        // A sibling under the same name is as foreign.
        ("http://id.localhost:81/healthz", "403"),
        ("http://id.localhost/healthz", "401"),
    ] {
        browser.open(page).await;
        browser.traffic.clear();
        let url = format!("{PLACE}/v1/auth/logout-all");
        let ask =
            format!("fetch('{url}', {{ method: 'POST', mode: 'no-cors' }}).then(() => 1, () => 0)");
        browser.eval(&ask).await;
        browser.sees(&format!("{status} {url}")).await;
    }
    assert_eq!(world.ends().await, before, "nothing was written");
}
