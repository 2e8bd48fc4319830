//! The rules of a client.

use countersign_events::{
    ClientChanged, ClientDisabled, ClientEnabled, ClientEvent, ClientProfile, ClientRegistered,
    KeysSet, Sealed, SecretAdded, SecretRemoved, TokensEnded,
};

use super::{Client, ClientCommand, ClientRefusal, MOST_SECRETS, NO_KEYS};

type Decision = Result<Vec<ClientEvent>, ClientRefusal>;

pub(super) fn decide(client: &Client, command: &ClientCommand) -> Decision {
    let Some(profile) = &client.profile else {
        return match command {
            ClientCommand::Register { profile } => Ok(vec![
                ClientRegistered {
                    profile: profile.clone(),
                }
                .into(),
            ]),
            _ => Err(ClientRefusal::Unknown),
        };
    };
    match command {
        ClientCommand::Register { .. } => Err(ClientRefusal::Exists),
        ClientCommand::Change { profile: new } if new == profile => Ok(Vec::new()),
        ClientCommand::Change { profile: new } => {
            let mut events = vec![
                ClientChanged {
                    profile: new.clone(),
                }
                .into(),
            ];
            if takes_away(profile, new) {
                events.push(end_tokens(None));
            }
            Ok(events)
        }
        ClientCommand::AddSecret {
            secret,
            expires_at,
            now,
        } => {
            if client.live_secrets(*now).count() >= MOST_SECRETS {
                return Err(ClientRefusal::TooManySecrets);
            }
            // What has expired makes room. It let nobody in any more, so no
            // token has to end with it.
            let expired = client.secrets.iter().filter(|secret| !secret.is_live(*now));
            let mut events: Vec<ClientEvent> = expired
                .map(|expired| SecretRemoved { secret: expired.id }.into())
                .collect();
            events.push(
                SecretAdded {
                    secret: *secret,
                    expires_at: *expires_at,
                }
                .into(),
            );
            Ok(events)
        }
        ClientCommand::RemoveSecret { secret } => {
            if !client.secrets.iter().any(|one| one.id == *secret) {
                return Err(ClientRefusal::NoSuchSecret);
            }
            Ok(vec![
                SecretRemoved { secret: *secret }.into(),
                end_tokens(None),
            ])
        }
        ClientCommand::SetKeys { jwks } if *jwks == client.jwks => Ok(Vec::new()),
        ClientCommand::SetKeys { jwks } => {
            let jwks = jwks.clone().unwrap_or_else(|| NO_KEYS.to_owned());
            let mut events = vec![KeysSet { jwks }.into()];
            if client.jwks.is_some() {
                events.push(end_tokens(None));
            }
            Ok(events)
        }
        ClientCommand::EndTokens { note } => Ok(vec![end_tokens(note.as_ref())]),
        ClientCommand::Disable { .. } if client.is_disabled => Ok(Vec::new()),
        ClientCommand::Disable { note } => {
            Ok(vec![ClientDisabled {}.into(), end_tokens(note.as_ref())])
        }
        ClientCommand::Enable if !client.is_disabled => Ok(Vec::new()),
        ClientCommand::Enable => Ok(vec![ClientEnabled {}.into()]),
    }
}

/// Whether a client may do less as `new` than as `old`.
fn takes_away(old: &ClientProfile, new: &ClientProfile) -> bool {
    let loses = |old: &[String], new: &[String]| old.iter().any(|right| !new.contains(right));
    loses(&old.serves, &new.serves)
        || loses(&old.audiences, &new.audiences)
        || loses(&old.scopes, &new.scopes)
}

fn end_tokens(note: Option<&Sealed>) -> ClientEvent {
    TokensEnded {
        note: note.cloned(),
    }
    .into()
}
