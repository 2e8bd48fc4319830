//! The numbers, and what needs attention.

use countersign_openapi::{CheckState, Overview, ProjectionMode};

use super::{Canvas, Screen, Tone, table};
use crate::console::model::Model;
use crate::console::text::{ago, count};

/// Something that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// How much.
    pub tone: Tone,
    /// What.
    pub says: String,
    /// The screen that shows more, and the filter it is set to.
    pub leads_to: Option<(Screen, &'static str)>,
}

/// Failed logins in a quarter of an hour that are worth a look.
const FAILED_MANY: u64 = 20;
/// Events that a read model may be behind without being mentioned.
const LAG_MANY: u64 = 1_000;

/// What needs attention, the worst first.
pub fn attention(model: &Model) -> Vec<Attention> {
    let mut items = Vec::new();
    let mut push = |tone, says: String, leads_to| {
        items.push(Attention {
            tone,
            says,
            leads_to,
        });
    };
    let checks = model.ready.data().map(|ready| ready.checks.as_slice());
    for check in checks.unwrap_or_default() {
        let detail = check.detail.as_deref().unwrap_or("not well");
        let says = format!("{}: {detail}", check.name);
        match check.state {
            CheckState::Ok => {}
            CheckState::Degraded => push(Tone::Warn, says, None),
            CheckState::Down => push(Tone::Danger, says, None),
        }
    }
    if let Some(overview) = model.overview.data() {
        for item in &overview.projections {
            let name = format!("read model {} shard {}", item.name, item.shard);
            let leads_to = Some((Screen::Projections, ""));
            match item.state {
                ProjectionMode::Stopped => {
                    let fault = item.fault.as_ref();
                    let since = fault.map_or_else(String::new, |fault| {
                        format!(
                            " at {}, {} ago",
                            fault.position,
                            ago(model.now, fault.since)
                        )
                    });
                    push(Tone::Danger, format!("{name} stopped{since}"), leads_to);
                }
                ProjectionMode::Unowned => {
                    push(
                        Tone::Danger,
                        format!("{name}: nobody projects it"),
                        leads_to,
                    );
                }
                _ if item.lag_events > LAG_MANY => {
                    let lag = count(item.lag_events);
                    push(
                        Tone::Warn,
                        format!("{name} is {lag} events behind"),
                        leads_to,
                    );
                }
                _ => {}
            }
        }
        let reused = overview.refresh_reused_24h;
        if reused > 0 {
            let says = format!(
                "{} refresh tokens used twice in 24 h: copied?",
                count(reused)
            );
            push(
                Tone::Danger,
                says,
                Some((Screen::Events, "name:refresh_reused")),
            );
        }
        let (good, failed) = (overview.logins_15m, overview.logins_failed_15m);
        if failed >= FAILED_MANY && failed * 4 > good {
            let says = format!(
                "{} logins failed in 15 min, {} succeeded; an account's Tries say whose",
                count(failed),
                count(good)
            );
            push(Tone::Warn, says, Some((Screen::Accounts, "")));
        }
    }
    items.sort_by_key(|item| item.tone != Tone::Danger);
    items
}

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let (columns, rows) = (canvas.columns(), canvas.rows());
    // Something that needs attention is always in view.
    let top = rows.min(10).min(rows.saturating_sub(4));
    let left = columns / 2;
    let mut pane = canvas.part(0, 0, left, top);
    let mut inside = pane.pane("Overview", &model.age_now(&model.overview), false);
    let overview = model.overview.data();
    if !table::nothing(&mut inside, &model.overview, overview.is_none(), "")
        && let Some(overview) = overview
    {
        numbers(&mut inside, overview);
    }
    let mut pane = canvas.part(left, 0, columns - left, top);
    chart(model, &mut pane);
    let items = attention(model);
    let title = format!("Needs attention ({})  Enter opens", items.len());
    let mut pane = canvas.part(0, top, columns, rows - top);
    let mut inside = pane.pane(&title, &model.age_now(&model.ready), true);
    if items.is_empty() {
        let told = if overview.is_some() {
            "Nothing needs attention."
        } else {
            ""
        };
        inside.text(1, 0, u16::MAX, told, Tone::Good);
    }
    let at = model.attention_at.min(items.len().saturating_sub(1));
    let height = usize::from(inside.rows()).max(1);
    let skip = (at + 1).saturating_sub(height);
    for (y, (index, item)) in (0..).zip(items.iter().enumerate().skip(skip).take(height)) {
        let signs = inside.signs();
        let sign = if item.tone == Tone::Danger {
            "!!"
        } else {
            "! "
        };
        inside.text(2, y, 2, sign, item.tone);
        inside.text(5, y, u16::MAX, &item.says, item.tone);
        if index == at {
            inside.text(0, y, 1, signs.cursor, Tone::Strong);
            inside.tint(y, Tone::Selected);
        }
    }
}

fn numbers(canvas: &mut Canvas<'_>, overview: &Overview) {
    let failed = if overview.logins_failed_15m >= FAILED_MANY {
        Tone::Warn
    } else {
        Tone::Plain
    };
    let reused = if overview.refresh_reused_24h > 0 {
        Tone::Danger
    } else {
        Tone::Plain
    };
    let rows = [
        ("Sessions active", overview.sessions_active, Tone::Strong),
        ("Accounts", overview.accounts, Tone::Plain),
        ("Logins, 15 min", overview.logins_15m, Tone::Plain),
        ("Refused, 15 min *", overview.logins_failed_15m, failed),
        ("Logins, 24 h", overview.logins_24h, Tone::Plain),
        (
            "Sessions ended, 24 h",
            overview.sessions_ended_24h,
            Tone::Plain,
        ),
        ("Refresh reuse, 24 h", overview.refresh_reused_24h, reused),
    ];
    for (y, (label, number, tone)) in (0..).zip(rows) {
        canvas.text(1, y, 20, label, Tone::Plain);
        let columns = canvas.columns().saturating_sub(23).min(14);
        let mut number_part = canvas.part(22, y, columns, 1);
        number_part.right(0, &count(number), tone);
    }
    let told = "* at the service that answered";
    canvas.text(1, 7, u16::MAX, told, Tone::Dim);
}

fn chart(model: &Model, canvas: &mut Canvas<'_>) {
    let mut inside = canvas.pane(
        "Failed logins in 15 min, lately",
        &model.age_now(&model.overview),
        false,
    );
    let signs = inside.signs();
    let width = usize::from(inside.columns().saturating_sub(2));
    let rows = inside.rows();
    let skip = model.samples.len().saturating_sub(width);
    let samples: Vec<u64> = model.samples.iter().skip(skip).copied().collect();
    let Some(most) = samples.iter().max().copied() else {
        inside.text(1, 1, u16::MAX, "no numbers yet", Tone::Dim);
        return;
    };
    let height = rows.saturating_sub(1);
    let steps = u64::from(height) * 8;
    for (x, sample) in (1..).zip(&samples) {
        // At least a dot, so that the axis is seen.
        let filled = (sample * steps).div_ceil(most.max(1)).max(1);
        for row in 0..height {
            let below = u64::from(row) * 8;
            let part = filled.saturating_sub(below).min(8);
            if let Some(at) = part.checked_sub(1) {
                let bar = signs.heights[usize::try_from(at).unwrap_or(7).min(7)];
                inside.text(x, height - 1 - row, 1, bar, Tone::Plain);
            }
        }
    }
    let told = format!(
        "most {}, now {}",
        count(most),
        count(samples.last().copied().unwrap_or(0))
    );
    inside.text(1, rows.saturating_sub(1), u16::MAX, &told, Tone::Dim);
}
