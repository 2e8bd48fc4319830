//! `countersign keys`

use clap::Subcommand;
use countersign_openapi::{RevokeKey, RotateKeys, SigningKey, SigningKeyState, display_safe};
use countersign_tui::Client;
use serde::Serialize;

use super::operate::{Operate, Output, moment, signed_in, write};
use super::verifiers::waited;
use crate::parts::Failure;
use crate::{Exit, say};

/// What to do with signing keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Lists the keys, newest first.
    List,
    /// Lets another key sign, as soon as every verifier can know it.
    Rotate {
        /// Signs with it at once, known to verifiers or not.
        #[arg(long)]
        force: bool,
        /// Why; kept in the log.
        #[arg(long, default_value = "by hand, on the command line")]
        reason: String,
    },
    /// Revokes a key: every token it signed is refused. For emergencies.
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

const HEAD: &str = "KEY                                          ALGORITHM  STATE     PUBLISHED             SIGNS FROM            UNTIL                 LACKING";

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
    match output {
        Output::Table => say(&format!("{text} as of {}", display_safe(position))),
        Output::Id => say(&display_safe(kid)),
        Output::Json | Output::Jsonl => {
            let mut answer = serde_json::to_value(answer).map_err(Failure::other)?;
            answer["position"] = position.into();
            say(&answer.to_string());
        }
    }
    Ok(())
}

fn row(key: &SigningKey) -> String {
    let state = match key.state {
        SigningKeyState::Next => "next",
        SigningKeyState::Active => "active",
        SigningKeyState::Retiring => "retiring",
        SigningKeyState::Retired => "retired",
        SigningKeyState::Revoked => "revoked",
    };
    let lacking = key.lacking.join(" ");
    format!(
        "{:<43}  {:<9}  {:<8}  {:<20}  {:<20}  {:<20}  {}",
        display_safe(&key.kid),
        display_safe(&key.algorithm),
        state,
        moment(key.published_at),
        key.signs_from.map(moment).unwrap_or_default(),
        key.revoked_at
            .or(key.retires_at)
            .map(moment)
            .unwrap_or_default(),
        display_safe(&lacking),
    )
}
