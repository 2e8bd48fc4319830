//! What the past, the stream and the newer dialogs look like, in every state,
//! compared with the files of `tests/golden`.

use countersign_openapi::ProblemCode;
use countersign_tui::Followed;
use countersign_tui::console::{Answer, Effect, Failed, Looks, Message, Query};
use ratatui::style::{Color, Modifier};
use serde_json::json;
use time::Duration;

use super::driver::Driver;
use super::made;
use super::service::Service;
use super::snapshots::{BLINK, SIZES, compare, scene, troubled, well};

const THEN: [&str; 3] = [":", "text:at -30m", "Enter"];

fn then<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<&'a str> {
    [before, &THEN, after].concat()
}

/// Every question is refused.
fn refuse(driver: &mut Driver) {
    for effect in std::mem::take(&mut driver.waiting) {
        let told = "Not permitted (insufficient_permissions)".to_owned();
        let failed = Failed::Refused(ProblemCode::InsufficientPermissions, told);
        match effect {
            Effect::Ask { ticket, query } => driver.tell(Message::Answer(Answer {
                ticket,
                query,
                outcome: Err(failed),
            })),
            Effect::Follow { ticket, .. } => driver.tell(Message::Cut {
                ticket,
                failed: Some(failed),
            }),
            _ => {}
        }
    }
}

#[test]
fn the_past() {
    scene("past_sessions", well, &then(&["2"], &[]));
    scene("past_session", well, &then(&["2", "Enter"], &[]));
    let at_fact = ["Tab", "Tab", "j", "j"];
    scene("past_session_fact", well, &then(&["2", "Enter"], &at_fact));
    scene("past_accounts", well, &then(&["3"], &[]));
    scene("past_account", well, &then(&["3", "G", "Enter"], &[]));
    scene("past_elsewhere", well, &then(&["2"], &["7"]));
    let long_ago = [":", "text:at 2026-11-20T01:02:03Z", "Enter"];
    scene("past_empty", well, &[&["2"][..], &long_ago].concat());
    scene("palette_at", well, &["2", ":", "text:at -30m"]);
    scene("palette_at_refused", well, &["2", ":", "text:at 25:00"]);
}

#[test]
fn the_past_while_it_loads_and_when_it_is_refused() {
    for size in SIZES {
        let mut service = well();
        let mut driver = Driver::signed_in(size);
        driver.press(&["2"]);
        driver.serve(&mut service);
        driver.press(&["Enter"]);
        driver.serve(&mut service);
        driver.press(&THEN);
        compare("past_session_loading", &driver);
        refuse(&mut driver);
        driver.wait(Duration::seconds(7));
        compare("past_session_error", &driver);
    }
}

#[test]
fn the_past_without_colours() {
    let looks = Looks {
        ascii: true,
        plain: true,
        light: false,
    };
    for size in SIZES {
        let mut service = well();
        let mut driver = Driver::new(size, looks, true);
        driver.enter();
        driver.press(&["2"]);
        driver.serve(&mut service);
        driver.press(&["Enter"]);
        driver.serve(&mut service);
        driver.press(&THEN);
        driver.serve(&mut service);
        driver.wait(Duration::seconds(7));
        driver.serve(&mut service);
        compare("ascii_past_session", &driver);
        let buffer = driver.buffer();
        for cell in buffer.content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
            assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
        }
        let first: String = (0..size.0).map(|x| buffer[(x, 0)].symbol()).collect();
        let at = first.find("AS OF 13:33:07Z").expect("it says so");
        let at = u16::try_from(at).expect("small");
        let loud = Modifier::BOLD | Modifier::REVERSED;
        for x in at..at + 15 {
            assert!(buffer[(x, 0)].modifier.contains(loud));
        }
    }
}

/// A console at the log.
fn at_events(size: (u16, u16)) -> (Driver, Service) {
    let mut service = well();
    let mut driver = Driver::signed_in(size);
    driver.press(&["5"]);
    driver.serve(&mut service);
    (driver, service)
}

fn refreshed(position: u64) -> countersign_openapi::Event {
    let id = made::session_id(position);
    made::event(
        position,
        "session",
        id,
        "refreshed",
        json!({"generation": 2}),
    )
}

#[test]
fn the_stream() {
    for size in SIZES {
        let mut driver = Driver::signed_in(size);
        driver.press(&["5"]);
        compare("events_loading", &driver);
        refuse(&mut driver);
        compare("events_error", &driver);
        let (mut driver, mut service) = at_events(size);
        let gap = Followed::Gap {
            shard: 1,
            from: 40,
            to: 253,
        };
        driver.brings(gap, 7);
        driver.happens(refreshed(254));
        compare("events_gap", &driver);
        driver.press(&["k"]);
        for position in 255..280 {
            driver.happens(refreshed(position));
        }
        compare("events_paused", &driver);
        driver.cut();
        compare("events_cut", &driver);
        driver.wait(Duration::seconds(1));
        compare("events_again", &driver);
        // What happened meanwhile comes first.
        let ticket = driver.waiting.iter().find_map(|effect| match effect {
            Effect::Follow { ticket, .. } => Some(*ticket),
            _ => None,
        });
        driver.tell(Message::Following(ticket.expect("asked again")));
        driver.press(&["G"]);
        compare("events_replay", &driver);
        driver.press(&["/"]);
        driver.write("noun:account");
        driver.press(&["Enter"]);
        service.log.clear();
        driver.serve(&mut service);
        compare("events_empty", &driver);
    }
}

#[test]
fn accounts_and_their_tries() {
    scene("account_tries", well, &["3", "G", "Enter", "Tab", "Tab"]);
    for size in SIZES {
        let mut service = well();
        let mut driver = Driver::signed_in(size);
        driver.press(&["3"]);
        driver.serve(&mut service);
        driver.press(&["Enter"]);
        let waiting = std::mem::take(&mut driver.waiting);
        let (tries, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|effect| {
            matches!(
                effect,
                Effect::Ask {
                    query: Query::Attempts(_),
                    ..
                }
            )
        });
        driver.waiting = others;
        driver.serve(&mut service);
        driver.press(&["Tab", "Tab"]);
        compare("account_tries_loading", &driver);
        driver.waiting = tries;
        refuse(&mut driver);
        compare("account_tries_error", &driver);
    }
}

#[test]
fn read_models_are_repaired_and_rebuilt() {
    scene("menu_projections", troubled, &["6", "j", "x"]);
    for size in SIZES {
        let mut service = troubled();
        let mut driver = Driver::signed_in(size);
        driver.press(&["6"]);
        driver.serve(&mut service);
        driver.arm(&mut service);
        driver.press(&["j", "x", "r"]);
        driver.wait(BLINK);
        compare("confirm_repair", &driver);
        driver.press(&["Esc", "x", "b"]);
        driver.wait(BLINK);
        compare("confirm_rebuild", &driver);
        driver.press(&["Tab"]);
        driver.write("all");
        driver.press(&["Tab", "y"]);
        driver.serve(&mut service);
        driver.press(&["Enter"]);
        driver.wait(Duration::seconds(7));
        driver.serve(&mut service);
        compare("projections_rebuilding", &driver);
    }
}

#[test]
fn lists_are_sorted_and_narrowed_down() {
    scene("clients_filtered", well, &["4", "/", "text:order", "Enter"]);
    scene("clients_sorted", well, &["4", "o", "O", "Tab", "o"]);
    scene("keys_sorted", well, &["7", "o", "o"]);
}
