//! Settings: flags over environment over a TOML file over defaults, each with
//! its origin, every one documented by `countersign config`.

mod keys;
mod parse;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

pub use keys::{KEYS, Key};
pub use parse::SettingsError;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said otherwise.
    Default,
    /// The configuration file, at this line.
    File(PathBuf, usize),
    /// This environment variable.
    Environment(String),
    /// `--set` or a flag of its own.
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "env {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// All settings with their origins.
#[derive(Debug, Clone)]
pub struct Settings(BTreeMap<&'static str, (SecretString, Origin)>);

impl Settings {
    /// Reads all sources. `environment` is what [`std::env::vars`] gives,
    /// `flags` are pairs of a key and its value.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Self, SettingsError> {
        let mut settings = Self(BTreeMap::new());
        for key in KEYS {
            if let Some(default) = key.default {
                settings.set(key, default, Origin::Default);
            }
        }
        if let Some(path) = file {
            for (key, value, line) in parse::file(path)? {
                settings.set(key, &value, Origin::File(path.to_owned(), line));
            }
        }
        for (key, value, variable) in parse::environment(environment)? {
            settings.set(key, &value, Origin::Environment(variable));
        }
        for (name, value) in flags {
            let key = parse::key(name, "--set")?;
            settings.set(key, value, Origin::Flag);
        }
        Ok(settings)
    }

    fn set(&mut self, key: &'static Key, value: &str, origin: Origin) {
        self.0.insert(key.name, (value.to_owned().into(), origin));
    }

    /// Sets what a verb knows better than any source, unless a source said
    /// something.
    pub fn suggest(&mut self, name: &'static str, value: &str) {
        let silent = self
            .0
            .get(name)
            .is_none_or(|(_, origin)| *origin == Origin::Default);
        if silent {
            self.0
                .insert(name, (value.to_owned().into(), Origin::Default));
        }
    }

    /// The value, if there is one.
    pub fn get(&self, name: &'static str) -> Option<&SecretString> {
        self.0.get(name).map(|(value, _)| value)
    }

    /// Where the value came from.
    pub fn origin(&self, name: &'static str) -> Option<&Origin> {
        self.0.get(name).map(|(_, origin)| origin)
    }

    /// The value of a setting that must be there.
    pub fn required(&self, name: &'static str) -> Result<&SecretString, SettingsError> {
        self.get(name)
            .filter(|value| !value.expose_secret().is_empty())
            .ok_or(SettingsError::Missing(name))
    }

    /// The value as a number, an address or whatever else reads from text.
    pub fn parsed<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, SettingsError> {
        let text = self.required(name)?.expose_secret();
        text.parse().map_err(|_| self.wrong(name))
    }

    /// Says that a value is not what its key asks for.
    pub fn wrong(&self, name: &'static str) -> SettingsError {
        let key = KEYS.iter().find(|key| key.name == name);
        SettingsError::Value {
            name,
            origin: self
                .origin(name)
                .map(ToString::to_string)
                .unwrap_or_default(),
            expected: key.map_or("another value", |key| key.expected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        toml: &str,
        environment: &[(&str, &str)],
        flags: &[(&str, &str)],
    ) -> Result<Settings, SettingsError> {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let folder = std::env::temp_dir().join(format!(
            "countersign-settings-{:?}",
            std::thread::current().id()
        ));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("countersign.toml");
        std::fs::write(&path, toml).expect("a file");
        Settings::load(Some(&path), own(environment).into_iter(), &own(flags))
    }

    fn text(settings: &Settings, name: &'static str) -> String {
        settings
            .get(name)
            .expect("a value")
            .expose_secret()
            .to_owned()
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let file = "prefix = \"file\"\nshards = 4\n";
        let settings = load(file, &[], &[]).expect("loads");
        assert_eq!(
            (text(&settings, "prefix"), text(&settings, "shards")),
            ("file".into(), "4".into())
        );
        assert_eq!(text(&settings, "listen"), "127.0.0.1:8080");
        let settings = load(file, &[("COUNTERSIGN_PREFIX", "env")], &[]).expect("loads");
        assert_eq!(text(&settings, "prefix"), "env");
        let settings = load(
            file,
            &[("COUNTERSIGN_PREFIX", "env")],
            &[("prefix", "flag")],
        )
        .expect("loads");
        assert_eq!(text(&settings, "prefix"), "flag");
        assert_eq!(settings.origin("prefix"), Some(&Origin::Flag));
    }

    #[test]
    fn a_typo_in_the_file_is_refused_with_its_line_and_a_guess() {
        let error = load("prefix = \"a\"\nshrads = 4\n", &[], &[])
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains(":2:") && error.contains("`shrads`") && error.contains("`shards`"),
            "{error}"
        );
    }

    #[test]
    fn a_value_out_of_kind_names_its_origin_and_what_was_expected() {
        let settings = load("", &[("COUNTERSIGN_SHARDS", "many")], &[]).expect("loads");
        let error = settings
            .parsed::<u8>("shards")
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains("COUNTERSIGN_SHARDS") && error.contains("1 to 64"),
            "{error}"
        );
    }

    #[test]
    fn a_secret_can_come_from_a_file_and_is_trimmed() {
        let path = std::env::temp_dir().join(format!("countersign-secret-{}", std::process::id()));
        std::fs::write(&path, "s3cret\n").expect("a file");
        let settings = load(
            "",
            &[("COUNTERSIGN_KEK_FILE", path.to_str().expect("utf-8"))],
            &[],
        )
        .expect("loads");
        assert_eq!(text(&settings, "kek"), "s3cret");
        assert!(!format!("{settings:?}").contains("s3cret"));
        let missing = load("", &[("COUNTERSIGN_KEK_FILE", "/nonexistent/kek")], &[]);
        assert!(missing.is_err());
        let both = load(
            "",
            &[
                ("COUNTERSIGN_KEK_FILE", path.to_str().expect("utf-8")),
                ("COUNTERSIGN_KEK", "x"),
            ],
            &[],
        );
        assert!(both.is_err(), "two values for one secret are a mistake");
    }
}
