//! What somebody stumbles over who uses the console for the first time.

use countersign_tui::console::{Far, Layer, Message, Screen, Verb};
use time::Duration;

use super::driver::Driver;
use super::made;
use super::service::Service;
use super::stories::{armed_at, at_sessions};

#[test]
fn one_session_of_an_account_is_ended_where_the_cursor_is() {
    let (mut driver, mut service) = armed_at("3", 40);
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    driver.press(&["x"]);
    let seen = driver.screen();
    assert!(!seen.contains("revoke this session"), "{seen}");
    driver.press(&["Esc", "Tab"]);
    let meant = driver.model.account.at_session.expect("a session");
    driver.press(&["x"]);
    let seen = driver.screen();
    assert!(seen.contains("revoke this session"), "{seen}");
    driver.press(&["Enter"]);
    driver.wait(Duration::milliseconds(300));
    assert!(
        driver.screen().contains("Revoke 1 session"),
        "{}",
        driver.screen()
    );
    // Its id is there to the last character.
    assert!(
        driver.screen().contains(&meant.to_string()),
        "{}",
        driver.screen()
    );
    driver.write("stolen laptop");
    driver.press(&["Tab", "y"]);
    driver.serve(&mut service);
    assert_eq!(service.told.len(), 1);
    assert_eq!(service.told[0].verb, Verb::RevokeSession);
    assert_eq!(service.told[0].target, meant.to_string());
    driver.press(&["Enter"]);
    let seen = driver.screen();
    assert!(seen.contains("over as of 1.9000 ("), "{seen}");
    driver.press(&["2"]);
    let seen = driver.screen();
    assert!(
        !seen.contains("over as of"),
        "said about another screen:\n{seen}"
    );
}

#[test]
fn an_end_that_another_history_tells_of_is_told_here_too() {
    let (mut driver, mut service) = at_sessions(40);
    driver.press(&["/"]);
    driver.write("state:revoked");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    let seen = driver.screen();
    assert!(!seen.contains("ended with the account"), "{seen}");
    service.ends_accounts = true;
    driver.wait(Duration::seconds(6));
    driver.serve(&mut service);
    let seen = driver.screen();
    assert!(
        seen.contains("ended with the account: revoked by operator"),
        "{seen}"
    );
    driver.press(&["u"]);
    assert_eq!(driver.model.screen, Screen::Account);
}

#[test]
fn events_lead_to_whom_they_concern() {
    let mut service = Service::with(10);
    let mut driver = Driver::signed_in((80, 24));
    driver.press(&["5"]);
    driver.serve(&mut service);
    driver.press(&["u"]);
    assert_eq!(driver.model.screen, Screen::Session);
    assert_eq!(driver.model.session.id, Some(made::session_id(1)));
    driver.press(&["-"]);
    let payload = serde_json::json!({"account": made::account_id(2)});
    let grant = made::event(90, "grant", made::session_id(77), "given", payload);
    driver.serve(&mut service);
    driver.happens(grant);
    driver.press(&["u"]);
    assert_eq!(driver.model.account.id, Some(made::account_id(2)));
    driver.press(&["-", "/"]);
    driver.write("erin");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    let seen = driver.screen();
    assert!(seen.contains("ids, not names"), "{seen}");
}

#[test]
fn a_key_that_means_nothing_here_says_so() {
    let mut service = Service::with(10);
    let mut driver = Driver::signed_in((80, 24));
    driver.press(&["7"]);
    driver.serve(&mut service);
    driver.press(&["/"]);
    let seen = driver.screen();
    assert!(
        seen.contains("/ means nothing on Keys; ? shows the keys"),
        "{seen}"
    );
    driver.press(&["1", "z"]);
    let seen = driver.screen();
    assert!(!seen.contains("means nothing"), "{seen}");
    assert!(seen.contains("2 Sessions 3 Accounts"), "{seen}");
    assert!(seen.contains("7 Keys") && seen.contains("q quit"), "{seen}");
}

#[test]
fn what_is_no_address_is_not_asked_for() {
    let (mut driver, mut service) = at_sessions(10);
    for (typed, is_one) in [
        ("ip:203.0.113", false),
        ("ip:10.0.0.0/33", false),
        ("ip:10.0.0.0/8", true),
        ("ip:2001:db8::/32", true),
    ] {
        driver.press(&["/", "^u"]);
        driver.write(typed);
        driver.press(&["Enter"]);
        let refused = driver.screen().contains("expected an address or a network");
        assert_eq!(refused, !is_one, "{typed}\n{}", driver.screen());
        driver.press(&["Esc"]);
        driver.serve(&mut service);
    }
}

#[test]
fn a_rotation_says_whether_a_key_waits() {
    let (mut driver, _) = armed_at("7", 10);
    driver.press(&["x", "r"]);
    let seen = driver.screen();
    assert!(
        seen.contains("The next key signs") && seen.contains("not held by: orders"),
        "{seen}"
    );
    driver.wait(Duration::milliseconds(300));
    driver.press(&["Esc"]);
    let keys = driver.model.keys.data_mut().expect("keys");
    keys.remove(0);
    driver.press(&["x", "r"]);
    let seen = driver.screen();
    assert!(
        seen.contains("No next key is waiting") && seen.contains("SIGNS FROM"),
        "{seen}"
    );
    assert!(!seen.contains("The next key signs"), "{seen}");
}

#[test]
fn the_service_is_watched_while_it_ends_many() {
    let (mut driver, mut service) = at_sessions(40);
    driver.arm(&mut service);
    driver.press(&["/"]);
    driver.write("ip:203.0.113.0/24");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    driver.press(&["R"]);
    driver.serve(&mut service);
    driver.wait(Duration::milliseconds(300));
    let number = match &driver.model.layer {
        Some(Layer::Confirm(confirm)) => confirm.asked().expect("a number"),
        _ => panic!("{}", driver.screen()),
    };
    driver.write("incident 311");
    driver.press(&["Tab"]);
    driver.write(&number);
    driver.press(&["Tab", "y"]);
    let Some(Layer::Confirm(confirm)) = &driver.model.layer else {
        panic!("{}", driver.screen());
    };
    let job = confirm.job.expect("a job");
    driver.tell(Message::Progress {
        job,
        far: Far {
            ended: 12,
            already_over: 0,
            matched: 33,
        },
    });
    let seen = driver.screen();
    assert!(
        seen.contains("12 of 33 ended") && seen.contains("wait for the outcome"),
        "{seen}"
    );
    // Somebody who wants to leave is told to wait, and that is no last word.
    driver.press(&["Esc"]);
    driver.tell(Message::Progress {
        job,
        far: Far {
            ended: 31,
            already_over: 2,
            matched: 33,
        },
    });
    driver.serve(&mut service);
    let seen = driver.screen();
    assert!(
        seen.contains("31 of 33 sessions ended, 2 ended otherwise as of"),
        "{seen}"
    );
    assert!(seen.contains("Enter closes"), "{seen}");
}
