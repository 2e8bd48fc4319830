//! Somebody at the console.

use countersign_openapi::Event;
use countersign_tui::console::{
    Answer, Deployment, Effect, Failed, Identity, Looks, Message, Model, draw, update,
};
use countersign_tui::{EventsQuery, Followed};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use time::{Duration, OffsetDateTime};

use super::made;
use super::service::Service;

/// A console, and what it asked to be done.
pub struct Driver {
    pub model: Model,
    pub now: OffsetDateTime,
    /// What nobody has done yet.
    pub waiting: Vec<Effect>,
    /// Everything that is not a question or an order.
    pub others: Vec<Effect>,
    /// The stream of events that is followed.
    pub stream: Option<(u64, EventsQuery)>,
}

/// A key by its name: `x`, `Enter`, `Space`, `^c`.
pub fn key(name: &str) -> KeyEvent {
    let code = match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "BackTab" => KeyCode::BackTab,
        "Space" => KeyCode::Char(' '),
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Backspace" => KeyCode::Backspace,
        _ => {
            let (control, name) = match name.strip_prefix('^') {
                Some(rest) if !rest.is_empty() => (KeyModifiers::CONTROL, rest),
                _ => (KeyModifiers::NONE, name),
            };
            let character = name.chars().next().expect("a key");
            return KeyEvent::new(KeyCode::Char(character), control);
        }
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

impl Driver {
    /// Before anybody is signed in.
    pub fn new(size: (u16, u16), looks: Looks, production: bool) -> Self {
        let deployment = Deployment {
            name: if production { "prod-eu" } else { "dev" }.to_owned(),
            url: "https://id.example.com".to_owned(),
            production,
        };
        let (model, waiting) = Model::start(made::NOW, size, looks, deployment);
        Self {
            model,
            now: made::NOW,
            waiting,
            others: Vec::new(),
            stream: None,
        }
    }

    /// Signed in as an operator, at this size.
    pub fn signed_in(size: (u16, u16)) -> Self {
        let mut driver = Self::new(size, Looks::default(), false);
        driver.enter();
        driver
    }

    /// Signs in.
    pub fn enter(&mut self) {
        self.tell(Message::Entered(Identity {
            account: made::account_id(0),
            session: made::session_id(6),
            email: "ada@example.com".to_owned(),
            roles: vec!["user".to_owned(), "operator".to_owned()],
        }));
    }

    /// Something happens.
    pub fn tell(&mut self, message: Message) {
        let effects = update(&mut self.model, self.now, message);
        self.waiting.extend(effects);
    }

    /// Keys, one after the other; `text:` is typed as it stands.
    pub fn press(&mut self, keys: &[&str]) {
        for name in keys {
            match name.strip_prefix("text:") {
                Some(text) => self.write(text),
                None => self.tell(Message::Key(key(name))),
            }
        }
    }

    /// A text, key by key.
    pub fn write(&mut self, text: &str) {
        for character in text.chars() {
            let code = KeyCode::Char(character);
            self.tell(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        }
    }

    /// Time goes by.
    pub fn wait(&mut self, length: Duration) {
        self.now += length;
        self.tell(Message::Tick);
    }

    /// The service does everything that was asked of it.
    pub fn serve(&mut self, service: &mut Service) {
        for _ in 0..100 {
            let waiting = std::mem::take(&mut self.waiting);
            if waiting.is_empty() {
                return;
            }
            for effect in waiting {
                match effect {
                    Effect::Ask { ticket, query } => {
                        let outcome = service.ask(&query);
                        self.tell(Message::Answer(Answer {
                            ticket,
                            query,
                            outcome,
                        }));
                    }
                    Effect::Act { arms, job, orders } => {
                        assert!(arms.hold(self.now), "acted without arms");
                        for (index, order) in orders.iter().enumerate() {
                            let outcome = service.act(order);
                            self.tell(Message::Acted {
                                job,
                                index,
                                outcome,
                            });
                        }
                    }
                    Effect::Preview {
                        arms,
                        ticket,
                        predicate,
                    } => {
                        assert!(arms.hold(self.now), "counted without arms");
                        let outcome = Ok(Box::new(service.preview(&predicate)));
                        self.tell(Message::Previewed { ticket, outcome });
                    }
                    Effect::Follow {
                        ticket,
                        query,
                        after,
                    } => self.follow(service, ticket, query, after.as_deref()),
                    Effect::Unfollow => self.stream = None,
                    Effect::Prove(_) => self.tell(Message::Proved(self.now)),
                    other => self.others.push(other),
                }
            }
        }
        panic!("it asks without end");
    }

    /// The service brings what happened since a cursor, and then what happens.
    fn follow(&mut self, service: &Service, ticket: u64, query: EventsQuery, after: Option<&str>) {
        if !service.up {
            let failed = Some(Failed::NoAnswer("connection refused".to_owned()));
            return self.tell(Message::Cut { ticket, failed });
        }
        self.stream = Some((ticket, query));
        self.tell(Message::Following(ticket));
        let end = service.log.len();
        let from = after.map_or(end, |after| after.parse().expect("a cursor"));
        self.beat(from);
        for event in &service.log[from.min(end)..] {
            self.happens(event.clone());
        }
        self.beat(end);
        self.beat(end);
    }

    /// The stream says that it is there, up to so many events.
    pub fn beat(&mut self, cursor: usize) {
        let item = Followed::Beat {
            at: self.now,
            cursor: cursor.to_string(),
        };
        self.brings(item, cursor);
    }

    /// Something happens, and the stream brings it.
    pub fn happens(&mut self, event: Event) {
        self.brings(Followed::Events(vec![event]), 0);
    }

    /// The stream brings something.
    pub fn brings(&mut self, item: Followed, cursor: usize) {
        let cursor = Some(cursor.to_string()).filter(|_| cursor > 0);
        if let Some((ticket, _)) = self.stream {
            self.tell(Message::Followed {
                ticket,
                item,
                cursor,
            });
        }
    }

    /// The stream is cut.
    pub fn cut(&mut self) {
        if let Some((ticket, _)) = self.stream.take() {
            let failed = Some(Failed::Unreadable("the connection was closed".to_owned()));
            self.tell(Message::Cut { ticket, failed });
        }
    }

    /// Becomes able to act.
    pub fn arm(&mut self, service: &mut Service) {
        self.press(&["A"]);
        self.wait(Duration::milliseconds(300));
        self.write("123456");
        self.press(&["Enter"]);
        self.serve(service);
    }

    /// What is seen.
    pub fn buffer(&self) -> Buffer {
        let (columns, rows) = self.model.size;
        let backend = TestBackend::new(columns, rows);
        let mut terminal = Terminal::new(backend).expect("a terminal");
        terminal
            .draw(|frame| draw(&self.model, frame))
            .expect("drawn");
        terminal.backend().buffer().clone()
    }

    /// What is seen, as text.
    pub fn screen(&self) -> String {
        let buffer = self.buffer();
        let mut text = String::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut hidden = 0;
            for x in 0..buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                // A wide character hides the cell behind it.
                if hidden > 0 {
                    hidden -= 1;
                    continue;
                }
                hidden = ratatui::text::Span::raw(symbol).width().saturating_sub(1);
                line.push_str(symbol);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
