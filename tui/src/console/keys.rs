//! The one table of keys: what dispatches them is what `?`, the last line and
//! the palette show.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::screens::Screen;

/// Something a key, or the palette, asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Go to a screen.
    Show(Screen),
    /// Go to the screen before.
    Previous,
    /// One layer back; never leaves.
    Back,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// Half a screen down.
    HalfDown,
    /// Half a screen up.
    HalfUp,
    /// A screen down.
    PageDown,
    /// A screen up.
    PageUp,
    /// The first row.
    Top,
    /// The last row.
    Bottom,
    /// Open what the cursor is on.
    Open,
    /// The next pane.
    NextPane,
    /// Mark the row.
    Mark,
    /// Mark up to the row.
    MarkRange,
    /// Mark what is listed.
    MarkAll,
    /// Take the marks away.
    ClearMarks,
    /// Narrow the list down.
    Filter,
    /// Go round the states of the list.
    State,
    /// Stay, or go with what comes.
    Follow,
    /// Go to the account.
    Owner,
    /// Go to the cause.
    Cause,
    /// See it as JSON.
    Raw,
    /// Copy the id.
    Copy,
    /// Copy it as JSON.
    CopyJson,
    /// Write what is listed to a file.
    Export,
    /// End the session, or the marked ones; act on the account.
    Act,
    /// End the one session the cursor is on.
    RevokeSession,
    /// End all sessions that fit the filter.
    RevokeFiltered,
    /// End all sessions of the account.
    RevokeAll,
    /// Keep the account from logging in.
    Suspend,
    /// Let the account log in again.
    Reinstate,
    /// Take the account's factors away.
    ResetFactors,
    /// Give the client no tokens.
    DisableClient,
    /// Give the client tokens again.
    EnableClient,
    /// Let another key sign.
    RotateKeys,
    /// Refuse everything the key has signed.
    RevokeKey,
    /// Have stopped read models try their event again.
    Repair,
    /// Have the read models made anew.
    Rebuild,
    /// Go to a moment in the past.
    At,
    /// Go back to now.
    Now,
    /// Sort by the next column.
    Sort,
    /// Turn the order around.
    SortTurned,
    /// Open the row before.
    Before,
    /// Open the row behind.
    Behind,
    /// Be able to act.
    Arm,
    /// Be able to act no more.
    Disarm,
    /// Ask for everything again.
    Refresh,
    /// See what went wrong.
    Errors,
    /// Listen to the mouse.
    Mouse,
    /// Every action.
    Palette,
    /// The keys.
    Help,
    /// Stop until the shell goes on.
    Suspension,
    /// Leave, if nothing is marked.
    Quit,
    /// Leave at once.
    QuitNow,
}

impl Action {
    /// Whether it is part of doing something to somebody: refused where only
    /// the past is looked at.
    pub fn acts(self) -> bool {
        matches!(
            self,
            Self::Act
                | Self::Mark
                | Self::MarkRange
                | Self::MarkAll
                | Self::RevokeSession
                | Self::RevokeFiltered
                | Self::RevokeAll
                | Self::Suspend
                | Self::Reinstate
                | Self::ResetFactors
                | Self::DisableClient
                | Self::EnableClient
                | Self::RotateKeys
                | Self::RevokeKey
                | Self::Repair
                | Self::Rebuild
                | Self::Arm
        )
    }
}

/// Where a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// On all screens.
    Everywhere,
    /// On these.
    On(&'static [Screen]),
}

