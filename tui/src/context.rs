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
        "no deployment: start `countersign dev`, name its directory with --data-dir or a context with --context, or set COUNTERSIGN_URL and COUNTERSIGN_TOKEN"
    )]
    None,
    /// A token for no service, or a service without a token.
    #[error("COUNTERSIGN_URL and COUNTERSIGN_TOKEN go together")]
    Half,
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

impl Context {
    /// The deployment of a directory, else that of the environment, else that
    /// of `.data/dev`.
    pub fn find(
        data_dir: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ContextError> {
        if let Some(dir) = data_dir {
            return Self::of_dev(dir);
        }
        match (variable("COUNTERSIGN_URL"), variable("COUNTERSIGN_TOKEN")) {
            (Some(url), Some(token)) => Ok(Self {
                url: url.trim_end_matches('/').to_owned(),
                login: Login::Token(Secret::new(token)),
            }),
            (None, None) => match Self::of_dev(Path::new(".data/dev")) {
                Err(ContextError::Read { error, .. })
                    if error.kind() == std::io::ErrorKind::NotFound =>
                {
                    Err(ContextError::None)
                }
                found => found,
            },
            _ => Err(ContextError::Half),
        }
    }

    /// The service at a URL, as whoever holds a token. Without one, whoever is
    /// asked says who they are, for this command only.
    pub fn at(url: &str, token: Option<Secret>) -> Result<Self, ContextError> {
        let url = url.trim_end_matches('/').to_owned();
        let login = match token {
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
    fn the_environment_names_a_deployment_whole_or_not_at_all() {
        let both = |name: &str| match name {
            "COUNTERSIGN_URL" => Some("https://id.example.com/".to_owned()),
            "COUNTERSIGN_TOKEN" => Some("t".to_owned()),
            _ => None,
        };
        let found = Context::find(None, both).expect("a context");
        assert_eq!(found.url, "https://id.example.com");
        assert!(matches!(found.login, Login::Token(_)));
        let half = |name: &str| (name == "COUNTERSIGN_URL").then(|| "https://x".to_owned());
        assert!(matches!(Context::find(None, half), Err(ContextError::Half)));
    }

    #[test]
    fn a_url_without_a_token_is_asked_about_only_where_nobody_listens() {
        let token = Some(Secret::new("t"));
        let plain = "http://id.example.com/";
        let found = Context::at(plain, token).expect("a context");
        assert_eq!(found.url, "http://id.example.com");
        let refused = Context::at(plain, None).expect_err("in the clear");
        assert!(matches!(refused, ContextError::Plain(_)));
        for url in ["https://id.example.com", "http://127.0.0.1:8080"] {
            let found = Context::at(url, None).expect("a context");
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
