//! Which deployments the console knows, and how it says which one it is at.

use std::path::{Path, PathBuf};

use countersign_openapi::Secret;
use serde::Deserialize;

use crate::context::{said, token};
use crate::{Context, ContextError, Keep, Login};

/// A deployment as line 1 names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// Whether what is done there is done to people.
    pub production: bool,
}

/// No deployment was found.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// As the commands find it.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The file of contexts cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// There is no file of contexts, where one is named.
    #[error(
        "{path} is not there; it names deployments, in three lines each:\n\n[prod]\nurl = \"https://id.example.com\"\nemail = \"ada@example.com\""
    )]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// The file of contexts is not what it should be.
    #[error("{path}: {error}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// There is no context of this name.
    #[error("no context {name} in {path}; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Which file.
        path: PathBuf,
        /// The names there are.
        known: String,
    },
    /// A password would travel in the clear.
    #[error("{0}: a password travels over https only, or to this machine")]
    Plain(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: String,
    #[serde(default)]
    email: String,
    /// Whatever is not said to be harmless is production.
    production: Option<bool>,
}

type Entries = std::collections::BTreeMap<String, Entry>;

/// Finds a deployment: the context of this name, the directory of
/// `countersign dev`, or what the environment says: `COUNTERSIGN_URL`, else
/// `COUNTERSIGN_CONTEXT`. Whichever it is, `COUNTERSIGN_TOKEN` says as whom.
///
/// Contexts are tables of `countersign/contexts.toml` in the configuration
/// folder: `url`, `email`, and `production = false` where nobody is harmed.
/// The session is kept beside other state, readable by its owner only.
pub fn find(
    name: Option<&str>,
    data_dir: Option<&Path>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(Context, Deployment), DeploymentError> {
    let is_dev = data_dir.is_some() || said(&variable, "COUNTERSIGN_URL").is_none();
    let named = || said(&variable, "COUNTERSIGN_CONTEXT").filter(|_| data_dir.is_none() && is_dev);
    let Some(name) = &name.map(str::to_owned).or_else(named) else {
        let context = Context::find(data_dir, variable)?;
        let deployment = Deployment {
            name: if is_dev {
                "dev".to_owned()
            } else {
                host(&context.url).to_owned()
            },
            production: !(is_dev || is_here(&context.url)),
            url: context.url.clone(),
        };
        return Ok((context, deployment));
    };
    let token = token(&variable);
    let home = PathBuf::from(variable("HOME").unwrap_or_default());
    let folder = |set: &str, default: &str| {
        let folder = said(&variable, set).map_or_else(|| home.join(default), PathBuf::from);
        folder.join("countersign")
    };
    let path = folder("XDG_CONFIG_HOME", ".config").join("contexts.toml");
    let entry = entry(name, &path)?;
    let url = entry.url.trim_end_matches('/').to_owned();
    if !url.starts_with("https://") && !is_here(&url) {
        return Err(DeploymentError::Plain(url));
    }
    let state = folder("XDG_STATE_HOME", ".local/state");
    let session = std::fs::create_dir_all(&state)
        .ok()
        .map(|()| Keep::at(&state.join(format!("{}.session.json", file_name(name)))));
    let deployment = Deployment {
        name: name.clone(),
        production: entry.production.unwrap_or_else(|| !is_here(&url)),
        url: url.clone(),
    };
    let login = Login::Password {
        email: entry.email,
        password: Secret::new(""),
        totp_secret: None,
        keep: session,
    };
    Ok((Context { url, login }.held_by(token), deployment))
}

fn entry(name: &str, path: &Path) -> Result<Entry, DeploymentError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let path = path.to_owned();
        match error.kind() {
            std::io::ErrorKind::NotFound => DeploymentError::Missing { path },
            _ => DeploymentError::Read { path, error },
        }
    })?;
    let mut entries: Entries = toml::from_str(&text).map_err(|error| {
        let (path, error) = (path.to_owned(), Box::new(error));
        DeploymentError::Malformed { path, error }
    })?;
    let known = || entries.keys().cloned().collect::<Vec<_>>().join(", ");
    if !entries.contains_key(name) {
        return Err(DeploymentError::Unknown {
            name: name.to_owned(),
            path: path.to_owned(),
            known: known(),
        });
    }
    entries
        .remove(name)
        .ok_or_else(|| DeploymentError::Plain(name.to_owned()))
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether a URL leads to this machine.
pub(crate) fn is_here(url: &str) -> bool {
    let host = host(url);
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    // What stands before an `@` is no host.
    !host.contains('@') && matches!(name, "localhost" | "127.0.0.1" | "::1")
}

/// A name without what a path would be made of.
fn file_name(name: &str) -> String {
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    name.chars().map(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_harmless_by_itself() {
        assert!(is_here("http://127.0.0.1:8080"));
        assert!(is_here("http://[::1]:8080/x"));
        assert!(is_here("https://localhost"));
        for url in [
            "https://id.example.com",
            "http://127.0.0.1@evil.example",
            "http://localhost.evil",
        ] {
            assert!(!is_here(url), "{url}");
        }
        assert_eq!(file_name("../a b"), "___a_b");
    }

    #[test]
    fn a_context_is_found_by_name_and_its_session_kept_apart() {
        let folder = std::env::temp_dir().join(format!("countersign-ctx-{}", std::process::id()));
        let config = folder.join("countersign");
        std::fs::create_dir_all(&config).expect("a folder");
        let text = "[prod]\nurl = \"https://id.example.com/\"\nemail = \"a@b.c\"\n\
                    [lab]\nurl = \"https://lab.example.com\"\nproduction = false\n\
                    [bare]\nurl = \"http://lab.example.com\"\n";
        std::fs::write(config.join("contexts.toml"), text).expect("written");
        let variable = |name: &str| match name {
            "XDG_CONFIG_HOME" | "XDG_STATE_HOME" => folder.to_str().map(str::to_owned),
            _ => None,
        };
        let (context, prod) = find(Some("prod"), None, variable).expect("a context");
        assert_eq!(context.url, "https://id.example.com");
        assert!(prod.production);
        assert!(matches!(context.login, Login::Password { .. }));
        let environment = |name: &str| match name {
            "COUNTERSIGN_CONTEXT" => Some("lab".to_owned()),
            "COUNTERSIGN_TOKEN" => Some("t".to_owned()),
            name => variable(name),
        };
        let (context, lab) = find(None, None, environment).expect("a context");
        assert_eq!(lab.name, "lab");
        assert!(matches!(context.login, Login::Token(_)));
        let (_, lab) = find(Some("lab"), None, variable).expect("a context");
        assert!(!lab.production);
        let refused = |name| find(Some(name), None, variable).expect_err("refused");
        assert!(matches!(refused("bare"), DeploymentError::Plain(_)));
        assert!(refused("other").to_string().contains("bare, lab, prod"));
        std::fs::remove_dir_all(&folder).expect("removed");
        let told = refused("prod").to_string();
        assert!(
            told.contains("countersign/contexts.toml is not there"),
            "{told}"
        );
        // What is shown can be written there as it is.
        let (_, lines) = told.split_once("\n\n").expect("an example");
        let entries: Entries = toml::from_str(lines).expect("TOML");
        assert_eq!(entries["prod"].url, "https://id.example.com");
    }
}
