//! Every terminal, however small.

use countersign_tui::console::{Message, Screen};
use time::Duration;

use super::driver::Driver;
use super::service::Service;

/// Every screen and what may lie over it.
const PLACES: &[&[&str]] = &[
    &["1"],
    &["2"],
    &["2", "Enter"],
    &["2", "Enter", "Tab"],
    &["3"],
    &["3", "Enter"],
    &["3", "Enter", "Tab"],
    &["3", "x"],
    &["4"],
    &["4", "Tab"],
    &["5"],
    &["5", "k"],
    &["6"],
    &["7"],
    &["2", "?"],
    &["2", ":"],
    &["2", "/"],
    &["2", "!"],
    &["2", "i"],
    &["2", "e"],
    &["2", "*", "x"],
    &["2", "x"],
    &["6", "x"],
    &["6", "x", "b"],
    &["4", "o"],
    &["3", "Enter", "Tab", "Tab"],
    &["2", "Enter", ":", "text:at -30m", "Enter"],
    &["2", "Enter", ":", "text:at -30m", "Enter", "Tab", "Tab"],
    &["3", "Enter", ":", "text:at -30m", "Enter", "Tab", "Tab"],
    &["2", ":", "text:at -30m", "Enter"],
    &["2", ":", "text:at -30m", "Enter", "5"],
    &["2", ":", "text:at "],
    &["7", "x", "k"],
];

/// A console at every place, armed.
fn everywhere() -> Vec<Driver> {
    let mut service = Service::with(60);
    service.troubled = true;
    let at = |place: &&[&str]| {
        let mut driver = Driver::signed_in((80, 24));
        driver.serve(&mut service);
        driver.arm(&mut service);
        for key in *place {
            driver.press(&[key]);
            driver.serve(&mut service);
        }
        driver.wait(Duration::milliseconds(300));
        driver.write("some text");
        driver
    };
    PLACES.iter().map(at).collect()
}

#[test]
fn no_size_panics() {
    let mut drivers = everywhere();
    let number = drivers.len();
    // Each size at one place, and every place at many sizes.
    for columns in 1..=200 {
        for rows in 1..=60 {
            let driver = &mut drivers[usize::from(columns * 7 + rows) % number];
            driver.tell(Message::Resize(columns, rows));
            driver.buffer();
        }
    }
    for driver in &mut drivers {
        for columns in [60, 61, 79, 80, 99, 100, 109, 110, 111, 200] {
            for rows in [15, 16, 17, 23, 24, 60] {
                driver.tell(Message::Resize(columns, rows));
                driver.buffer();
            }
        }
    }
}

#[test]
fn a_small_terminal_says_so_and_takes_no_orders() {
    let mut service = Service::with(10);
    let mut driver = Driver::signed_in((59, 24));
    driver.press(&["2"]);
    driver.serve(&mut service);
    assert!(driver.screen().starts_with("Enlarge to 60x15"));
    assert_eq!(driver.model.screen, Screen::Overview);
    driver.tell(Message::Resize(60, 15));
    driver.press(&["2"]);
    assert_eq!(driver.model.screen, Screen::Sessions);
}
