//! `countersign keys`

use clap::Subcommand;
use countersign_openapi::{RevokeKey, RotateKeys, SigningKey, SigningKeyState, display_safe};
use countersign_tui::Client;
use serde::Serialize;

use super::operate::{Operate, signed_in};
use super::output::{Output, moment, one, word, write};
use super::verifiers::waited;
use crate::Exit;
use crate::parts::Failure;

/// What to do with signing keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Lists the keys, newest first.
    #[command(after_help = "Examples:\n  countersign keys list\n  countersign keys list -o json")]
    List,
    /// Lets another key sign, as soon as every verifier can know it.
    #[command(
        after_help = "Examples:\n  countersign keys rotate --reason \"once a quarter\"\n  countersign keys rotate --force --reason \"stolen backup\" -o id"
    )]
    Rotate {
        /// Signs with it at once, known to verifiers or not.
        #[arg(long)]
        force: bool,
        /// Why; kept in the log.
        #[arg(long)]
        reason: String,
    },
    /// Revokes a key: every token it signed is refused. For emergencies.
    #[command(
        after_help = "Examples:\n  countersign keys revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs --reason \"stolen backup\"\n  countersign keys revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs --reason \"stolen backup\" --wait -o json"
    )]
    Revoke {
        /// Its id.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Why; kept in the log.
        #[arg(long)]
        reason: String,
        /// Returns when every live verifier has applied it. Ends with 6 and
        /// names those that have not.
        #[arg(long)]
        wait: bool,
    },
}

const HEAD: &[&str] = &[
    "KEY",
    "ALGORITHM",
    "STATE",
    "PUBLISHED",
    "SIGNS FROM",
    "UNTIL",
    "LACKING",
];

/// Signing keys.
pub async fn keys(what: Keys, operate: &Operate) -> Result<Exit, Failure> {
    let output = operate.output;
    match what {
        Keys::List => {
            let found = signed_in(operate, async |client: &mut Client| client.keys().await).await?;
            write(output, &found.items, HEAD, row, |key| {
                display_safe(&key.kid).to_string()
            })?;
        }
        Keys::Rotate { force, reason } => {
            let body = RotateKeys { force, reason };
            let rotate = async |client: &mut Client| client.rotate_keys(&body).await;
            let (key, position) = signed_in(operate, rotate).await?;
            let text = match key.state {
                SigningKeyState::Next => {
                    let from = key.signs_from.map(moment).unwrap_or_default();
                    format!("key {} signs from {from} on", display_safe(&key.kid))
                }
                _ => format!("key {} signs", display_safe(&key.kid)),
            };
            tell(output, &key.kid, &key, &position, &text)?;
        }
        Keys::Revoke { kid, reason, wait } => {
            let body = RevokeKey { reason, wait };
            let revoke = async |client: &mut Client| client.revoke_key(&kid, &body).await;
            let (revoked, position) = signed_in(operate, revoke).await?;
            let kid = &revoked.key.kid;
            let text = format!("key {} is revoked", display_safe(kid));
            tell(output, kid, &revoked, &position, &text)?;
            return Ok(revoked.applied.as_ref().map_or(Exit::Done, waited));
        }
    }
    Ok(Exit::Done)
}

fn tell<T: Serialize>(
    output: Output,
    kid: &str,
    answer: &T,
    position: &str,
    text: &str,
) -> Result<(), Failure> {
    let mut answer = serde_json::to_value(answer).map_err(Failure::other)?;
    answer["position"] = position.into();
    let text = || format!("{text} as of {}", display_safe(position));
    one(output, &answer, display_safe(kid), text)
}

fn row(key: &SigningKey) -> Vec<String> {
    vec![
        key.kid.clone(),
        key.algorithm.clone(),
        word(&key.state),
        moment(key.published_at),
        key.signs_from.map(moment).unwrap_or_default(),
        key.revoked_at
            .or(key.retires_at)
            .map(moment)
            .unwrap_or_default(),
        key.lacking.join(" "),
    ]
}
