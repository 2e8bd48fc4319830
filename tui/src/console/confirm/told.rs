//! What became of what was asked for, in words.

use std::fmt;

use countersign_openapi::Revocation;

use super::{Confirm, Target};
use crate::console::order::{Done, Failed, Verb};
use crate::console::text::count;
use crate::console::verifier::Reach;

/// How far the service is with an order that it carries out on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Far {
    /// Sessions that it has ended.
    pub ended: u64,
    /// Sessions that had ended otherwise; 0 until it is carried out.
    pub already_over: u64,
    /// Of so many.
    pub matched: u64,
}

impl Far {
    /// What an order tells of itself.
    pub fn of(order: &Revocation) -> Self {
        Self {
            ended: order.ended,
            already_over: order.already_over.unwrap_or_default(),
            matched: order.matched.unwrap_or_default(),
        }
    }
}

impl fmt::Display for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ended, matched) = (count(self.ended), count(self.matched));
        write!(f, "{ended} of {matched} sessions ended")?;
        match self.already_over {
            0 => Ok(()),
            over => write!(f, ", {} ended otherwise", count(over)),
        }
    }
}

impl Confirm {
    /// How far it is: targets with an outcome, or what the service tells of
    /// what it does on its own.
    pub fn told(&self) -> String {
        let (done, failed, under_way) = self.progress();
        match self.far {
            Some(far) if self.verb == Verb::RevokeFiltered => far.to_string(),
            _ => format!("{done} done, {failed} failed, {under_way} under way"),
        }
    }

    /// What was done, in a sentence: what became of it first, for that is not
    /// to be cut.
    pub fn summary(&self) -> String {
        let one = (self.targets.as_slice(), self.outcomes.as_slice());
        if let ([target], [Some(Ok(done))]) = one {
            return self.one_done(target, done, "");
        }
        self.several_done()
    }

    /// The same, and who has applied it.
    pub fn result(&self) -> String {
        let reach = match (&self.reach, self.verb) {
            (Some(reach), _) => reach.brief(),
            // A service that does not say it has a list.
            (None, Verb::RevokeFiltered) => "4 shows who has applied it".to_owned(),
            (None, _) => String::new(),
        };
        let one = (self.targets.as_slice(), self.outcomes.as_slice());
        match one {
            ([target], [Some(Ok(done))]) => self.one_done(target, done, &reach),
            _ if reach.is_empty() || self.progress().0 == 0 => self.several_done(),
            _ => format!("{}; {reach}", self.several_done()),
        }
    }

    fn several_done(&self) -> String {
        if self.verb == Verb::RevokeFiltered && self.far.is_some() {
            return self.told();
        }
        let (done, failed, _) = self.progress();
        let unknown = self
            .outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Some(Err(Failed::NoAnswer(_)))));
        let unknown = unknown.count();
        let all = count(self.targets.len() as u64);
        let done = format!("{} of {all} done", count(done as u64));
        let failed = match failed {
            0 => String::new(),
            failed => format!(", {failed} not"),
        };
        let unknown = match unknown {
            0 => String::new(),
            unknown => format!(" ({unknown} unknown: look again)"),
        };
        format!("{done}{failed}{unknown}")
    }

    fn one_done(&self, target: &Target, done: &Done, reach: &str) -> String {
        let as_of = match done.position.as_str() {
            "" => String::new(),
            position => format!(" as of {position}"),
        };
        let reach = match reach {
            "" => String::new(),
            reach => format!(", {reach}"),
        };
        match self.verb {
            Verb::RevokeFiltered => format!("{}{as_of}{reach}", self.told()),
            verb => format!("{}{as_of}{reach} ({})", verb.done(), target.label),
        }
    }

    /// Whether it is not known that every verifier has applied what was done.
    pub fn is_behind(&self) -> bool {
        self.reach.as_ref().is_some_and(Reach::is_behind)
    }
}
