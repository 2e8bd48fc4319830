//! The ports and passwords that are kept in the data directory, so that
//! clients find the same servers again.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_tui::write_private;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::folder::DataDir;
use super::{Child, StackError};

/// The name under which the service logs in to both servers.
pub(super) const USER: &str = "countersign";

/// Ports are drawn from below the range that the system hands out to
/// outgoing connections: a client that retries a port of that range while
/// nobody listens can end up connected to itself, and then keeps it taken.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// How many ports are tried before giving up.
const PORT_TRIES: usize = 200;

/// How to reach one of the two servers.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) port: u16,
    pub(super) password: SecretString,
}

/// What is kept in `stack.json`.
#[derive(Clone, Debug)]
pub(super) struct State {
    path: PathBuf,
    /// Tells this stack's nats-server from any other on the same port.
    pub(super) name: String,
    pub(super) nats: Access,
    pub(super) postgres: Access,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    version: u32,
    name: String,
    nats: AccessFile,
    postgres: AccessFile,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessFile {
    port: u16,
    password: String,
}

/// The version of the file that this code reads and writes.
const STATE_VERSION: u32 = 1;

impl State {
    /// Reads the state of an earlier run, or draws a new one, and moves a
    /// server to another port where its own was taken meanwhile.
    pub(super) fn open(dir: &DataDir) -> Result<Self, StackError> {
        let path = dir.root().join("stack.json");
        let mut state = match fs::read(&path) {
            Ok(bytes) => Self::decode(&path, &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::draw(&path, dir)?,
            Err(error) => return Err(StackError::io("read", &path)(error)),
        };
        for child in [Child::Nats, Child::Postgres] {
            state.move_if_taken(child)?;
        }
        state.save()?;
        Ok(state)
    }

    /// Gives a server another port if somebody else listens on its own.
    /// Returns whether it did; the caller saves.
    pub(super) fn move_if_taken(&mut self, child: Child) -> Result<bool, StackError> {
        let port = self.access(child).port;
        if is_free(port) {
            return Ok(false);
        }
        let other = match child {
            Child::Nats => self.postgres.port,
            Child::Postgres => self.nats.port,
        };
        let moved = free_port(other)?;
        tracing::warn!(%child, port, moved, "the port is taken by someone else, another is used");
        match child {
            Child::Nats => self.nats.port = moved,
            Child::Postgres => self.postgres.port = moved,
        }
        Ok(true)
    }

    /// Writes the file, whole or not at all.
    pub(super) fn save(&self) -> Result<(), StackError> {
        let file = StateFile {
            version: STATE_VERSION,
            name: self.name.clone(),
            nats: AccessFile::from(&self.nats),
            postgres: AccessFile::from(&self.postgres),
        };
        let mut text = serde_json::to_string_pretty(&file)
            .map_err(|error| StackError::io("encode", &self.path)(error.into()))?;
        text.push('\n');
        write_private(&self.path, text.as_bytes()).map_err(StackError::io("write", &self.path))
    }

    /// What must not appear in an error or a log.
    pub(super) fn secrets(&self) -> [&SecretString; 2] {
        [&self.nats.password, &self.postgres.password]
    }

    fn access(&self, child: Child) -> &Access {
        match child {
            Child::Nats => &self.nats,
            Child::Postgres => &self.postgres,
        }
    }

    fn draw(path: &Path, dir: &DataDir) -> Result<Self, StackError> {
        let data = dir.postgres().join("data");
        if data.exists() {
            return Err(StackError::State {
                path: path.to_owned(),
                reason: format!(
                    "it is missing, and with it the password of the database in {}; put it back, \
                     or remove the data directory to start over",
                    data.display()
                ),
            });
        }
        let nats = free_port(0)?;
        Ok(Self {
            path: path.to_owned(),
            name: format!("countersign-{}", random_text::<9>()?),
            nats: Access {
                port: nats,
                password: random_text::<24>()?.into(),
            },
            postgres: Access {
                port: free_port(nats)?,
                password: random_text::<24>()?.into(),
            },
        })
    }

    fn decode(path: &Path, bytes: &[u8]) -> Result<Self, StackError> {
        let damaged = |reason: String| StackError::State {
            path: path.to_owned(),
            reason,
        };
        let file: StateFile = serde_json::from_slice(bytes)
            .map_err(|error| damaged(format!("it cannot be read: {error}")))?;
        if file.version != STATE_VERSION {
            return Err(damaged(format!(
                "its version is {}, this program knows {STATE_VERSION}",
                file.version
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            name: file.name,
            nats: file.nats.into(),
            postgres: file.postgres.into(),
        })
    }
}

impl From<&Access> for AccessFile {
    fn from(access: &Access) -> Self {
        Self {
            port: access.port,
            password: access.password.expose_secret().to_owned(),
        }
    }
}

impl From<AccessFile> for Access {
    fn from(file: AccessFile) -> Self {
        Self {
            port: file.port,
            password: file.password.into(),
        }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Draws a free port other than `taken`.
fn free_port(taken: u16) -> Result<u16, StackError> {
    for _ in 0..PORT_TRIES {
        let drawn = u16::from_le_bytes(random_bytes()?);
        let port = PORTS.start + drawn % (PORTS.end - PORTS.start);
        if port != taken && is_free(port) {
            return Ok(port);
        }
    }
    Err(StackError::NoPort)
}

fn random_text<const BYTES: usize>() -> Result<String, StackError> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes::<BYTES>()?))
}

fn random_bytes<const BYTES: usize>() -> Result<[u8; BYTES], StackError> {
    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        StackError::io("draw randomness from", Path::new("the system"))(io::Error::other("none"))
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::tests::Scratch;
    use super::*;

    #[test]
    fn ports_and_passwords_survive_and_are_private() {
        let scratch = Scratch::new("state");
        let dir = DataDir::open(scratch.path()).expect("the directory opens");
        let first = State::open(&dir).expect("a new state");
        let again = State::open(&dir).expect("the same state");
        assert_ne!(first.nats.port, first.postgres.port);
        assert_eq!(first.nats.port, again.nats.port);
        assert_eq!(first.name, again.name);
        assert_eq!(first.secrets().map(|s| s.expose_secret().to_owned()), {
            again.secrets().map(|s| s.expose_secret().to_owned())
        });
        assert!(first.nats.password.expose_secret().len() >= 32);
        let mode = |name: &str| {
            let path = dir.root().join(name);
            fs::metadata(path)
                .expect("it is there")
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(
            (mode("."), mode("stack.json"), mode("lock")),
            (0o700, 0o600, 0o600)
        );
    }

    #[test]
    fn a_taken_port_is_given_up() {
        let scratch = Scratch::new("taken");
        let dir = DataDir::open(scratch.path()).expect("the directory opens");
        let first = State::open(&dir).expect("a new state");
        let _taken = TcpListener::bind(("127.0.0.1", first.nats.port)).expect("it was free");
        let moved = State::open(&dir).expect("a moved state");
        assert_ne!(moved.nats.port, first.nats.port);
        assert_eq!(moved.postgres.port, first.postgres.port);
    }

    #[test]
    fn a_lost_or_damaged_state_is_not_papered_over() {
        let scratch = Scratch::new("damaged");
        let dir = DataDir::open(scratch.path()).expect("the directory opens");
        let path = dir.root().join("stack.json");
        fs::write(&path, b"{\"version\":1").expect("it is written");
        assert!(matches!(State::open(&dir), Err(StackError::State { .. })));
        fs::remove_file(&path).expect("it is removed");
        fs::create_dir_all(dir.postgres().join("data")).expect("a database");
        let error = State::open(&dir)
            .expect_err("the password is lost")
            .to_string();
        assert!(
            error.contains("it is missing, and with it the password"),
            "{error}"
        );
    }
}
