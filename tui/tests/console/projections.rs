//! Repairing and rebuilding read models, and clients, key by key.

use countersign_tui::console::{Layer, Verb};
use time::Duration;

use super::driver::Driver;
use super::service::Service;

const BLINK: Duration = Duration::milliseconds(300);

/// An armed console at the read models, of which the second stopped.
fn at_projections() -> (Driver, Service) {
    let mut service = Service::with(10);
    service.troubled = true;
    let mut driver = Driver::signed_in((80, 24));
    driver.press(&["6"]);
    driver.serve(&mut service);
    driver.arm(&mut service);
    (driver, service)
}

#[test]
fn only_what_stopped_is_repaired() {
    let (mut driver, mut service) = at_projections();
    driver.press(&["x", "r"]);
    assert!(driver.model.layer.is_none());
    assert!(
        driver.screen().contains("it has not stopped"),
        "{}",
        driver.screen()
    );
    driver.press(&["j", "x", "r"]);
    driver.wait(BLINK);
    let seen = driver.screen();
    assert!(seen.contains("stopped at 1.8401"), "{seen}");
    // Nothing has to be typed, but `r` and Enter do not act.
    driver.press(&["r", "Enter"]);
    assert!(driver.model.layer.is_none() && service.told.is_empty());
    driver.press(&["x", "r"]);
    driver.wait(BLINK);
    driver.press(&["Tab", "y"]);
    driver.serve(&mut service);
    assert_eq!(service.told.len(), 1);
    assert_eq!(service.told[0].verb, Verb::Repair);
    assert_eq!(service.told[0].target, "1");
    let seen = driver.screen();
    assert!(seen.contains("tries its event again"), "{seen}");
    assert!(!seen.contains("as of"), "it is no event: {seen}");
}

#[test]
fn a_rebuild_takes_the_word_all_and_only_one_goes_on_at_a_time() {
    let (mut driver, mut service) = at_projections();
    driver.press(&["x", "b"]);
    driver.wait(BLINK);
    driver.press(&["Tab", "Tab", "y"]);
    driver.press(&["Tab", "Tab", "y"]);
    driver.serve(&mut service);
    assert!(service.told.is_empty(), "the word is missing");
    driver.press(&["Esc", "x", "b"]);
    driver.wait(BLINK);
    driver.press(&["Tab"]);
    driver.write("all");
    driver.press(&["Tab", "y"]);
    driver.serve(&mut service);
    assert_eq!(service.told.len(), 1);
    assert_eq!(service.told[0].verb, Verb::Rebuild);
    driver.press(&["Enter"]);
    driver.wait(Duration::seconds(2));
    driver.serve(&mut service);
    let seen = driver.screen();
    assert!(
        seen.contains("REBUILDING 2")
            && seen.contains("24,200/s")
            && seen.matches("12,100").count() == 2
            && seen.contains("ETA 7 m"),
        "{seen}"
    );
    driver.press(&["x", "b"]);
    assert!(!matches!(driver.model.layer, Some(Layer::Confirm(_))));
    assert!(
        driver.screen().contains("one is under way"),
        "{}",
        driver.screen()
    );
}

#[test]
fn a_rebuild_that_failed_is_asked_for_again_and_not_repaired() {
    let (mut driver, mut service) = at_projections();
    service.failed_rebuild = true;
    driver.wait(Duration::seconds(6));
    driver.serve(&mut service);
    driver.press(&["j", "j"]);
    let seen = driver.screen();
    assert!(!seen.contains("x repairs it"), "{seen}");
    assert!(seen.contains("ask for another rebuild"), "{seen}");
    driver.press(&["x", "r"]);
    let seen = driver.screen();
    assert!(seen.contains("of a rebuild: ask for another one"), "{seen}");
    assert!(!matches!(driver.model.layer, Some(Layer::Confirm(_))));
    driver.press(&["Esc", "x", "b"]);
    let seen = driver.screen();
    assert!(seen.contains("2 shards; 6 shows"), "{seen}");
    assert!(service.told.is_empty());
}

#[test]
fn a_list_of_clients_that_is_not_whole_says_so() {
    let (mut driver, mut service) = at_projections();
    driver.press(&["4"]);
    driver.serve(&mut service);
    assert!(!driver.screen().contains("NOT LISTED"));
    service.more_clients = true;
    driver.wait(Duration::seconds(6));
    driver.serve(&mut service);
    assert!(
        driver.screen().contains("NOT LISTED"),
        "{}",
        driver.screen()
    );
}

#[test]
fn whoever_is_not_armed_is_asked_to_prove_it_first() {
    let mut service = Service::with(10);
    service.troubled = true;
    let mut driver = Driver::signed_in((80, 24));
    driver.press(&["6"]);
    driver.serve(&mut service);
    driver.press(&["j", "x", "r"]);
    assert!(matches!(driver.model.layer, Some(Layer::Arm(_))));
    assert!(service.told.is_empty());
}

#[test]
fn a_client_that_the_filter_hides_is_not_acted_on() {
    let (mut driver, mut service) = at_projections();
    driver.press(&["4"]);
    driver.serve(&mut service);
    let hidden = driver.model.client_at;
    driver.press(&["/"]);
    driver.write("billing");
    driver.press(&["Enter"]);
    assert_ne!(
        driver.model.client_at, hidden,
        "the cursor is on what is seen"
    );
    driver.press(&["/", "^u"]);
    driver.write("nobody");
    driver.press(&["Enter"]);
    // What comes anew is hidden as well.
    driver.wait(Duration::seconds(6));
    driver.serve(&mut service);
    driver.press(&["x", "d"]);
    assert!(!matches!(driver.model.layer, Some(Layer::Confirm(_))));
    assert!(
        driver.screen().contains("no client is chosen"),
        "{}",
        driver.screen()
    );
}
