//! Frames in this process: from a key to the bytes that a terminal gets, with
//! a service in memory that has as many sessions as told.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Instant;

use countersign_openapi::{Page, Session};
use countersign_tui::console::{
    Answer, Data, Deployment, Effect, Identity, Looks, Message, Model, PAGE, Query, draw, update,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::Outcome;
use crate::statistics::{millis, percentiles, quantile};
use crate::table::{Row, note, print};

const GOAL_MS: f64 = 8.0;
/// A build that is not optimised only shows that it works.
const KEYS: usize = if cfg!(debug_assertions) { 100 } else { 4_000 };
const SIZE: (u16, u16) = (160, 50);

/// Bytes that nobody reads, counted.
struct Counted(Rc<Cell<u64>>);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A console with a service behind it.
struct Console {
    model: Model,
    now: OffsetDateTime,
    sessions: u64,
    screen: Terminal<CrosstermBackend<Counted>>,
    /// Bytes that were drawn.
    sent: Rc<Cell<u64>>,
}

impl Console {
    fn new(sessions: u64) -> Outcome<Self> {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let deployment = Deployment {
            name: "bench".to_owned(),
            url: "http://127.0.0.1".to_owned(),
            production: false,
        };
        let (model, effects) = Model::start(now, SIZE, Looks::default(), deployment);
        let viewport = Viewport::Fixed(Rect::new(0, 0, SIZE.0, SIZE.1));
        let sent = Rc::new(Cell::new(0));
        let backend = CrosstermBackend::new(Counted(Rc::clone(&sent)));
        let screen = Terminal::with_options(backend, TerminalOptions { viewport })?;
        let mut console = Self {
            model,
            now,
            sessions,
            screen,
            sent,
        };
        console.answer(effects);
        console.tell(Message::Entered(Identity {
            account: Uuid::from_u128(1),
            session: Uuid::from_u128(2),
            email: "operator@bench.example.com".to_owned(),
            roles: vec!["operator".to_owned()],
        }));
        Ok(console)
    }

    fn tell(&mut self, message: Message) {
        let effects = update(&mut self.model, self.now, message);
        self.answer(effects);
    }

    /// Gives the pages that are asked for; nothing else is.
    fn answer(&mut self, mut effects: Vec<Effect>) {
        while let Some(effect) = effects.pop() {
            let Effect::Ask { ticket, query } = effect else {
                continue;
            };
            let Query::Sessions { after, .. } = &query else {
                continue;
            };
            let outcome = Ok(Data::Sessions(page(self.sessions, after.as_deref())));
            let answer = Answer {
                ticket,
                query,
                outcome,
            };
            effects.extend(update(&mut self.model, self.now, Message::Answer(answer)));
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let model = &self.model;
        self.screen.draw(|frame| draw(model, frame)).map(|_| ())
    }

    fn key(&mut self, letter: char) -> Vec<Effect> {
        let key = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE);
        update(&mut self.model, self.now, Message::Key(key))
    }
}

/// A page of sessions, newest first.
fn page(sessions: u64, after: Option<&str>) -> Page<Session> {
    let from = after
        .and_then(|after| after.parse().ok())
        .unwrap_or(sessions);
    let end = from.saturating_sub(PAGE as u64);
    Page {
        items: (end..from).rev().filter_map(session).collect(),
        next: (end > 0).then(|| end.to_string()),
    }
}

fn session(number: u64) -> Option<Session> {
    let ended = json!({"at": "2024-10-04T00:00:00Z", "by": "system", "reason": "logout"});
    let is_over = number % 3 == 1;
    let row = json!({
        "id": Uuid::from_u128(0x0192_5000_0000_7000_8000_0000_0000_0000 + u128::from(number)),
        "account_id": Uuid::from_u128(u128::from(number % 50_000)),
        "email": format!("person{}@bench.example.com", number % 50_000),
        "state": if is_over { "revoked" } else { "active" },
        "client": "first-party", "ip": format!("10.1.{}.{}", number % 250, number % 200),
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "acr": "aal2", "amr": ["pwd", "otp"],
        "started_at": "2024-10-03T10:00:00Z", "last_seen_at": "2024-10-03T11:00:00Z",
        "expires_at": "2024-11-03T10:00:00Z", "generation": 3,
        "ended": is_over.then_some(ended), "position": format!("1.{number}"),
    });
    serde_json::from_value(row).ok()
}

/// Goes to the last of so many sessions, then up and down and elsewhere.
pub fn measure(sessions: u64) -> Outcome<()> {
    let mut console = Console::new(sessions)?;
    for key in ['2', 'G'] {
        let effects = console.key(key);
        console.answer(effects);
    }
    for _ in 0..sessions / PAGE as u64 {
        let effects = console.key('G');
        console.answer(effects);
    }
    let (mut frames, mut keys) = (Vec::new(), Vec::new());
    console.draw()?;
    let sent = console.sent.get();
    // Rows move, the screen changes, something lies over it and goes away.
    for key in "jjkkjkjkgG:".chars().cycle().take(KEYS) {
        let began = Instant::now();
        let effects = console.key(key);
        let drawn = Instant::now();
        console.draw()?;
        frames.push(millis(drawn.elapsed()));
        keys.push(millis(began.elapsed()));
        console.answer(effects);
        if key == ':' {
            let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
            console.tell(Message::Key(escape));
        }
    }
    let sent = (console.sent.get() - sent) / KEYS as u64;
    let held = console.model.sessions.rows().len();
    let most = quantile(&mut keys, 0.99);
    let name = format!("console: a key and its frame, {sessions} sessions");
    print(&Row::new(name, percentiles(&mut keys)).goal("p99 < 8 ms", most < GOAL_MS));
    note(&format!(
        "of that drawing: {}; {} columns and {} rows, {sent} bytes a frame, {held} sessions held",
        percentiles(&mut frames),
        SIZE.0,
        SIZE.1
    ));
    Ok(())
}
