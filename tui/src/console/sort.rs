//! The order of lists that are not read page by page: all that is listed is
//! here, and a list that is longer than its bound says so.

use std::cmp::Ordering;

use countersign_openapi::{Client, ProjectionState, SigningKey, Verifier};
use serde_json::{Map, Value};

use super::model::Model;
use super::screens::Screen;

/// A list that can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorted {
    /// Programs.
    Clients,
    /// Who checks tokens.
    Verifiers,
    /// Read models.
    Projections,
    /// Signing keys.
    Keys,
}

impl Sorted {
    const ALL: [Self; 4] = [
        Self::Clients,
        Self::Verifiers,
        Self::Projections,
        Self::Keys,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Verifiers => "verifiers",
            Self::Projections => "projections",
            Self::Keys => "keys",
        }
    }

    /// What it can be sorted by.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Clients => &["name", "state", "since"],
            Self::Verifiers => &["name", "state", "stale", "heard"],
            Self::Projections => &["name", "shard", "state", "lag", "rate"],
            Self::Keys => &["key", "state", "published", "retires"],
        }
    }

    /// The list that the cursor of a model is in.
    pub fn of(model: &Model) -> Option<Self> {
        match model.screen {
            Screen::Clients if model.at_verifier.is_some() => Some(Self::Verifiers),
            Screen::Clients => Some(Self::Clients),
            Screen::Projections => Some(Self::Projections),
            Screen::Keys => Some(Self::Keys),
            _ => None,
        }
    }
}

/// By which column, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    column: usize,
    down: bool,
}

/// How each list is sorted; as the service answers where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sorts([Option<Sort>; 4]);

impl Sorts {
    fn get(self, list: Sorted) -> Option<Sort> {
        self.0[list as usize]
    }

    /// Goes on to the next column; behind the last one, to how the service
    /// answers.
    pub fn next(&mut self, list: Sorted) {
        let column = self.get(list).map_or(0, |sort| sort.column + 1);
        let down = false;
        let is_there = column < list.columns().len();
        self.0[list as usize] = is_there.then_some(Sort { column, down });
    }

    /// Turns the order around; the first column's, if there is none.
    pub fn turn(&mut self, list: Sorted) {
        let sort = self.get(list);
        let (column, down) = sort.map_or((0, true), |sort| (sort.column, !sort.down));
        self.0[list as usize] = Some(Sort { column, down });
    }

    /// The column and the way, in words.
    pub fn told(self, list: Sorted) -> Option<(&'static str, bool)> {
        let sort = self.get(list)?;
        Some((list.columns().get(sort.column)?, sort.down))
    }

    /// What [`Sorts::read`] reads again.
    pub fn text(self) -> String {
        let told = Sorted::ALL.iter().filter_map(|list| {
            let (column, down) = self.told(*list)?;
            let sign = if down { "-" } else { "" };
            Some((
                list.name().to_owned(),
                Value::from(format!("{sign}{column}")),
            ))
        });
        Value::Object(told.collect::<Map<_, _>>()).to_string()
    }

    /// Reads what was kept; what is not known any more is passed over.
    pub fn read(text: &str) -> Self {
        let mut sorts = Self::default();
        let kept: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        for list in Sorted::ALL {
            let Some(kept) = kept.get(list.name()).and_then(Value::as_str) else {
                continue;
            };
            let (down, name) = match kept.strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, kept),
            };
            let column = list.columns().iter().position(|column| *column == name);
            sorts.0[list as usize] = column.map(|column| Sort { column, down });
        }
        sorts
    }

    fn sort<T>(self, list: Sorted, items: &mut [T], by: impl Fn(&str, &T, &T) -> Ordering) {
        if let Some((column, down)) = self.told(list) {
            items.sort_by(|left, right| {
                let order = by(column, left, right);
                if down { order.reverse() } else { order }
            });
        }
    }

    /// Sorts programs.
    pub fn clients(self, items: &mut [Client]) {
        self.sort(Sorted::Clients, items, |column, left, right| match column {
            "state" => (left.state as u8).cmp(&(right.state as u8)),
            "since" => left.created_at.cmp(&right.created_at),
            _ => left.name.cmp(&right.name),
        });
    }

    /// Sorts who checks tokens.
    pub fn verifiers(self, items: &mut [Verifier]) {
        self.sort(Sorted::Verifiers, items, |column, left, right| {
            // Who has proved nothing is as stale as can be.
            let stale = |item: &Verifier| item.staleness_ms.unwrap_or(u64::MAX);
            match column {
                "state" => (left.state as u8).cmp(&(right.state as u8)),
                "stale" => stale(left).cmp(&stale(right)),
                "heard" => left.heard_ms_ago.cmp(&right.heard_ms_ago),
                _ => left.name.cmp(&right.name),
            }
        });
    }

    /// Sorts read models.
    pub fn projections(self, items: &mut [ProjectionState]) {
        self.sort(
            Sorted::Projections,
            items,
            |column, left, right| match column {
                "shard" => left.shard.cmp(&right.shard),
                "state" => (left.state as u8).cmp(&(right.state as u8)),
                "lag" => left.lag_events.cmp(&right.lag_events),
                "rate" => left.events_per_second.cmp(&right.events_per_second),
                _ => left.name.cmp(&right.name),
            },
        );
    }

    /// Sorts signing keys.
    pub fn keys(self, items: &mut [SigningKey]) {
        self.sort(Sorted::Keys, items, |column, left, right| match column {
            "state" => (left.state as u8).cmp(&(right.state as u8)),
            "published" => left.published_at.cmp(&right.published_at),
            "retires" => left.retires_at.cmp(&right.retires_at),
            _ => left.kid.cmp(&right.kid),
        });
    }
}

impl Model {
    /// Sorts what is here.
    pub fn sort(&mut self) {
        let sorts = self.sorts;
        if let Some(clients) = self.clients.data_mut() {
            sorts.clients(&mut clients.items);
        }
        if let Some(verifiers) = self.verifiers.data_mut() {
            sorts.verifiers(&mut verifiers.items);
        }
        if let Some(projections) = self.projections.data_mut() {
            sorts.projections(projections);
        }
        if let Some(keys) = self.keys.data_mut() {
            sorts.keys(keys);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_round_its_columns_and_is_remembered() {
        let mut sorts = Sorts::default();
        assert_eq!(sorts.text(), "{}");
        sorts.next(Sorted::Keys);
        sorts.next(Sorted::Keys);
        sorts.turn(Sorted::Keys);
        sorts.turn(Sorted::Clients);
        assert_eq!(sorts.told(Sorted::Keys), Some(("state", true)));
        assert_eq!(Sorts::read(&sorts.text()), sorts);
        for _ in 0..3 {
            sorts.next(Sorted::Keys);
        }
        assert_eq!(sorts.told(Sorted::Keys), None, "as the service answers");
        for kept in ["", "[]", "{\"keys\":7}", "{\"keys\":\"-colour\"}", "\u{0}"] {
            assert_eq!(Sorts::read(kept), Sorts::default(), "{kept}");
        }
    }
}
