//! What happened to one thing, in the order of the log.

use std::collections::BTreeMap;

use countersign_openapi::{Event, Page};
use serde_json::Value;
use uuid::Uuid;

use super::pane::Pane;
use super::theme::Tone;

/// Events that are held at most.
pub const EVENTS_MAX: usize = 2_000;

/// The events of one thing, oldest first, and where the cursor is.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    events: Vec<Event>,
    /// Where to go on.
    next: Option<String>,
    selected: usize,
    top: usize,
    /// The cursor stays on the newest event.
    paused: bool,
    /// When it was fetched.
    pub pane: Pane<()>,
    /// The cursor that was asked with, and where its events belong.
    asked: Option<(Option<String>, usize)>,
    /// The same of the last page.
    last: (Option<String>, usize),
}

impl Timeline {
    /// The events.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Where the cursor is.
    pub fn selected(&self) -> Option<&Event> {
        self.events.get(self.selected)
    }

    /// Whether the cursor stays where it is when events come.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Stays where it is, or goes with the newest.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
        if !paused {
            self.selected = self.events.len().saturating_sub(1);
        }
    }

    /// Whether the log has more than is held.
    pub fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// The cursor to ask with; nothing from the start. What was read to the
    /// end is asked for again from its last page on.
    pub fn cursor(&mut self) -> Option<String> {
        let asked = match self.next.clone() {
            Some(next) => (Some(next), self.events.len()),
            None => self.last.clone(),
        };
        self.asked = Some(asked.clone());
        asked.0
    }

    /// Takes a page in.
    pub fn absorb(&mut self, page: Page<Event>) {
        let Some((cursor, start)) = self.asked.take() else {
            return;
        };
        self.events.truncate(start);
        let room = EVENTS_MAX.saturating_sub(self.events.len());
        self.events.extend(page.items.into_iter().take(room));
        self.next = page.next.filter(|_| self.events.len() < EVENTS_MAX);
        self.last = (cursor, start);
        let last = self.events.len().saturating_sub(1);
        self.selected = if self.paused {
            self.selected.min(last)
        } else {
            last
        };
    }

    /// Moves the cursor, which then stays.
    pub fn step(&mut self, rows: isize) {
        let last = self.events.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(rows).min(last);
        self.paused = self.selected != last;
    }

    /// Moves the cursor to what caused the event it is on, if that is here.
    pub fn go_to_cause(&mut self) -> bool {
        let cause = self.selected().and_then(|event| event.causation_id);
        let found = cause.and_then(|id| self.events.iter().position(|event| event.id == id));
        if let Some(found) = found {
            self.selected = found;
            self.paused = true;
        }
        found.is_some()
    }

    /// Moves the cursor to an event, if that is here.
    pub fn go_to(&mut self, position: &str, noun: &str, name: &str) -> bool {
        let found = self.events.iter().position(|event| {
            event.position == position && event.noun == noun && event.name == name
        });
        if let Some(found) = found {
            self.selected = found;
            self.paused = true;
        }
        found.is_some()
    }

    /// Keeps the cursor visible on so many rows.
    pub fn settle(&mut self, height: usize) {
        let height = height.max(1);
        let last_top = self.events.len().saturating_sub(height);
        let lowest = (self.selected + 1).saturating_sub(height);
        self.top = self.top.max(lowest).min(self.selected).min(last_top);
    }

    /// The events that fit, each with whether the cursor is on it.
    pub fn shown(&self, height: usize) -> impl Iterator<Item = (&Event, bool)> {
        let rows = self.events.iter().enumerate().skip(self.top).take(height);
        rows.map(|(at, event)| (event, at == self.selected))
    }
}

/// Noun and name: `session.ended`.
pub fn name(event: &Event) -> String {
    format!("{}.{}", event.noun, event.name)
}

