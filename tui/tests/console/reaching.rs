//! Who has applied what was done, seen from the dialog and after it.

use countersign_openapi::{Applied, VerifierBehind, VerifierState};
use countersign_tui::console::{Layer, Message, Reach};
use time::Duration;
use uuid::Uuid;

use super::driver::Driver;
use super::service::Service;
use super::stories::at_sessions;

/// Of six verifiers, these lag.
fn lagging(names: &[&str]) -> Applied {
    let behind = names.iter().map(|name| VerifierBehind {
        id: Uuid::from_u128(7),
        name: (*name).to_owned(),
        state: VerifierState::Live,
        staleness_ms: Some(900),
        max_staleness_ms: Some(10_000),
    });
    Applied {
        verifiers: 6,
        behind: behind.collect(),
    }
}

/// Several sessions are to end, and the service has not answered.
fn ending_several(size: (u16, u16)) -> (Driver, Service, u64) {
    let (mut driver, mut service) = at_sessions(40);
    driver.tell(Message::Resize(size.0, size.1));
    driver.arm(&mut service);
    driver.press(&["Space", "j", "Space", "j", "Space", "x"]);
    driver.wait(Duration::milliseconds(300));
    driver.write("incident 311");
    driver.press(&["Tab"]);
    driver.write("3");
    driver.press(&["Tab", "y"]);
    let Some(Layer::Confirm(confirm)) = &driver.model.layer else {
        panic!("{}", driver.screen());
    };
    let job = confirm.job.expect("a job");
    (driver, service, job)
}

#[test]
fn several_show_who_lags_until_all_have_it() {
    for size in [(80, 24), (120, 40)] {
        let (mut driver, mut service, job) = ending_several(size);
        let reach = Reach::SoFar(lagging(&["orders", "bil\u{202e}\u{1b}ling", "c", "d", "e"]));
        driver.tell(Message::Reached { job, reach });
        let seen = driver.screen();
        let line = "applied by 1 of 6 verifiers, not yet by orders, bil\\u{202e}\\u{1b}ling, c";
        assert!(seen.contains(line) && seen.contains("and 2 more"), "{seen}");
        assert!(!seen.contains("Enter closes"), "{seen}");
        driver.serve(&mut service);
        assert!(service.told.iter().all(|order| !order.wait), "together");
        let seen = driver.screen();
        assert!(
            seen.contains("3 of 3 done") && seen.contains("not yet by orders"),
            "{seen}"
        );
        let reach = Reach::Last(lagging(&[]));
        driver.tell(Message::Reached { job, reach });
        let seen = driver.screen();
        assert!(seen.contains("applied by all 6 verifiers"), "{seen}");
        driver.press(&["Enter"]);
        let seen = driver.screen();
        assert!(
            seen.contains("3 of 3 done; applied by all 6 verifiers"),
            "{seen}"
        );
    }
}

#[test]
fn when_the_time_is_over_it_says_who_and_what_protects_them() {
    for size in [(80, 24), (120, 40)] {
        let (mut driver, mut service, job) = ending_several(size);
        driver.serve(&mut service);
        let reach = Reach::Last(lagging(&["orders", "billing"]));
        driver.tell(Message::Reached { job, reach });
        let seen = driver.screen();
        for part in [
            "! not applied after 10 s by 2 of 6 verifiers: orders, billing.",
            "refuses everything by itself at most 10 seconds after its last",
        ] {
            assert!(seen.contains(part), "{seen}");
        }
        driver.press(&["Enter"]);
        let told = "3 of 3 done; ! not applied yet by 2 of 6 verifiers";
        assert!(driver.screen().contains(told), "{}", driver.screen());
    }
}

#[test]
fn whoever_closed_the_dialog_hears_the_end_of_it_once() {
    let (mut driver, mut service, job) = ending_several((80, 24));
    let reach = Reach::SoFar(lagging(&["orders"]));
    driver.tell(Message::Reached {
        job,
        reach: reach.clone(),
    });
    driver.serve(&mut service);
    driver.press(&["Enter"]);
    assert!(driver.model.layer.is_none(), "nobody has to wait for it");
    assert!(
        driver.screen().contains("not applied yet by 1 of 6"),
        "{}",
        driver.screen()
    );
    driver.tell(Message::Reached { job, reach });
    assert!(driver.model.layer.is_none());
    let reach = Reach::Last(lagging(&[]));
    driver.tell(Message::Reached {
        job: job + 1,
        reach: reach.clone(),
    });
    assert!(!driver.screen().contains("applied by all"), "another's");
    driver.tell(Message::Reached { job, reach });
    assert!(
        driver.screen().contains("applied by all 6 verifiers"),
        "{}",
        driver.screen()
    );
}

#[test]
fn where_nobody_can_say_it_that_is_said() {
    let (mut driver, mut service, job) = ending_several((80, 24));
    driver.serve(&mut service);
    let reach = Reach::Unknown("Not permitted\u{1b} (insufficient_permissions)".to_owned());
    driver.tell(Message::Reached { job, reach });
    let seen = driver.screen();
    assert!(
        seen.contains("who has applied it is not known: Not permitted"),
        "{seen}"
    );
    assert!(!seen.contains('\u{1b}'));
}
