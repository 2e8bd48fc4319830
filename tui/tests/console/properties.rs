//! What holds whatever is pressed, and whatever comes.

use std::collections::BTreeSet;

use countersign_openapi::Page;
use countersign_tui::Followed;
use countersign_tui::console::{Answer, Data, Effect, Failed, List, Message, Query, Wanted};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use time::Duration;
use uuid::Uuid;

use super::driver::Driver;
use super::made;
use super::service::Service;

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    Key(KeyEvent),
    Paste(String),
    Wheel(i8),
    Resize(u16, u16),
    Wait(i64),
    /// The service answers everything that was asked.
    Serve,
    /// It loses sessions, gains some, or goes away.
    Lose(usize),
    Gain,
    Toggle,
    /// An answer that nobody asked for.
    Stray(u64),
    /// Somebody who types the right code.
    Proved,
    /// Somebody goes to the past, or back.
    Travel(u16),
    Return,
    /// The stream of events brings something, a gap, or its end.
    Happens(u64),
    Gap(u64),
    Cut,
}

fn step() -> impl Strategy<Value = Step> {
    let code = prop_oneof![
        6 => proptest::char::range(' ', '~').prop_map(KeyCode::Char),
        2 => prop_oneof![Just('x'), Just('y'), Just('X'), Just('*'), Just(' ')].prop_map(KeyCode::Char),
        1 => any::<char>().prop_map(KeyCode::Char),
        4 => prop_oneof![
            Just(KeyCode::Enter), Just(KeyCode::Esc), Just(KeyCode::Tab), Just(KeyCode::BackTab),
            Just(KeyCode::Up), Just(KeyCode::Down), Just(KeyCode::Left), Just(KeyCode::Right),
            Just(KeyCode::Home), Just(KeyCode::End), Just(KeyCode::PageDown),
            Just(KeyCode::Backspace), Just(KeyCode::Delete), Just(KeyCode::F(3)),
        ],
    ];
    let modifiers = prop_oneof![
        9 => Just(KeyModifiers::NONE),
        1 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::ALT),
    ];
    prop_oneof![
        30 => (code, modifiers).prop_map(|(code, with)| Step::Key(KeyEvent::new(code, with))),
        2 => "\\PC{0,12}".prop_map(Step::Paste),
        1 => any::<i8>().prop_map(Step::Wheel),
        1 => (1_u16..200, 1_u16..60).prop_map(|(columns, rows)| Step::Resize(columns, rows)),
        5 => (0_i64..20_000).prop_map(Step::Wait),
        8 => Just(Step::Serve),
        1 => (0_usize..40).prop_map(Step::Lose),
        2 => Just(Step::Gain),
        1 => Just(Step::Toggle),
        1 => (0_u64..50).prop_map(Step::Stray),
        1 => Just(Step::Proved),
        1 => any::<u16>().prop_map(Step::Travel),
        1 => Just(Step::Return),
        2 => (0_u64..300).prop_map(Step::Happens),
        1 => (0_u64..300).prop_map(Step::Gap),
        1 => Just(Step::Cut),
    ]
}

fn take(driver: &mut Driver, service: &mut Service, step: Step) {
    match step {
        Step::Key(key) => driver.tell(Message::Key(key)),
        Step::Paste(text) => driver.tell(Message::Paste(text)),
        Step::Wheel(lines) => driver.tell(Message::Wheel(lines)),
        Step::Resize(columns, rows) => driver.tell(Message::Resize(columns, rows)),
        Step::Wait(milliseconds) => driver.wait(Duration::milliseconds(milliseconds)),
        Step::Serve => driver.serve(service),
        Step::Lose(at) => {
            let at = at.min(service.sessions.len().saturating_sub(1));
            if !service.sessions.is_empty() {
                service.sessions.remove(at);
            }
        }
        Step::Gain => {
            let newest = service
                .sessions
                .first()
                .map_or(0, |session| session.id.as_u128());
            let mut session = made::session(u64::try_from(newest % 1_000).unwrap_or(0) + 1);
            session.id = Uuid::from_u128(newest + 1);
            service.sessions.insert(0, session);
        }
        Step::Toggle => service.up = !service.up,
        Step::Stray(ticket) => {
            let outcome = if ticket % 2 == 0 {
                Ok(Data::Sessions(Page {
                    items: vec![made::session(ticket)],
                    next: None,
                }))
            } else {
                Err(Failed::NotTried)
            };
            let query = Query::SessionsOf(made::account_id(1));
            driver.tell(Message::Answer(Answer {
                ticket,
                query,
                outcome,
            }));
        }
        Step::Proved => driver.tell(Message::Proved(driver.now)),
        Step::Travel(minutes) => {
            if driver.model.layer.is_none() {
                driver.press(&[":"]);
                driver.write(&format!("at -{minutes}m"));
                driver.press(&["Enter"]);
            }
        }
        Step::Return => {
            if driver.model.layer.is_none() {
                driver.press(&[":"]);
                driver.write("now");
                driver.press(&["Enter"]);
            }
        }
        Step::Happens(position) => {
            let payload = serde_json::json!({});
            let id = made::session_id(position);
            driver.happens(made::event(position, "session", id, "refreshed", payload));
        }
        Step::Gap(from) => driver.brings(
            Followed::Gap {
                shard: 1,
                from,
                to: from + 9,
            },
            0,
        ),
        Step::Cut => driver.cut(),
    }
}

