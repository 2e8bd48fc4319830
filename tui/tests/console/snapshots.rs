//! What every screen looks like, compared with the files of `tests/golden`.
//!
//! `UPDATE_GOLDEN=1` writes them anew; the difference is for a review.

use std::path::PathBuf;

use countersign_openapi::ProblemCode;
use countersign_tui::console::{Answer, Effect, Failed, Looks, Message};
use ratatui::style::Color;
use time::Duration;

use super::driver::Driver;
use super::made;
use super::service::Service;

pub const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];
pub const BLINK: Duration = Duration::milliseconds(300);

pub fn compare(name: &str, driver: &Driver) {
    let (columns, rows) = driver.model.size;
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = folder.join(format!("{name}.{columns}x{rows}.txt"));
    let seen = driver.screen();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &seen).expect("written");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == seen,
        "{} is not what is seen; UPDATE_GOLDEN=1 writes it anew.\n--- golden\n{golden}--- seen\n{seen}",
        path.display()
    );
}

/// Draws a scene at every size.
pub fn scene(name: &str, service: impl Fn() -> Service, keys: &[&str]) {
    for size in SIZES {
        let mut service = service();
        let mut driver = Driver::signed_in(size);
        driver.serve(&mut service);
        driver.model.has_seed = true;
        for key in keys {
            driver.press(&[key]);
            driver.serve(&mut service);
        }
        // What was said a moment ago is not said any more.
        driver.wait(Duration::seconds(7));
        driver.serve(&mut service);
        compare(name, &driver);
    }
}

pub fn well() -> Service {
    Service::with(60)
}

pub fn troubled() -> Service {
    let mut service = well();
    service.troubled = true;
    service
}

#[test]
fn screens() {
    scene("overview", well, &["1"]);
    scene("overview_troubled", troubled, &["1"]);
    scene("sessions", well, &["2"]);
    scene("session", well, &["2", "Enter"]);
    scene("session_beside", well, &["2", "Enter", "Tab"]);
    scene("accounts", well, &["3"]);
    scene("account", well, &["3", "G", "Enter"]);
    scene("clients", well, &["4"]);
    scene("events", well, &["5"]);
    scene("projections", troubled, &["6", "j"]);
    scene("keys", well, &["7"]);
}

#[test]
fn layers() {
    scene("help", well, &["2", "?"]);
    scene("palette", well, &["2", ":", "r", "e", "v"]);
    scene(
        "filter",
        well,
        &["2", "/", "i", "p", "x", ":", "1", "Enter"],
    );
    scene("menu", well, &["3", "x"]);
    scene("json", well, &["2", "j", "j", "i"]);
    scene("arm", well, &["2", "j", "x"]);
}

#[test]
fn lists_with_nothing_much_and_much() {
    scene("sessions_empty", || Service::with(0), &["2"]);
    let deep = ["2", "G", "G", "G"];
    scene("sessions_100000", || Service::with(100_000), &deep);
    for size in SIZES {
        let mut driver = Driver::signed_in(size);
        driver.press(&["2"]);
        compare("sessions_loading", &driver);
        let tickets: Vec<_> = driver.waiting.drain(..).collect();
        for effect in tickets {
            if let Effect::Ask { ticket, query } = effect {
                let told = "Not permitted (insufficient_permissions)".to_owned();
                let outcome = Err(Failed::Refused(ProblemCode::InsufficientPermissions, told));
                driver.tell(Message::Answer(Answer {
                    ticket,
                    query,
                    outcome,
                }));
            }
        }
        compare("sessions_error", &driver);
    }
}

#[test]
fn marks_and_what_came_meanwhile() {
    for size in SIZES {
        let mut service = well();
        let mut driver = Driver::signed_in(size);
        driver.press(&["2"]);
        driver.serve(&mut service);
        driver.press(&["j", "Space", "j", "Space"]);
        let newer = (60..72).rev().map(made::session);
        service.sessions.splice(0..0, newer);
        driver.wait(Duration::seconds(7));
        driver.serve(&mut service);
        compare("sessions_marked", &driver);
    }
}

#[test]
fn dialogs() {
    for size in SIZES {
        let mut service = well();
        let mut driver = Driver::new(size, Looks::default(), true);
        driver.enter();
        driver.press(&["2"]);
        driver.serve(&mut service);
        driver.arm(&mut service);
        driver.press(&["j", "x"]);
        driver.wait(BLINK);
        driver.write("stolen laptop");
        driver.press(&["Tab"]);
        compare("confirm_one", &driver);
        driver.press(&["y"]);
        driver.serve(&mut service);
        compare("confirm_done", &driver);
        driver.press(&["Enter", "*", "x"]);
        driver.wait(BLINK);
        compare("confirm_many", &driver);
        driver.press(&["Esc", "U", "/"]);
        driver.write("ip:203.0.113.0/24");
        driver.press(&["Enter"]);
        driver.serve(&mut service);
        driver.press(&["R"]);
        driver.serve(&mut service);
        compare("confirm_filtered", &driver);
        driver.wait(BLINK);
        driver.press(&["Esc", "3"]);
        driver.serve(&mut service);
        driver.press(&["x", "s"]);
        driver.wait(BLINK);
        compare("confirm_account", &driver);
    }
}

#[test]
fn getting_in() {
    for size in SIZES {
        let mut driver = Driver::new(size, Looks::default(), true);
        compare("entering", &driver);
        driver.tell(Message::AskPassword {
            email: "ada@example.com".to_owned(),
            refused: Some("Wrong address or password (invalid_credentials)".to_owned()),
        });
        driver.write("secret");
        compare("sign_in", &driver);
        driver.tell(Message::AskCode { refused: None });
        driver.write("123456");
        compare("sign_in_code", &driver);
    }
}

#[test]
fn an_outage() {
    for size in SIZES {
        let mut service = well();
        let mut driver = Driver::signed_in(size);
        driver.press(&["5"]);
        driver.serve(&mut service);
        service.up = false;
        driver.cut();
        driver.wait(Duration::seconds(7));
        driver.serve(&mut service);
        driver.wait(Duration::seconds(1));
        compare("events_outage", &driver);
    }
}

#[test]
fn plain_and_ascii_terminals() {
    let looks = Looks {
        ascii: true,
        plain: true,
        light: false,
    };
    for size in SIZES {
        let mut service = troubled();
        let mut driver = Driver::new(size, looks, true);
        driver.enter();
        driver.serve(&mut service);
        compare("ascii_overview", &driver);
        driver.press(&["2", "Space"]);
        driver.serve(&mut service);
        driver.arm(&mut service);
        compare("ascii_sessions", &driver);
        driver.press(&["x"]);
        let buffer = driver.buffer();
        for cell in buffer.content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
            assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
        }
    }
}

#[test]
fn colours_are_of_the_sixteen_and_never_a_background() {
    let mut service = troubled();
    for looks in [false, true] {
        let looks = Looks {
            light: looks,
            ..Looks::default()
        };
        let mut driver = Driver::new((120, 40), looks, true);
        driver.enter();
        for place in ["1", "2", "3", "4", "5", "6", "7", "x"] {
            driver.press(&[place]);
            driver.serve(&mut service);
            let buffer = driver.buffer();
            for cell in buffer.content() {
                assert_eq!(cell.bg, Color::Reset);
                let known = matches!(
                    cell.fg,
                    Color::Reset | Color::Red | Color::Green | Color::Yellow | Color::Magenta
                );
                assert!(known && !(looks.light && cell.fg == Color::Yellow));
            }
        }
    }
}
