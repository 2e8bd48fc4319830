//! The dialog before anything is done.
//!
//! It takes every key while it is open, and nothing for a moment after it
//! opens, so that what was typed ahead is lost instead of obeyed. Enter never
//! does anything but cancel or go to the next field; what acts is `y`, and
//! only on the button. What it acts on is captured when it opens.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use time::{Duration, OffsetDateTime};

use super::input::LineEdit;
use super::order::{Done, Failed, Filtered, Order, Verb};
use super::text::{count, many};
use super::verifier::Reach;

mod told;

pub use told::Far;

/// How long a dialog takes no key after it opened.
pub const DEAD: Duration = Duration::milliseconds(300);

/// Somebody or something to be acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its id.
    pub id: String,
    /// As people know it.
    pub label: String,
    /// Whether the operator's own session ends with it.
    pub own: bool,
}

/// Where the next key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The reason.
    Reason,
    /// What is typed because there is more than one target.
    Count,
    /// The button that does nothing.
    Cancel,
    /// The button that acts.
    Act,
}

/// What a key led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The dialog stays.
    Stay,
    /// The dialog closes.
    Close,
    /// The orders are to be carried out.
    Act(Vec<Order>),
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// What is to be done.
    pub verb: Verb,
    /// To whom.
    pub targets: Vec<Target>,
    /// Said beside the effects of the verb.
    pub facts: Vec<String>,
    /// When it opened.
    opened: OffsetDateTime,
    /// Why.
    pub reason: LineEdit,
    /// What is typed for more than one.
    pub count: LineEdit,
    /// Where the next key goes.
    pub focus: Focus,
    /// What is missing.
    pub note: Option<String>,
    /// The job that carries the orders out.
    pub job: Option<u64>,
    /// What a preview counted, if it is about all that fit a filter.
    pub filtered: Option<Box<Filtered>>,
    /// How far the service is with what it does on its own.
    pub far: Option<Far>,
    /// Who has applied what was done, as far as that is known.
    pub reach: Option<Reach>,
    /// What became of the targets so far.
    pub outcomes: Vec<Option<Result<Done, Failed>>>,
}

impl Confirm {
    /// Opens it.
    pub fn new(verb: Verb, targets: Vec<Target>, facts: Vec<String>, now: OffsetDateTime) -> Self {
        let outcomes = vec![None; targets.len()];
        Self {
            verb,
            targets,
            facts,
            opened: now,
            reason: LineEdit::new(verb.reason_max()),
            count: LineEdit::new(8),
            focus: Focus::Cancel,
            note: None,
            job: None,
            filtered: None,
            far: None,
            reach: None,
            outcomes,
        }
    }

    /// What it asks.
    pub fn title(&self) -> String {
        let number = self.targets.len();
        match self.verb {
            Verb::RevokeSession => format!("Revoke {}", many(number, "session")),
            Verb::RevokeFiltered => {
                let matched = self
                    .filtered
                    .as_ref()
                    .map_or(0, |filtered| filtered.matched);
                let matched = usize::try_from(matched).unwrap_or(usize::MAX);
                format!("Revoke {}, all that fit", many(matched, "session"))
            }
            Verb::RevokeAll => format!("Revoke ALL sessions of {}", many(number, "account")),
            Verb::Suspend => format!("Suspend {}", many(number, "account")),
            Verb::Reinstate => format!("Reinstate {}", many(number, "account")),
            Verb::ResetFactors => format!("Reset the factors of {}", many(number, "account")),
            Verb::DisableClient => format!("Disable {}", many(number, "client")),
            Verb::EnableClient => format!("Enable {}", many(number, "client")),
            Verb::RotateKeys => "Rotate the signing key".to_owned(),
            Verb::RevokeKey => "Revoke a signing key".to_owned(),
            Verb::Repair => "Repair a read model".to_owned(),
            Verb::Rebuild => "Rebuild ALL read models".to_owned(),
        }
    }

    /// What is to be typed before it acts, where that is more than a reason.
    pub fn asked(&self) -> Option<String> {
        if let Some(filtered) = &self.filtered {
            return Some(filtered.matched.to_string());
        }
        match self.targets.len() {
            1 if self.verb.is_wide() => Some("all".to_owned()),
            0 | 1 => None,
            number => Some(number.to_string()),
        }
    }

    /// Whether the operator's own session is among what ends.
    pub fn includes_own(&self) -> bool {
        self.targets.iter().any(|target| target.own)
    }

    /// Whether everything has an outcome.
    pub fn is_finished(&self) -> bool {
        self.job.is_some() && self.outcomes.iter().all(Option::is_some)
    }

    /// Outcomes so far: done, failed, under way.
    pub fn progress(&self) -> (usize, usize, usize) {
        let done = self.outcomes.iter().filter(|o| matches!(o, Some(Ok(_))));
        let failed = self.outcomes.iter().filter(|o| matches!(o, Some(Err(_))));
        let (done, failed) = (done.count(), failed.count());
        (done, failed, self.outcomes.len() - done - failed)
    }

    /// The next thing to do, in words.
    pub fn hint(&self) -> String {
        match (&self.note, self.focus) {
            _ if self.is_finished() => "Enter closes".to_owned(),
            (Some(note), _) => note.clone(),
            (None, focus) => self.next(focus),
        }
    }