/// What holds at every moment.
fn holds(driver: &Driver) {
    let list = &driver.model.sessions;
    let rows: BTreeSet<Uuid> = list.rows().iter().map(|row| row.id).collect();
    assert_eq!(rows.len(), list.rows().len(), "a row stands twice");
    assert!(list.marks().is_subset(&rows), "a mark without its row");
    assert_eq!(list.selected().is_none(), rows.is_empty());
    if !rows.is_empty() {
        let visible = list.shown().filter(|shown| shown.selected).count();
        assert_eq!(visible, 1, "the cursor is out of sight");
    }
    assert!(driver.model.errors.len() <= 100);
    driver.buffer();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_marks_are_rows(
        place in prop_oneof![Just("2"), Just("3"), Just("4"), Just("5"), Just("6")],
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut service = Service::with(30);
        let mut driver = Driver::signed_in((80, 24));
        driver.press(&[place]);
        for step in steps {
            take(&mut driver, &mut service, step);
            holds(&driver);
        }
    }

    #[test]
    fn who_is_not_armed_never_writes(steps in proptest::collection::vec(step(), 1..120)) {
        let mut service = Service::with(30);
        let mut driver = Driver::signed_in((80, 24));
        driver.press(&["2"]);
        for step in steps {
            // Nobody proves anything in this one.
            if matches!(step, Step::Proved) {
                continue;
            }
            driver.waiting.retain(|effect| !matches!(effect, Effect::Prove(_)));
            take(&mut driver, &mut service, step);
            let acts = driver.waiting.iter().filter(|effect| matches!(effect, Effect::Act { .. }));
            prop_assert_eq!(acts.count(), 0);
            prop_assert!(driver.model.arming.arms(driver.now).is_none());
        }
        prop_assert!(service.told.is_empty());
    }

    #[test]
    fn who_looks_at_the_past_never_writes(steps in proptest::collection::vec(step(), 1..120)) {
        let mut service = Service::with(30);
        let mut driver = Driver::signed_in((80, 24));
        driver.press(&["2"]);
        driver.serve(&mut service);
        driver.arm(&mut service);
        take(&mut driver, &mut service, Step::Travel(30));
        driver.serve(&mut service);
        for step in steps {
            let before = driver.waiting.len();
            let was_past = driver.model.past.is_some();
            let serves = matches!(step, Step::Serve);
            take(&mut driver, &mut service, step);
            holds(&driver);
            if !was_past || driver.model.past.is_none() || serves {
                continue;
            }
            for effect in driver.waiting.iter().skip(before) {
                let writes = matches!(effect, Effect::Act { .. } | Effect::Preview { .. });
                prop_assert!(!writes);
            }
        }
    }

    #[test]
    fn who_is_armed_writes_only_what_a_dialog_asked(steps in proptest::collection::vec(step(), 1..120)) {
        let mut service = Service::with(30);
        let mut driver = Driver::signed_in((80, 24));
        driver.press(&["2"]);
        driver.serve(&mut service);
        driver.arm(&mut service);
        for step in steps {
            let pasted = matches!(step, Step::Paste(_) | Step::Wait(_) | Step::Serve | Step::Stray(_));
            let before = driver.waiting.len();
            take(&mut driver, &mut service, step);
            let since = driver.waiting.iter().skip(before);
            let acts: Vec<_> = since.filter(|effect| matches!(effect, Effect::Act { .. })).collect();
            prop_assert!(acts.len() <= 1);
            prop_assert!(!pasted || acts.is_empty(), "only a key acts");
            for act in acts {
                if let Effect::Act { orders, .. } = act {
                    prop_assert!(!orders.is_empty());
                    prop_assert!(orders.iter().all(|order| !order.verb.takes_reason() || !order.reason.is_empty()));
                }
            }
        }
    }

    #[test]
    fn the_cursor_stays_on_its_row(
        down in 1_isize..60,
        gained in 0_u64..30,
        lost in proptest::collection::vec(0_usize..60, 0..30),
    ) {
        let mut list = List::default();
        let page = |service: &Service| {
            let items: Vec<_> = service.sessions.iter().take(200).cloned().collect();
            items
        };
        let mut service = Service::with(60);
        let wanted: Wanted = list.wanted().expect("the first page");
        list.absorb(&wanted, page(&service), None);
        list.settle(18);
        list.step(down);
        let id = list.selected().expect("a row").id;
        for at in lost {
            let at = at.min(service.sessions.len() - 1);
            if service.sessions.len() > 1 {
                service.sessions.remove(at);
            }
        }
        for number in 0..gained {
            service.sessions.insert(0, made::session(100 + number));
        }
        list.absorb(&list.again(), page(&service), None);
        list.settle(18);
        prop_assert_eq!(list.selected().expect("a row").id, id);
    }
}
