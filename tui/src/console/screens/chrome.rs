//! The first line, the second and the last.

use countersign_openapi::CheckState;

use super::Screen;
use crate::console::canvas::Canvas;
use crate::console::filter::Filter;
use crate::console::keys::{Action, TABLE};
use crate::console::model::{Layer, Link, Model, Phase};
use crate::console::sort::Sorted;
use crate::console::text::{ago, clock, countdown, span};
use crate::console::theme::Tone;
use crate::console::update::refused;

/// Line 1: where this is, whether it can write, and who.
pub(super) fn context(model: &Model, canvas: &mut Canvas<'_>) {
    let signs = canvas.signs();
    let bar = format!(" {} ", signs.bar);
    let production = format!(" {} PRODUCTION {} ", signs.live, model.deployment.name);
    let harmless = format!(" {} ", model.deployment.name);
    let place = if model.deployment.production {
        (production.as_str(), Tone::Alarm)
    } else {
        (harmless.as_str(), Tone::Strong)
    };
    let left = model.arming.left(model.now).map(countdown);
    let armed = left.map(|left| format!("ARMED {left}"));
    let past = model.past.as_ref().map(|past| {
        let name = past.name(model.now);
        if model.shows_past() {
            (format!(" AS OF {name} "), Tone::Past)
        } else {
            (format!("SHOWS NOW, not {name}"), Tone::Warn)
        }
    });
    let arms = match &armed {
        _ if past.is_some() => past
            .as_ref()
            .map_or(("", Tone::Plain), |(told, tone)| (told, *tone)),
        Some(armed) => (armed.as_str(), Tone::Danger),
        None => ("READ-ONLY (A arms)", Tone::Plain),
    };
    let email = model
        .identity
        .as_ref()
        .map_or("", |identity| &identity.email);
    canvas.line(
        0,
        0,
        &[
            place,
            (signs.bar, Tone::Dim),
            (" ", Tone::Plain),
            arms,
            (&bar, Tone::Dim),
            (email, Tone::Plain),
        ],
    );
    let time = format!(
        " {}Z {} {}",
        clock(model.now),
        signs.bar,
        model.screen.name()
    );
    canvas.right(0, &format!("{time} "), Tone::Dim);
}

/// Line 2: how the service is.
pub(super) fn health(model: &Model, canvas: &mut Canvas<'_>) {
    let signs = canvas.signs();
    if let Link::Down { since, next, .. } = model.link {
        let wait = span(next - model.now);
        let since = model.answered.unwrap_or(since);
        let told = format!(
            " ! NO ANSWER since {} ({}); again in {wait} (r now). What is shown is old.",
            clock(since),
            ago(model.now, since)
        );
        canvas.text(0, 0, u16::MAX, &told, Tone::Danger);
        return;
    }
    let Some(ready) = model.ready.data() else {
        let told = match (&model.phase, model.ready.failed()) {
            (Phase::In, Some(failed)) => format!(" ! health: {}", failed.told()),
            (Phase::In, None) => " health: loading ...".to_owned(),
            _ => format!(" {}", model.deployment.url),
        };
        canvas.text(0, 0, u16::MAX, &told, Tone::Dim);
        return;
    };
    let age = model.age_now(&model.ready);
    let mut x = 1;
    // What is not well comes first, for the line may be too short.
    let ill = |state: CheckState| state != CheckState::Ok;
    let (bad, good): (Vec<_>, Vec<_>) = ready.checks.iter().partition(|check| ill(check.state));
    for check in bad {
        let tone = match check.state {
            CheckState::Down => Tone::Danger,
            _ => Tone::Warn,
        };
        let detail = check.detail.as_deref().unwrap_or("not well");
        x += canvas.text(
            x,
            0,
            u16::MAX,
            &format!("! {}: {detail}  ", check.name),
            tone,
        );
    }
    for check in good {
        x += canvas.text(x, 0, u16::MAX, &check.name, Tone::Plain);
        x += canvas.text(x, 0, 5, &format!(" {} ", signs.good), Tone::Good);
    }
    canvas.right(0, &format!(" {age} "), Tone::Dim);
}

