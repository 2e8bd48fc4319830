//! Where something stands in the log.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A shard and the sequence of a message in that shard's stream, written
/// `3.8412`. Opaque to clients. Positions of different shards do not compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The shard, counted from zero.
    pub shard: u8,
    /// The stream sequence, counted from one; zero stands for "before
    /// everything".
    pub sequence: u64,
}

/// The text is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected <shard>.<sequence>, for example 3.8412")]
pub struct PositionError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.shard, self.sequence)
    }
}

/// Plain ASCII digits only: `+1.2`, ` 1.2` and `01.2` are refused, so that a
/// position has exactly one spelling.
fn number<T: FromStr>(digits: &str) -> Result<T, PositionError> {
    let canonical = digits == "0" || !digits.starts_with('0');
    if !canonical || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PositionError);
    }
    digits.parse().map_err(|_| PositionError)
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (shard, sequence) = text.split_once('.').ok_or(PositionError)?;
        Ok(Self {
            shard: number(shard)?,
            sequence: number(sequence)?,
        })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// A position in the whole log: one sequence for each shard, in shard order,
/// written `12-0-7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<u64>);

impl Cursor {
    /// One sequence a shard.
    pub fn new(sequences: Vec<u64>) -> Self {
        Self(sequences)
    }

    /// The sequences in shard order.
    pub fn sequences(&self) -> &[u64] {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shard, sequence) in self.0.iter().enumerate() {
            if shard > 0 {
                f.write_str("-")?;
            }
            write!(f, "{sequence}")?;
        }
        Ok(())
    }
}

impl FromStr for Cursor {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > 64 * 21 {
            return Err(PositionError);
        }
        text.split('-')
            .map(number)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_one_spelling() {
        let position = Position {
            shard: 3,
            sequence: 8412,
        };
        assert_eq!("3.8412".parse(), Ok(position));
        assert_eq!(position.to_string(), "3.8412");
        for bad in [
            "",
            ".",
            "3",
            "3.",
            ".4",
            "+3.4",
            "3.+4",
            "03.4",
            "3.04",
            "3.4.5",
            "256.1",
            "3.18446744073709551616",
            "٣.٤",
        ] {
            assert_eq!(bad.parse::<Position>(), Err(PositionError), "{bad}");
        }
    }

    #[test]
    fn a_cursor_reads_back() {
        let cursor = Cursor::new(vec![12, 0, 7]);
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert!("12--7".parse::<Cursor>().is_err());
    }
}
