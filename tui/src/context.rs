//! Which deployment, and as whom.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_openapi::Secret;
use serde::Deserialize;

use crate::Keep;
use crate::console::is_here;

/// A deployment and a way to sign in.
#[derive(Debug, Clone)]
pub struct Context {
    /// The service's URL, without a trailing slash.
    pub url: String,
    /// Who signs in.
    pub login: Login,
}

/// How to sign in.
#[derive(Debug, Clone)]
pub enum Login {
    /// With an access token that somebody else obtained.
    Token(Secret),
    /// With a password.
    Password {
        /// The operator's address.
        email: String,
        /// The operator's password.
        password: Secret,
        /// The seed of the operator's authenticator app, in base32, if it is
        /// known here.
        totp_secret: Option<Secret>,
        /// Where the session is kept for the next command, if anywhere.
        keep: Option<Keep>,
    },
}

/// No deployment was found.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Nothing says where the service is.
    #[error(
        "no deployment: start `countersign dev`, name its directory with --data-dir, a context with --context or a URL with --url, or set COUNTERSIGN_URL"
    )]
    None,
    /// A password would travel in the clear.
    #[error("{0}: a password travels over https only, or to this machine; set COUNTERSIGN_TOKEN")]
    Plain(String),
    /// `dev.json` cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// `dev.json` is not what `countersign dev` writes.
    #[error("{path}: {error}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        error: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct DevFile {
    url: String,
    operator: Operator,
}

#[derive(Deserialize)]
struct Operator {
    email: String,
    password: Secret,
    #[serde(default)]
    totp_secret: Option<Secret>,
}

/// A variable of the environment; an empty one is as good as none.
pub(crate) fn said(variable: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|text| !text.is_empty())
}

/// The token that the environment names.
pub(crate) fn token(variable: impl Fn(&str) -> Option<String>) -> Option<Secret> {
    said(variable, "COUNTERSIGN_TOKEN").map(Secret::new)
}

impl Context {
    /// The deployment of a directory, else that of `COUNTERSIGN_URL`, else
    /// that of `.data/dev`; as whoever holds `COUNTERSIGN_TOKEN`, if it is set.
    pub fn find(
        data_dir: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ContextError> {
        if data_dir.is_none()
            && let Some(url) = said(&variable, "COUNTERSIGN_URL")
        {
            return Self::at(&url, variable);
        }
        let token = token(variable);
        if let Some(dir) = data_dir {
            return Ok(Self::of_dev(dir)?.held_by(token));
        }
        match Self::of_dev(Path::new(".data/dev")) {
            Err(ContextError::Read { error, .. })
                if error.kind() == std::io::ErrorKind::NotFound =>
            {
                Err(ContextError::None)
            }
            found => Ok(found?.held_by(token)),
        }
    }

    /// The same deployment, as whoever holds the token, if there is one: what
    /// somebody sets on purpose comes before what a file knows.
    #[must_use]
    pub(crate) fn held_by(mut self, token: Option<Secret>) -> Self {
        if let Some(token) = token {
            self.login = Login::Token(token);
        }
        self
    }

    /// The service at a URL, as whoever holds `COUNTERSIGN_TOKEN`. Without one,
    /// whoever is asked says who they are, for this command only.
    pub fn at(url: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ContextError> {
        let url = url.trim_end_matches('/').to_owned();
        let login = match token(variable) {
            Some(token) => Login::Token(token),
            None if !url.starts_with("https://") && !is_here(&url) => {
                return Err(ContextError::Plain(url));
            }
            None => Login::Password {
                email: String::new(),
                password: Secret::new(""),
                totp_secret: None,
                keep: None,
            },
        };
        Ok(Self { url, login })
    }

    fn of_dev(dir: &Path) -> Result<Self, ContextError> {
        let path = dir.join("dev.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return Err(ContextError::Read { path, error }),
        };
        let file: DevFile = match serde_json::from_str(&text) {
            Ok(file) => file,
            Err(error) => return Err(ContextError::Malformed { path, error }),
        };
        Ok(Self {
            url: file.url.trim_end_matches('/').to_owned(),
            login: Login::Password {
                email: file.operator.email,
                password: file.operator.password,
                totp_secret: file.operator.totp_secret,
                keep: Some(Keep::at(&dir.join("session.json"))),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_the_environment_is_asked_about_unless_there_is_a_token() {
        let both = |name: &str| match name {
            "COUNTERSIGN_URL" => Some("https://id.example.com/".to_owned()),
            "COUNTERSIGN_TOKEN" => Some("t".to_owned()),
            _ => None,
        };
        let found = Context::find(None, both).expect("a context");
        assert_eq!(found.url, "https://id.example.com");
        assert!(matches!(found.login, Login::Token(_)));
        let url = |name: &str| match name {
            "COUNTERSIGN_URL" => Some("https://x".to_owned()),
            // Set to nothing is not set.
            _ => Some(String::new()),
        };
        let found = Context::find(None, url).expect("a context");
        assert!(matches!(found.login, Login::Password { keep: None, .. }));
        let plain = |name: &str| (name == "COUNTERSIGN_URL").then(|| "http://x".to_owned());
        let refused = Context::find(None, plain).expect_err("in the clear");
        assert!(matches!(refused, ContextError::Plain(_)));
    }

    #[test]
    fn a_token_is_used_with_a_directory_too() {
        let folder = std::env::temp_dir().join(format!("countersign-dev-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let text = r#"{"url": "http://127.0.0.1:1", "operator": {"email": "a", "password": "b"}}"#;
        fs::write(folder.join("dev.json"), text).expect("written");
        let token = |name: &str| (name == "COUNTERSIGN_TOKEN").then(|| "weaker".to_owned());
        let found = Context::find(Some(&folder), token).expect("a context");
        assert!(matches!(&found.login, Login::Token(token) if token.expose() == "weaker"));
        let found = Context::find(Some(&folder), |_| None).expect("a context");
        assert!(matches!(found.login, Login::Password { keep: Some(_), .. }));
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_url_without_a_token_is_asked_about_only_where_nobody_listens() {
        let token = |_: &str| Some("t".to_owned());
        let plain = "http://id.example.com/";
        let found = Context::at(plain, token).expect("a context");
        assert_eq!(found.url, "http://id.example.com");
        let refused = Context::at(plain, |_| None).expect_err("in the clear");
        assert!(matches!(refused, ContextError::Plain(_)));
        for url in ["https://id.example.com", "http://127.0.0.1:8080"] {
            let found = Context::at(url, |_| None).expect("a context");
            assert!(matches!(found.login, Login::Password { keep: None, .. }));
        }
    }

    #[test]
    fn a_directory_without_a_deployment_is_named() {
        let error =
            Context::find(Some(Path::new("/nonexistent")), |_| None).expect_err("nothing there");
        assert!(
            error.to_string().contains("/nonexistent/dev.json"),
            "{error}"
        );
    }
}
