//! Reading the sources of settings.

use std::path::{Path, PathBuf};

use super::keys::{KEYS, Key};

/// What is wrong with the settings, in words for whoever wrote them. No value
/// is ever quoted.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path}: {error}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// With line and column.
        error: String,
    },
    /// No setting has this name.
    #[error("{place} unknown setting `{name}`{}", guess(name))]
    Unknown {
        /// Where it was said.
        place: String,
        /// What was said.
        name: String,
    },
    /// A setting that is needed was not given.
    #[error("`{0}` is not set (COUNTERSIGN_{upper}, or `{0} = ...` in the file)", upper = .0.to_uppercase())]
    Missing(&'static str),
    /// A secret was given twice.
    #[error("{0} and {0}_FILE are both set; which one is right?")]
    Twice(String),
    /// A value is not what its key asks for.
    #[error("{origin}: `{name}`: expected {expected}")]
    Value {
        /// Which setting.
        name: &'static str,
        /// Who said it.
        origin: String,
        /// What would be right.
        expected: &'static str,
    },
}

fn guess(name: &str) -> String {
    let near = KEYS
        .iter()
        .map(|key| (distance(name, key.name), key.name))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    near.map_or_else(String::new, |(_, key)| format!("; did you mean `{key}`?"))
}

/// Levenshtein distance, on names of a few dozen characters.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The key of a name.
pub(super) fn key(name: &str, place: &str) -> Result<&'static Key, SettingsError> {
    KEYS.iter()
        .find(|key| key.name == name)
        .ok_or_else(|| SettingsError::Unknown {
            place: format!("{place}:"),
            name: name.chars().take(64).collect(),
        })
}

/// Keys, values and lines of a file. Flat: every setting is at the top.
pub(super) fn file(path: &Path) -> Result<Vec<(&'static Key, String, usize)>, SettingsError> {
    let read = |error| SettingsError::Read {
        path: path.to_owned(),
        error,
    };
    let text = std::fs::read_to_string(path).map_err(read)?;
    let table: toml::Table =
        text.parse()
            .map_err(|error: toml::de::Error| SettingsError::Toml {
                path: path.to_owned(),
                error: error.to_string(),
            })?;
    let mut found = Vec::new();
    for (name, value) in table {
        let line = line_of(&text, &name);
        let key = key(&name, &format!("{}:{line}", path.display()))?;
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            _ => {
                return Err(SettingsError::Value {
                    name: key.name,
                    origin: format!("{}:{line}", path.display()),
                    expected: key.expected,
                });
            }
        };
        found.push((key, value, line));
    }
    Ok(found)
}

/// Where a top-level key stands; keys are bare words here, so a line tells.
fn line_of(text: &str, name: &str) -> usize {
    let at = text.lines().position(|line| {
        let head = line.trim_start().trim_start_matches(['"', '\'', '[']);
        head.starts_with(name)
    });
    at.map_or(1, |index| index + 1)
}

/// Keys, values and variables of the environment. Variables of other programs
/// of the family (`COUNTERSIGN_TOOLS`, ...) are none of ours.
pub(super) fn environment(
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Vec<(&'static Key, String, String)>, SettingsError> {
    let variables: Vec<_> = variables
        .filter(|(name, _)| name.starts_with("COUNTERSIGN_"))
        .collect();
    let value_of = |name: &str| {
        variables
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value)
    };
    let mut found = Vec::new();
    for key in KEYS {
        let variable = format!("COUNTERSIGN_{}", key.name.to_uppercase());
        let file_variable = format!("{variable}_FILE");
        let from_file = value_of(&file_variable).filter(|_| key.secret);
        match (value_of(&variable), from_file) {
            (Some(_), Some(_)) => return Err(SettingsError::Twice(variable)),
            (Some(value), None) => found.push((key, value.clone(), variable)),
            (None, Some(path)) => {
                let path = PathBuf::from(path);
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| SettingsError::Read { path, error })?;
                found.push((key, text.trim().to_owned(), file_variable));
            }
            (None, None) => {}
        }
    }
    Ok(found)
}