/// A row of the table.
#[derive(Debug)]
pub struct Binding {
    /// What it asks for.
    pub action: Action,
    /// The keys, the first of which is shown.
    keys: &'static [Press],
    /// The name in the palette.
    pub name: &'static str,
    /// What it does.
    pub says: &'static str,
    /// Where it counts.
    place: Where,
    /// A word for the last line; empty if it is not shown there.
    pub hint: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Press {
    Char(char),
    Control(char),
    Code(KeyCode, &'static str),
}

impl Press {
    fn is(self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match self {
            Self::Char(character) => !control && !alt && key.code == KeyCode::Char(character),
            Self::Control(character) => control && key.code == KeyCode::Char(character),
            Self::Code(code, _) => !control && key.code == code,
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Char(' ') => "Space".to_owned(),
            Self::Char(character) => character.to_string(),
            Self::Control(character) => format!("^{character}"),
            Self::Code(_, name) => name.to_owned(),
        }
    }
}

impl Binding {
    /// Whether it counts on a screen.
    pub fn counts_on(&self, screen: Screen) -> bool {
        match self.place {
            Where::Everywhere => true,
            Where::On(screens) => screens.contains(&screen),
        }
    }

    /// The key that is shown; none if it has none.
    pub fn key(&self) -> String {
        self.keys.first().map(|key| key.shown()).unwrap_or_default()
    }

    /// All its keys.
    pub fn all_keys(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| key.shown()).collect();
        keys.join(" ")
    }
}

/// What a key asks for on a screen.
pub fn binding(key: KeyEvent, screen: Screen) -> Option<&'static Binding> {
    let fits = |row: &&Binding| row.counts_on(screen) && row.keys.iter().any(|press| press.is(key));
    TABLE.iter().find(fits)
}

/// A key that means something, but not on this screen.
pub fn elsewhere(key: KeyEvent) -> Option<String> {
    let mut keys = TABLE.iter().flat_map(|row| row.keys);
    keys.find(|press| press.is(key)).map(|press| press.shown())
}

const SESSIONS: &[Screen] = &[Screen::Sessions];
const SESSION: &[Screen] = &[Screen::Session];
const ACCOUNT: &[Screen] = &[Screen::Accounts, Screen::Account];
const FILTERED: &[Screen] = &[
    Screen::Sessions,
    Screen::Accounts,
    Screen::Clients,
    Screen::Events,
];
const OPENED: &[Screen] = &[
    Screen::Overview,
    Screen::Sessions,
    Screen::Session,
    Screen::Accounts,
    Screen::Account,
    Screen::Events,
];
const ACTED: &[Screen] = &[
    Screen::Sessions,
    Screen::Session,
    Screen::Accounts,
    Screen::Account,
];
const EVENTS: &[Screen] = &[Screen::Session, Screen::Account, Screen::Events];
const OWNED: &[Screen] = &[Screen::Sessions, Screen::Session];
const LISTED: &[Screen] = &[Screen::Clients, Screen::Projections, Screen::Keys];
const COPIED: &[Screen] = &[
    Screen::Sessions,
    Screen::Session,
    Screen::Accounts,
    Screen::Account,
    Screen::Events,
    Screen::Projections,
    Screen::Clients,
    Screen::Keys,
];

const fn row(
    action: Action,
    keys: &'static [Press],
    name: &'static str,
    says: &'static str,
    place: Where,
    hint: &'static str,
) -> Binding {
    Binding {
        action,
        keys,
        name,
        says,
        place,
        hint,
    }
}

