//! `countersign openapi` and `countersign config`

use secrecy::ExposeSecret;

use serde_json::{Value, json};

use super::output::{Output, write};
use crate::parts::Failure;
use crate::settings::{KEYS, Key, Settings};
use crate::{Exit, say};

/// Writes the OpenAPI document.
pub fn openapi() -> Result<Exit, Failure> {
    let document = countersign_api::document().map_err(Failure::other)?;
    say(document.trim_end());
    Ok(Exit::Done)
}

/// Lists the settings. For people the output is itself a configuration file.
pub fn config(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    if output != Output::Table {
        let all: Vec<Value> = KEYS.iter().map(|key| setting(settings, key)).collect();
        let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
        write(output, &all, &[], |one| vec![name(one)], name)?;
        return Ok(Exit::Done);
    }
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
    Ok(Exit::Done)
}

/// A setting, without what is secret.
fn setting(settings: &Settings, key: &Key) -> Value {
    let value = settings.get(key.name).map(ExposeSecret::expose_secret);
    json!({
        "name": key.name,
        "value": value.filter(|_| !key.secret),
        "is_secret": key.secret,
        "origin": settings.origin(key.name).map(ToString::to_string),
        "expected": key.expected,
        "about": key.about,
    })
}
