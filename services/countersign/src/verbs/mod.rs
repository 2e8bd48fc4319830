//! What the program can be told to do.

mod accounts;
mod as_of;
mod bootstrap;
mod clients;
mod console;
mod dev;
mod document;
mod events;
mod keys;
mod man;
mod operate;
mod output;
mod projections;
mod replay;
mod revocations;
mod serve;
mod verifiers;
mod where_clause;

use std::path::PathBuf;

use serde::Deserialize;

use crate::parts::Failure;
use crate::settings::Settings;

pub use bootstrap::bootstrap;
pub use clients::{Clients, clients};
pub use console::{Console, console};
pub use dev::{Dev, dev};
pub(crate) use dev::{readable_password, write_private};
pub use document::{config, openapi};
pub use events::{Events, events};
pub use keys::{Keys, keys};
pub use man::man;
pub use operate::{Accounts, Operate, Sessions, accounts, sessions};
pub use output::Format;
pub use projections::{Projections, projections};
pub use replay::{repair, replay, switch_back, verify};
pub use revocations::{Revocations, revocations};
pub use serve::{project, serve};
pub use verifiers::{Verifiers, verifiers};

/// The settings of the deployment that `dev` keeps in a directory, for what
/// other sources leave unsaid. Without a directory, `.data/dev` counts if it is
/// there and nothing else was said.
pub fn of_dev(mut settings: Settings, data_dir: Option<PathBuf>) -> Result<Settings, Failure> {
    #[derive(Deserialize)]
    struct DevFile {
        nats_url: String,
        postgres_url: String,
    }
    let unsaid = settings.get("nats_url").is_none();
    let default = PathBuf::from(".data/dev");
    let dir = match data_dir {
        Some(dir) => dir,
        None if unsaid && default.join("dev.json").exists() => default,
        None => return Ok(settings),
    };
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read_to_string(&path).map_err(Failure::io(path.display().to_string()))
    };
    let file: DevFile = serde_json::from_str(&read("dev.json")?).map_err(Failure::other)?;
    settings.suggest("nats_url", &file.nats_url);
    settings.suggest("postgres_url", &file.postgres_url);
    settings.suggest("kek", read("kek")?.trim());
    Ok(settings)
}
