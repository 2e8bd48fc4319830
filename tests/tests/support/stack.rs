//! The servers that all tests of this process share.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::sync_channel;
use std::{fs, process, thread};

use countersign::stack::{Endpoints, Stack, StackConfig};
use tokio::runtime::{Handle, Runtime};

/// Where temporary folders of these tests begin their names.
const PREFIX: &str = "countersign-tests-";

/// A running nats-server and a running Postgres. They end with the process,
/// which is their parent.
pub(crate) struct SharedStack {
    pub(crate) endpoints: Endpoints,
    pub(crate) folder: PathBuf,
    /// The runtime that watches over them, for work that outlives a test.
    pub(crate) runtime: Handle,
}

/// The servers, started by whoever asks first.
pub(crate) fn stack() -> &'static SharedStack {
    static STACK: OnceLock<SharedStack> = OnceLock::new();
    STACK.get_or_init(|| {
        let (started, waiting) = sync_channel(1);
        thread::Builder::new()
            .name("servers".into())
            .spawn(move || {
                let runtime = Runtime::new().expect("a runtime");
                runtime.block_on(async {
                    let folder = fresh_folder();
                    let config = StackConfig {
                        data_dir: folder.clone(),
                        durable: false,
                        max_connections: 400,
                    };
                    let stack = Stack::start(config).await;
                    let stack = stack.unwrap_or_else(|error| panic!("{error}"));
                    let shared = SharedStack {
                        endpoints: stack.endpoints().clone(),
                        folder,
                        runtime: Handle::current(),
                    };
                    started.send(shared).expect("somebody waits");
                    std::future::pending::<()>().await;
                });
            })
            .expect("a thread");
        waiting.recv().expect("the servers started")
    })
}

/// Where the nats-server keeps its files.
pub(crate) fn nats_folder() -> PathBuf {
    stack().folder.join("nats")
}

/// A new folder; those of processes that are gone are removed.
fn fresh_folder() -> PathBuf {
    let all = std::env::temp_dir();
    for entry in fs::read_dir(&all).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            // Whoever is quicker may have it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    all.join(format!("{PREFIX}{}", process::id()))
}