/// How much an event should worry.
pub fn tone(event: &Event) -> Tone {
    match event.name.as_str() {
        "refresh_reused" | "binding_broken" | "factor_disabled" | "erased" => Tone::Danger,
        "revoked" if event.noun == "key" => Tone::Danger,
        "factor_rejected" | "challenge_failed" | "suspended" | "factor_removed" => Tone::Warn,
        "ended" | "sessions_ended" => Tone::Strong,
        _ => Tone::Plain,
    }
}

/// What of a payload says something to people and is not sealed.
const TELLING: &[&str] = &[
    "reason",
    "method",
    "kind",
    "client",
    "acr",
    "amr",
    "generation",
    "presented",
    "live",
    "tries",
    "failures",
    "left",
    "count",
    "roles",
    "scopes",
    "alg",
    "kid",
];

/// The telling part of an event's payload: `refresh_reused`, `pwd+otp aal2`.
pub fn summary(event: &Event) -> String {
    let Value::Object(fields) = &event.payload.0 else {
        return String::new();
    };
    let mut parts = Vec::new();
    for name in TELLING {
        let text = match fields.get(*name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => format!("{name} {number}"),
            Some(Value::Array(items)) => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                items.join("+")
            }
            _ => continue,
        };
        parts.push(text);
    }
    // What an operator wrote is anybody's words.
    parts.extend(event.note.as_ref().map(|note| format!("\"{note}\"")));
    parts.join(" ")
}

/// Who caused an event.
pub fn actor(event: &Event, ellipsis: &str) -> String {
    match event.actor.id {
        Some(id) if id == event.subject_id => "itself".to_owned(),
        Some(id) => format!("{} {}", event.actor.kind, super::text::short(id, ellipsis)),
        None => event.actor.kind.clone(),
    }
}

/// A second factor, as an account's history tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorSeen {
    /// `totp`, `passkey`, `recovery codes`.
    pub kind: String,
    /// When it was added.
    pub since: time::OffsetDateTime,
    /// `active`, `disabled`, or how many codes are left.
    pub state: String,
}

/// The second factors that an account's history leaves it with.
pub fn factors(events: &[Event]) -> Vec<FactorSeen> {
    let mut seen: BTreeMap<Uuid, FactorSeen> = BTreeMap::new();
    for event in events.iter().filter(|event| event.noun == "account") {
        let field = |name: &str| event.payload.0.get(name);
        let credential = field("credential")
            .and_then(Value::as_str)
            .and_then(|id| Uuid::try_parse(id).ok());
        let since = event.occurred_at;
        match (event.name.as_str(), credential) {
            ("factor_added", Some(id)) => {
                let kind = field("kind").and_then(Value::as_str).unwrap_or("factor");
                let factor = FactorSeen {
                    kind: kind.to_owned(),
                    since,
                    state: "active".to_owned(),
                };
                seen.insert(id, factor);
            }
            ("recovery_codes_set", Some(id)) => {
                seen.retain(|_, factor| factor.kind != "recovery codes");
                let count = field("count").and_then(Value::as_u64).unwrap_or_default();
                let factor = FactorSeen {
                    kind: "recovery codes".to_owned(),
                    since,
                    state: format!("{count} left"),
                };
                seen.insert(id, factor);
            }
            ("recovery_code_used", Some(id)) => {
                let left = field("left").and_then(Value::as_u64).unwrap_or_default();
                if let Some(factor) = seen.get_mut(&id) {
                    factor.state = format!("{left} left");
                }
            }
            ("factor_disabled", Some(id)) => {
                if let Some(factor) = seen.get_mut(&id) {
                    "disabled".clone_into(&mut factor.state);
                }
            }
            ("factor_removed", Some(id)) => {
                seen.remove(&id);
                // Codes are for those who have lost a factor.
                if seen.values().all(|factor| factor.kind == "recovery codes") {
                    seen.clear();
                }
            }
            ("erased", _) => seen.clear(),
            _ => {}
        }
    }
    seen.into_values().collect()
}
