//! Somebody at the console.

use countersign_tui::console::{
    Answer, Deployment, Effect, Identity, Looks, Message, Model, draw, update,
};
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

    /// Keys, one after the other.
    pub fn press(&mut self, keys: &[&str]) {
        for name in keys {
            self.tell(Message::Key(key(name)));
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
                    Effect::Prove(_) => self.tell(Message::Proved(self.now)),
                    other => self.others.push(other),
                }
            }
        }
        panic!("it asks without end");
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
