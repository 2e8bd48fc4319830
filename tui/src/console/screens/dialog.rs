//! Arming, and what is asked before something is done.

use countersign_openapi::display_safe;

use super::overlay::{Cursor, field, over};
use super::{Canvas, Tone};
use crate::console::canvas::width;
use crate::console::confirm::{Confirm, Focus};
use crate::console::model::{ArmForm, Model};
use crate::console::text::many;

/// Draws the form to arm with.
pub(super) fn arm(model: &Model, form: &ArmForm, canvas: &mut Canvas<'_>) -> (u16, u16) {
    let (mut inside, left, top) = over(canvas, "Arm: be able to act for 10 minutes", 66, 9);
    let told = match &form.purpose {
        Some(_) => "The console is read-only. To act, prove who you are.",
        None => "Prove who you are. It runs out by itself; :disarm ends it.",
    };
    inside.text(1, 0, u16::MAX, told, Tone::Plain);
    if model.deployment.production {
        let told = format!("This is PRODUCTION: {}", model.deployment.name);
        inside.text(1, 1, u16::MAX, &told, Tone::Danger);
    }
    inside.text(
        1,
        3,
        u16::MAX,
        "Code of your authenticator app:",
        Tone::Plain,
    );
    let cursor = field(&mut inside, 33, 3, 24, &form.code, false);
    if form.busy {
        inside.text(1, 5, u16::MAX, "proving ...", Tone::Dim);
    } else if let Some(refused) = &form.refused {
        inside.wrapped(1, 5, refused, Tone::Danger);
    } else if model.has_seed {
        let told = "Enter alone takes the code from dev.json.";
        inside.text(1, 5, u16::MAX, told, Tone::Dim);
    }
    (left + cursor, top + 3)
}

/// Draws the dialog. What is to be done and the buttons are always in view;
/// targets and effects get what is left.
pub(super) fn confirm(confirm: &Confirm, canvas: &mut Canvas<'_>) -> Cursor {
    let asked = confirm.asked();
    let below: u16 = if asked.is_some() { 5 } else { 4 };
    let columns = canvas.columns().min(78);
    let targets = u16::try_from(confirm.targets.len().min(5)).unwrap_or(5);
    let facts = fact_rows(confirm, columns);
    let wanted = (targets + below + 9).saturating_add(facts);
    let (mut inside, left, top) = over(canvas, &confirm.title(), columns, wanted);
    let rows = inside.rows();
    let above = rows.saturating_sub(below);
    let mut part = inside.part(0, 0, columns, above);
    if confirm.job.is_some() {
        outcomes(confirm, &mut part);
    } else {
        question(confirm, &mut part);
    }
    let mut y = above;
    let mut cursor = None;
    if confirm.verb.takes_reason() {
        let label = "Reason (kept in the log):";
        inside.text(1, y, u16::MAX, label, Tone::Plain);
        let reason = field(&mut inside, 27, y, columns, &confirm.reason, false);
        cursor = Some((left + reason, top + y));
    }
    y += 1;
    let mut count = None;
    if let Some(asked) = &asked {
        inside.text(
            1,
            y,
            u16::MAX,
            &format!("Type {asked} to confirm:"),
            Tone::Plain,
        );
        let at = field(&mut inside, 27, y, 10, &confirm.count, false);
        count = Some((left + at, top + y));
        y += 1;
    }
    buttons(confirm, &mut inside, y + 1);
    inside.text(1, y + 2, u16::MAX, &confirm.hint(), Tone::Strong);
    if confirm.focus == Focus::Count {
        cursor = count;
    }
    cursor
        .filter(|_| confirm.job.is_none() && matches!(confirm.focus, Focus::Reason | Focus::Count))
}

/// About how many rows the facts take.
fn fact_rows(confirm: &Confirm, columns: u16) -> u16 {
    let columns = usize::from(columns.saturating_sub(8)).max(1);
    let facts = confirm.facts.iter();
    let rows: usize = facts.map(|fact| width(fact).div_ceil(columns)).sum();
    u16::try_from(rows).unwrap_or(u16::MAX)
}

