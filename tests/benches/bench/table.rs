//! The table, printed row by row.

use crate::machine;

/// One figure.
pub struct Row {
    figure: String,
    value: String,
    limit: String,
    ratio: Option<f64>,
    goal: String,
    is_met: Option<bool>,
    is_disturbed: bool,
}

/// The share of all cores that others may take before a ratio of rates says
/// more of them than of us.
const OTHERS_MAX: f64 = 0.2;

impl Row {
    /// A figure without a goal.
    pub fn new(figure: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            figure: figure.into(),
            value: value.into(),
            limit: String::new(),
            ratio: None,
            goal: String::new(),
            is_met: None,
            is_disturbed: false,
        }
    }

    /// The limit it is held against, in its own unit.
    pub fn against(mut self, value: f64, limit: f64) -> Self {
        self.limit = format!("{limit:.0}/s");
        self.ratio = Some(value / limit);
        self
    }

    /// That limit, and the share of it that must be reached.
    pub fn of_limit(mut self, value: f64, limit: f64, goal: f64) -> Self {
        self = self.against(value, limit);
        self.goal = format!(">= {:.0} %", goal * 100.0);
        self.is_met = Some(value / limit >= goal);
        self
    }

    /// Withholds the verdict if others took too much of the cores meanwhile.
    pub fn beside(mut self, others: f64) -> Self {
        self.is_disturbed = others > OTHERS_MAX;
        self
    }

    /// A goal without a limit.
    pub fn goal(mut self, goal: impl Into<String>, is_met: bool) -> Self {
        self.goal = goal.into();
        self.is_met = Some(is_met);
        self
    }
}

/// Prints the columns' names.
pub fn head() {
    line("figure", "value", "limit", "ratio", "goal", "", "load");
}

/// Prints a figure.
pub fn print(row: &Row) {
    let ratio = row.ratio.map(|ratio| format!("{:.1} %", ratio * 100.0));
    let verdict = match row.is_met {
        Some(_) if row.is_disturbed => "noisy",
        Some(true) => "ok",
        Some(false) => "MISS",
        None => "",
    };
    let load = machine::load_average();
    line(
        &row.figure,
        &row.value,
        &row.limit,
        &ratio.unwrap_or_default(),
        &row.goal,
        verdict,
        load.split(' ').next().unwrap_or_default(),
    );
}

/// Prints what explains the figures above it.
pub fn note(text: &str) {
    println!("    {text}");
}

fn line(
    figure: &str,
    value: &str,
    limit: &str,
    ratio: &str,
    goal: &str,
    verdict: &str,
    load: &str,
) {
    println!("{figure:<44} {value:<28} {limit:>10} {ratio:>8} {goal:>12} {verdict:>5} {load:>6}");
}