/// The last line: a word that was said just now, or the keys.
pub(super) fn hints(model: &Model, canvas: &mut Canvas<'_>) {
    let is_free = matches!(model.layer, None | Some(Layer::Raw { .. }));
    if let Some((text, tone)) = model.said().filter(|_| is_free) {
        canvas.text(1, 0, u16::MAX, text, tone);
        return;
    }
    let own = match (&model.phase, &model.layer) {
        (Phase::SignIn(_), _) => Some("Enter goes on   Tab other field   ^c leaves"),
        (Phase::Entering, _) => Some("q leaves"),
        (Phase::In, Some(Layer::Help(_) | Layer::Errors(_))) => Some("j k move   Esc closes"),
        (Phase::In, Some(Layer::Raw { .. })) => Some("j k move   y copies   Esc closes"),
        (Phase::In, Some(Layer::Palette { .. } | Layer::Menu { .. })) => {
            Some("Up Down choose   Enter does it   Esc closes")
        }
        (Phase::In, Some(Layer::Filter { .. })) => Some("Enter filters   Esc closes"),
        (Phase::In, Some(Layer::Export)) => Some("j JSONL   c CSV   Esc closes"),
        (Phase::In, Some(Layer::Arm(_))) => Some("Enter proves   Esc stays read-only"),
        (Phase::In, Some(Layer::Confirm(confirm))) => Some(match confirm.job {
            _ if confirm.is_finished() => "Enter closes",
            Some(_) => "working; wait for the outcome",
            None => "Tab next field   Esc cancels",
        }),
        (Phase::In, None) => None,
    };
    if let Some(own) = own {
        canvas.text(1, 0, u16::MAX, own, Tone::Plain);
        return;
    }
    let is_home = model.screen == Screen::Overview;
    let last = if is_home {
        ": ? help  q quit "
    } else {
        "1-7  : all  ? help  q quit "
    };
    let taken = u16::try_from(last.len()).unwrap_or(u16::MAX);
    let room = canvas.columns().saturating_sub(taken);
    let mut x = 1;
    if model.past.is_some() {
        x += canvas.line(x, 0, &[(":now", Tone::Strong), (" back", Tone::Plain)]);
        x += 2;
    }
    if is_home {
        places(canvas, x, room);
        canvas.right(0, last, Tone::Dim);
        return;
    }
    for row in TABLE {
        let common = matches!(row.action, Action::Palette | Action::Help | Action::Quit);
        if row.hint.is_empty() || common || !row.counts_on(model.screen) {
            continue;
        }
        let width = u16::try_from(row.key().len() + row.hint.len() + 3).unwrap_or(u16::MAX);
        if x + width > room {
            break;
        }
        let (key, hint) = if refused(model, row.action).is_some() {
            (Tone::Dim, Tone::Dim)
        } else {
            (Tone::Strong, Tone::Plain)
        };
        x += canvas.line(x, 0, &[(&row.key(), key), (" ", hint), (row.hint, hint)]);
        x += 2;
    }
    canvas.right(0, last, Tone::Dim);
}

/// Where the other screens are.
fn places(canvas: &mut Canvas<'_>, mut x: u16, room: u16) {
    for row in TABLE {
        let Action::Show(screen) = row.action else {
            continue;
        };
        let (key, name) = (row.key(), screen.name());
        let width = u16::try_from(key.len() + name.len() + 1).unwrap_or(u16::MAX);
        if screen == Screen::Overview || x + width > room {
            continue;
        }
        let pieces = [
            (key.as_str(), Tone::Strong),
            (" ", Tone::Plain),
            (name, Tone::Plain),
        ];
        x += canvas.line(x, 0, &pieces) + 1;
    }
}

/// What a list is sorted by, for its heading; empty as the service answers.
pub(super) fn sorted(model: &Model, list: Sorted) -> String {
    let signs = model.looks.signs();
    match model.sorts.told(list) {
        Some((column, true)) => format!("  by {column} {}", signs.below),
        Some((column, false)) => format!("  by {column} {}", signs.above),
        None => String::new(),
    }
}

/// The heading of a list: its name and what it is narrowed down to.
pub(super) fn heading(model: &Model, screen: Screen, all: &str) -> String {
    let filter = crate::console::update::of(model, screen);
    match filter.map(Filter::text) {
        Some(text) if !text.is_empty() => format!("{}  filter: {text}", screen.name()),
        _ => format!("{}  {all}", screen.name()),
    }
}