fn buttons(confirm: &Confirm, canvas: &mut Canvas<'_>, y: u16) {
    if confirm.job.is_some() {
        return;
    }
    let on = |focus| confirm.focus == focus;
    let framed = |text: &str, on: bool| {
        if on {
            format!("[ {text} ]")
        } else {
            format!("  {text}  ")
        }
    };
    let cancel = framed("Cancel", on(Focus::Cancel));
    let act = framed(confirm.verb.button(), on(Focus::Act));
    let tone = |on, other| if on { Tone::Selected } else { other };
    let columns = canvas.columns();
    let taken = u16::try_from(width(&cancel) + width(&act) + 3).unwrap_or(u16::MAX);
    let x = columns.saturating_sub(taken);
    let cancel_tone = tone(on(Focus::Cancel), Tone::Plain);
    let act_tone = tone(on(Focus::Act), Tone::Danger);
    canvas.line(
        x,
        y,
        &[
            (&cancel, cancel_tone),
            ("  ", Tone::Plain),
            (&act, act_tone),
        ],
    );
}

fn question(confirm: &Confirm, canvas: &mut Canvas<'_>) {
    let rows = canvas.rows();
    let mut y = 0;
    if confirm.includes_own() {
        let told = "! This includes YOUR OWN session: you will be signed out.";
        canvas.text(1, y, u16::MAX, told, Tone::Danger);
        y += 1;
    }
    // Effects take about three rows; targets get the others.
    let number = u16::try_from(confirm.targets.len()).unwrap_or(u16::MAX);
    let facts = fact_rows(confirm, canvas.columns());
    let room = rows.saturating_sub(y + 4 + facts).max(1);
    let shown = if number > room {
        room.saturating_sub(1).max(1)
    } else {
        number
    };
    for target in confirm.targets.iter().take(usize::from(shown)) {
        let own = if target.own { " (yours)" } else { "" };
        let told = format!("{}{own}", target.label);
        if number == 1 {
            // The id is what it is about: it is not cut.
            y += canvas.wrapped(1, y, &display_safe(&told), Tone::Strong);
        } else {
            canvas.text(1, y, u16::MAX, &told, Tone::Strong);
            y += 1;
        }
    }
    if number > shown {
        let rest = many(confirm.targets.len() - usize::from(shown), "other");
        canvas.text(1, y, u16::MAX, &format!("and {rest}"), Tone::Strong);
        y += 1;
    }
    for fact in &confirm.facts {
        y += canvas.wrapped(1, y, &display_safe(fact), Tone::Plain);
    }
    y += 1;
    let mut part = canvas.part(
        1,
        y,
        canvas.columns().saturating_sub(2),
        rows.saturating_sub(y),
    );
    part.wrapped(0, 0, confirm.verb.effects(), Tone::Plain);
}

fn outcomes(confirm: &Confirm, canvas: &mut Canvas<'_>) {
    let (done, failed, _) = confirm.progress();
    let signs = canvas.signs();
    let all = confirm.targets.len().max(1);
    let width = usize::from(canvas.columns().saturating_sub(4)).min(40);
    let filled = match confirm.far {
        Some(far) => {
            let over = far.ended.saturating_add(far.already_over);
            let part = over.min(far.matched) * width as u64 / far.matched.max(1);
            usize::try_from(part).unwrap_or(width)
        }
        None => (done + failed) * width / all,
    };
    let bar = signs.heights[7].repeat(filled);
    canvas.text(1, 0, u16::MAX, &bar, Tone::Good);
    let mut y = 1;
    // Over, it is said with where that stands.
    if confirm.far.is_none() || !confirm.is_finished() {
        canvas.text(1, y, u16::MAX, &confirm.told(), Tone::Plain);
        y += 1;
    }
    if confirm.is_finished() {
        let tone = if failed == 0 {
            Tone::Good
        } else {
            Tone::Danger
        };
        y += canvas.wrapped(1, y, &confirm.summary(), tone);
    }
    if let Some(reach) = &confirm.reach {
        y += canvas.wrapped(1, y, &reach.told(), reach.tone());
    }
    y += 1;
    let rows = confirm.targets.iter().zip(&confirm.outcomes);
    let bad = rows.filter_map(|(target, outcome)| match outcome {
        Some(Err(failed)) => Some((target, failed)),
        _ => None,
    });
    for (target, failed) in bad {
        let told = format!("{}: {}", target.label, failed.told());
        canvas.text(1, y, u16::MAX, &told, Tone::Danger);
        y = y.saturating_add(1);
    }
}