/// The table. A key that stands twice means what comes first on its screen.
#[rustfmt::skip]
pub static TABLE: &[Binding] = {
    use Action as A;
    use Press::{Char, Code, Control};
    use Where::{Everywhere, On};
    const ENTER: Press = Code(KeyCode::Enter, "Enter");
    const ESC: Press = Code(KeyCode::Esc, "Esc");
    &[
        row(A::Open, &[ENTER], "open", "open what the cursor is on", On(OPENED), "open"),
        row(A::Mark, &[Char(' ')], "mark", "mark the row", On(SESSIONS), "mark"),
        row(A::Act, &[Char('x')], "revoke", "end the session, or the marked ones", On(SESSIONS), "revoke"),
        row(A::Act, &[Char('x')], "revoke", "end the session", On(SESSION), "revoke"),
        row(A::Act, &[Char('x')], "act", "end sessions, suspend, reinstate, reset factors", On(ACCOUNT), "act"),
        row(A::Act, &[Char('x')], "act", "disable or enable the client", On(&[Screen::Clients]), "act"),
        row(A::Act, &[Char('x')], "act", "rotate the signing key, revoke one", On(&[Screen::Keys]), "act"),
        row(A::Act, &[Char('x')], "act", "repair what stopped, rebuild", On(&[Screen::Projections]), "act"),
        row(A::Filter, &[Char('/')], "filter", "narrow the list down; the box says how", On(FILTERED), "filter"),
        row(A::State, &[Char('s')], "state", "any, active, expired or revoked sessions", On(SESSIONS), "state"),
        row(A::Owner, &[Char('u')], "account", "go to the session's account", On(OWNED), "account"),
        row(A::Owner, &[Char('u')], "account", "open the account or session that it concerns", On(&[Screen::Events]), "whose"),
        row(A::Cause, &[Char('c')], "cause", "go to the event that caused this one", On(EVENTS), "cause"),
        row(A::NextPane, &[Code(KeyCode::Tab, "Tab")], "pane", "go to the next pane", On(&[Screen::Session, Screen::Account, Screen::Clients]), "pane"),
        row(A::Follow, &[Char('f')], "follow", "stay here, or go with what comes", On(EVENTS), "follow"),
        row(A::Raw, &[Char('i')], "raw", "see it as JSON", On(COPIED), "json"),
        row(A::MarkRange, &[Char('v')], "mark-range", "mark from the last mark to here", On(SESSIONS), ""),
        row(A::MarkAll, &[Char('*')], "mark-all", "mark every active session that is loaded", On(SESSIONS), ""),
        row(A::ClearMarks, &[Char('U')], "clear-marks", "take all marks away", On(SESSIONS), ""),
        row(A::RevokeFiltered, &[Char('R')], "revoke-filtered", "count and end all sessions that fit the filter", On(SESSIONS), ""),
        row(A::RevokeSession, &[], "revoke-session", "end the session the cursor is on", On(&[Screen::Account]), ""),
        row(A::RevokeAll, &[Char('X')], "revoke-all", "end all sessions of the account", On(ACTED), ""),
        row(A::Suspend, &[], "suspend", "keep the account from logging in", On(ACTED), ""),
        row(A::Reinstate, &[], "reinstate", "let the account log in again", On(ACTED), ""),
        row(A::ResetFactors, &[], "reset-factors", "take the account's second factors away", On(ACTED), ""),
        row(A::DisableClient, &[], "disable-client", "give the client no tokens", On(&[Screen::Clients]), ""),
        row(A::EnableClient, &[], "enable-client", "give the client tokens again", On(&[Screen::Clients]), ""),
        row(A::RotateKeys, &[], "rotate-keys", "let the next key sign", On(&[Screen::Keys]), ""),
        row(A::RevokeKey, &[], "revoke-key", "refuse everything the key has signed", On(&[Screen::Keys]), ""),
        row(A::Repair, &[], "repair", "have a stopped read model try its event again", On(&[Screen::Projections]), ""),
        row(A::Rebuild, &[], "rebuild", "have all read models made anew", On(&[Screen::Projections]), ""),
        row(A::Before, &[Char('[')], "row-before", "open the row before this one", On(&[Screen::Session, Screen::Account]), ""),
        row(A::Behind, &[Char(']')], "row-behind", "open the row behind this one", On(&[Screen::Session, Screen::Account]), ""),
        row(A::Sort, &[Char('o')], "sort", "sort by the next column", On(LISTED), ""),
        row(A::SortTurned, &[Char('O')], "sort-turned", "turn the order around", On(LISTED), ""),
        row(A::At, &[], "at", "at 14:03:07, at -5m: sessions and accounts as they were then", Everywhere, ""),
        row(A::Now, &[], "now", "back from the past", Everywhere, ""),
        row(A::Copy, &[Char('y')], "copy", "copy the id (OSC 52)", On(COPIED), ""),
        row(A::CopyJson, &[Char('Y')], "copy-json", "copy it as JSON (OSC 52)", On(COPIED), ""),
        row(A::Export, &[Char('e')], "export", "write what is listed to a file, JSONL or CSV", On(COPIED), ""),
        row(A::Down, &[Char('j'), Code(KeyCode::Down, "Down")], "down", "one row down", Everywhere, ""),
        row(A::Up, &[Char('k'), Code(KeyCode::Up, "Up")], "up", "one row up", Everywhere, ""),
        row(A::HalfDown, &[Control('d')], "half-down", "half a screen down", Everywhere, ""),
        row(A::HalfUp, &[Control('u')], "half-up", "half a screen up", Everywhere, ""),
        row(A::PageDown, &[Code(KeyCode::PageDown, "PgDn"), Control('f')], "page-down", "a screen down", Everywhere, ""),
        row(A::PageUp, &[Code(KeyCode::PageUp, "PgUp"), Control('b')], "page-up", "a screen up", Everywhere, ""),
        row(A::Top, &[Char('g'), Code(KeyCode::Home, "Home")], "top", "the first row, and what came meanwhile", Everywhere, ""),
        row(A::Bottom, &[Char('G'), Code(KeyCode::End, "End")], "bottom", "the last row that is loaded", Everywhere, ""),
        row(A::Back, &[ESC], "back", "one layer back; never leaves", Everywhere, ""),
        row(A::Previous, &[Char('-')], "previous", "the screen before", Everywhere, ""),
        row(A::Show(Screen::Overview), &[Char('1')], "overview", "the numbers, and what needs attention", Everywhere, ""),
        row(A::Show(Screen::Sessions), &[Char('2')], "sessions", "who is signed in", Everywhere, ""),
        row(A::Show(Screen::Accounts), &[Char('3')], "accounts", "people", Everywhere, ""),
        row(A::Show(Screen::Clients), &[Char('4')], "clients", "programs and verifiers", Everywhere, ""),
        row(A::Show(Screen::Events), &[Char('5')], "events", "the log, live", Everywhere, ""),
        row(A::Show(Screen::Projections), &[Char('6')], "projections", "read models", Everywhere, ""),
        row(A::Show(Screen::Keys), &[Char('7')], "keys", "signing keys", Everywhere, ""),
        row(A::Arm, &[Char('A')], "arm", "prove who you are, and be able to act for 10 minutes", Everywhere, ""),
        row(A::Disarm, &[], "disarm", "back to read-only", Everywhere, ""),
        row(A::Refresh, &[Char('r')], "refresh", "ask for everything again, reconnect", Everywhere, ""),
        row(A::Errors, &[Char('!')], "errors", "what went wrong lately", Everywhere, ""),
        row(A::Mouse, &[Char('%')], "mouse", "listen to the wheel, or leave the mouse to the terminal", Everywhere, ""),
        row(A::Suspension, &[Control('z')], "suspend-program", "stop until the shell goes on", Everywhere, ""),
        row(A::Palette, &[Char(':')], "palette", "every action by name", Everywhere, "all"),
        row(A::Help, &[Char('?')], "help", "these keys", Everywhere, "help"),
        row(A::Quit, &[Char('q')], "quit", "leave; asks if rows are marked", Everywhere, "quit"),
        row(A::QuitNow, &[Control('c')], "quit-now", "leave at once", Everywhere, ""),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_on_a_screen() {
        for screen in Screen::ALL {
            let mut seen = std::collections::BTreeMap::new();
            for row in TABLE.iter().filter(|row| row.counts_on(screen)) {
                for key in row.keys {
                    let other = seen.insert(key.shown(), row.name);
                    assert_eq!(other, None, "{} on {screen:?}", key.shown());
                }
            }
        }
    }

    #[test]
    fn control_keys_are_not_letters() {
        let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        let found = binding(control('u'), Screen::Sessions).map(|row| row.action);
        assert_eq!(found, Some(Action::HalfUp));
        assert!(binding(control('x'), Screen::Sessions).is_none());
    }
}
