//! The private nats-server: its configuration, and whether it is up.

use std::fmt::Write;
use std::path::Path;

use countersign_tui::write_private;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;

use super::child::Program;
use super::folder::DataDir;
use super::privilege::Launcher;
use super::ready::Probe;
use super::state::{State, USER};
use super::{Child, Signal, StackError};

/// The garbage collector works harder beyond this; a bigger log needs more.
const MEMORY_GOAL: &str = "1GiB";

/// The greeting of a server is one line, shorter than this.
const GREETING_BYTES_MAX: u64 = 64 * 1024;

/// Where the client library finds the server.
pub(super) fn url(state: &State) -> SecretString {
    let password = state.nats.password.expose_secret();
    format!("nats://{USER}:{password}@127.0.0.1:{}", state.nats.port).into()
}

/// Writes the configuration and says how to run the server with it.
pub(super) fn program(
    dir: &DataDir,
    state: &State,
    durable: bool,
    binary: &Path,
    launcher: Launcher,
) -> Result<Program, StackError> {
    let folder = dir.nats();
    let file = folder.join("nats.conf");
    let text = configuration(state, &folder, durable);
    write_private(&file, text.as_bytes()).map_err(StackError::io("write", &file))?;
    Ok(Program {
        child: Child::Nats,
        launcher,
        binary: binary.to_owned(),
        arguments: vec!["-c".into(), file.into()],
        environment: vec![("GOMEMLIMIT", MEMORY_GOAL)],
        directory: folder.clone(),
        family: folder,
        log: dir.log_of(Child::Nats),
        stale: None,
        stop: Signal::TERM,
        abort: Signal::TERM,
    })
}

/// The server logs to its standard error, which is our file: so the reason
/// why it did not start and what it does later are in one place.
fn configuration(state: &State, store: &Path, durable: bool) -> String {
    let mut text =
        String::from("# Written by countersign at every start: changes made here are lost.\n");
    let password = quoted(state.nats.password.expose_secret());
    let sync = if durable {
        "  sync_interval: always\n"
    } else {
        ""
    };
    // Writing into a string cannot fail.
    let _ = write!(
        text,
        "server_name: {name}\n\
         listen: \"127.0.0.1:{port}\"\n\
         max_payload: 1MB\n\
         authorization {{\n  users: [ {{ user: \"{USER}\", password: {password} }} ]\n}}\n\
         jetstream {{\n  store_dir: {store}\n  max_file_store: 1TB\n  max_memory_store: 256MB\n\
         {sync}}}\n",
        name = quoted(&state.name),
        port = state.nats.port,
        store = quoted(&store.to_string_lossy()),
    );
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[derive(Deserialize)]
struct Greeting {
    server_name: String,
    #[serde(default)]
    jetstream: bool,
}

/// Whether our server, and not another one, answers on the port.
pub(super) async fn probe(state: &State) -> Probe {
    let line = match greeting(state.nats.port).await {
        Ok(line) => line,
        Err(error) => return Probe::NotYet(error.to_string()),
    };
    let greeting = line
        .trim()
        .strip_prefix("INFO ")
        .map(serde_json::from_str::<Greeting>);
    match greeting {
        Some(Ok(it)) if it.server_name == state.name && it.jetstream => Probe::Ready,
        Some(Ok(it)) if it.server_name == state.name => {
            Probe::NotYet("JetStream is not up yet".to_owned())
        }
        _ => Probe::NotYet("something else answers on its port".to_owned()),
    }
}

async fn greeting(port: u16) -> std::io::Result<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut line = String::new();
    BufReader::new(stream.take(GREETING_BYTES_MAX))
        .read_line(&mut line)
        .await?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Scratch;
    use super::*;

    #[test]
    fn the_configuration_says_what_it_should() {
        let scratch = Scratch::new("conf");
        let dir = DataDir::open(scratch.path()).expect("the directory opens");
        let mut state = State::open(&dir).expect("a state");
        state.nats.port = 4321;
        state.nats.password = "pass\"word".to_owned().into();
        state.name = "countersign-x".to_owned();
        let text = configuration(&state, Path::new("/data/a \"b\"/js"), true);
        let expected = "server_name: \"countersign-x\"\n\
            listen: \"127.0.0.1:4321\"\n\
            max_payload: 1MB\n\
            authorization {\n  users: [ { user: \"countersign\", password: \"pass\\\"word\" } ]\n}\n\
            jetstream {\n  store_dir: \"/data/a \\\"b\\\"/js\"\n  max_file_store: 1TB\n  \
            max_memory_store: 256MB\n  sync_interval: always\n}\n";
        assert_eq!(text.split_once('\n').map(|(_, rest)| rest), Some(expected));
        assert!(!configuration(&state, Path::new("/js"), false).contains("sync_interval"));
    }
}
