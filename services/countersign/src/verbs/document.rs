//! `countersign openapi` and `countersign config`

use secrecy::ExposeSecret;

use crate::parts::Failure;
use crate::settings::{KEYS, Settings};
use crate::{Exit, say};

/// Writes the OpenAPI document.
pub fn openapi() -> Result<Exit, Failure> {
    let document = countersign_api::document().map_err(Failure::other)?;
    say(document.trim_end());
    Ok(Exit::Done)
}

/// Lists the settings. The output is itself a configuration file.
pub fn config(settings: &Settings) -> Exit {
    say("# Settings of Countersign: flags (--set KEY=VALUE) over the environment");
    say("# (COUNTERSIGN_<KEY>; secrets also COUNTERSIGN_<KEY>_FILE) over this file.");
    for key in KEYS {
        say("");
        say(&format!("# {}", key.about));
        let origin = settings
            .origin(key.name)
            .map_or("not set".to_owned(), ToString::to_string);
        say(&format!("# Expected: {}. Now: {origin}.", key.expected));
        let value = settings.get(key.name).map(ExposeSecret::expose_secret);
        match value {
            None => say(&format!("# {} = \"\"", key.name)),
            Some(_) if key.secret => say(&format!("# {} = \"(hidden)\"", key.name)),
            Some(value) => say(&format!("{} = {}", key.name, toml::Value::from(value))),
        }
    }
    Exit::Done
}