    fn next(&self, focus: Focus) -> String {
        match focus {
            _ if self.job.is_some() => match self.far {
                Some(far) => format!("{} of {} ended", count(far.ended), count(far.matched)),
                None => "working ...".to_owned(),
            },
            Focus::Act => format!(
                "press y to {}, Enter or Esc to cancel",
                self.verb.button().to_lowercase()
            ),
            Focus::Cancel if self.reason.is_empty() && self.verb.takes_reason() => {
                "type a reason; Enter or Esc cancels".to_owned()
            }
            Focus::Cancel => match self.asked() {
                Some(asked) if self.count.is_empty() => {
                    format!("type {asked}; Enter or Esc cancels")
                }
                _ => "Tab goes on; Enter or Esc cancels".to_owned(),
            },
            Focus::Reason => match self.asked() {
                Some(asked) => format!("Tab, then type {asked}; Esc cancels"),
                None => format!("Tab to {}; Esc cancels", self.verb.button()),
            },
            Focus::Count => format!("Tab to {}; Esc cancels", self.verb.button()),
        }
    }

    fn order(&self) -> Vec<Focus> {
        let mut order = Vec::new();
        order.extend(self.verb.takes_reason().then_some(Focus::Reason));
        order.extend(self.asked().map(|_| Focus::Count));
        order.extend([Focus::Act, Focus::Cancel]);
        order
    }

    fn go(&mut self, forward: bool) {
        let order = self.order();
        let at = order.iter().position(|focus| *focus == self.focus);
        let at = at.unwrap_or_default();
        let step = if forward { 1 } else { order.len() - 1 };
        self.focus = order[(at + step) % order.len()];
    }

    /// Why it would not act yet.
    fn missing(&self) -> Option<String> {
        if self.verb.takes_reason() && self.reason.text().trim().is_empty() {
            return Some("a reason is needed: it is kept in the log".to_owned());
        }
        let asked = self.asked()?;
        (self.count.text().trim() != asked).then(|| format!("type {asked} to confirm"))
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent, now: OffsetDateTime) -> Outcome {
        if now - self.opened < DEAD {
            return Outcome::Stay;
        }
        self.note = None;
        if self.job.is_some() {
            return self.close(key);
        }
        match (key.code, self.focus) {
            (KeyCode::Esc, _) | (KeyCode::Enter, Focus::Cancel | Focus::Act) => Outcome::Close,
            (KeyCode::Tab | KeyCode::Down | KeyCode::Enter, _) => self.moved(true),
            (KeyCode::BackTab | KeyCode::Up, _) => self.moved(false),
            (KeyCode::Char('y'), Focus::Act) if key.modifiers.is_empty() => self.act(),
            (_, Focus::Count) => {
                self.count.key(key);
                Outcome::Stay
            }
            (_, Focus::Reason) => {
                self.reason.key(key);
                Outcome::Stay
            }
            (KeyCode::Left | KeyCode::Right, Focus::Cancel | Focus::Act) => {
                self.focus = match self.focus {
                    Focus::Cancel => Focus::Act,
                    _ => Focus::Cancel,
                };
                Outcome::Stay
            }
            // Whoever begins to type means what is to be typed first.
            (KeyCode::Char(_), Focus::Cancel) if !key.modifiers.contains(KeyModifiers::CONTROL) => {
                match self.order().first() {
                    Some(Focus::Reason) => {
                        self.focus = Focus::Reason;
                        self.reason.key(key);
                    }
                    Some(Focus::Count) => {
                        self.focus = Focus::Count;
                        self.count.key(key);
                    }
                    _ => {}
                }
                Outcome::Stay
            }
            _ => Outcome::Stay,
        }
    }

    fn moved(&mut self, forward: bool) -> Outcome {
        self.go(forward);
        Outcome::Stay
    }

    fn close(&mut self, key: KeyEvent) -> Outcome {
        let closes = matches!(key.code, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q'));
        if closes && self.is_finished() {
            Outcome::Close
        } else {
            if closes {
                self.note = Some("it is being done; wait for the outcome".to_owned());
            }
            Outcome::Stay
        }
    }

    fn act(&mut self) -> Outcome {
        if let Some(missing) = self.missing() {
            self.note = Some(missing);
            return Outcome::Stay;
        }
        let reason = self.reason.text().trim().to_owned();
        // Several are waited for together: it does not take seconds each.
        let is_one = self.targets.len() == 1;
        let orders = self.targets.iter().map(|target| Order {
            verb: self.verb,
            target: target.id.clone(),
            reason: reason.clone(),
            wait: is_one && self.verb.can_wait(),
            filtered: self.filtered.clone(),
        });
        Outcome::Act(orders.collect())
    }

    /// Takes pasted text, which never acts.
    pub fn paste(&mut self, text: &str, now: OffsetDateTime) {
        if now - self.opened < DEAD || self.job.is_some() {
            return;
        }
        match self.focus {
            Focus::Reason => self.reason.paste(text),
            // What is typed to confirm is typed.
            _ => self.note = Some("pasted text was ignored here".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
