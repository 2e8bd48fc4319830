//! `countersign clients`

use clap::Subcommand;
use countersign_openapi::{Client as Registered, ClientProfile, NewClientSecret, display_safe};
use countersign_tui::{Client, ClientError};
use uuid::Uuid;

use super::operate::{Operate, Page, signed_in};
use super::output::{Output, document, done, facts, moment, note_next, one, word, write};
use crate::parts::Failure;
use crate::{Exit, say};

/// What to do with clients.
#[derive(Subcommand)]
pub enum Clients {
    /// Lists clients, newest first.
    #[command(
        after_help = "Examples:\n  countersign clients list\n  countersign clients list -o jsonl"
    )]
    List {
        #[command(flatten)]
        page: Page,
    },
    /// Shows one client.
    #[command(
        after_help = "Examples:\n  countersign clients show 019a2b3c-6d00-7a00-8b00-4c5d6e7f8007\n  countersign clients show 019a2b3c-6d00-7a00-8b00-4c5d6e7f8007 -o json"
    )]
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Registers a client and gives it a secret, which is told this once.
    #[command(
        after_help = "Examples:\n  countersign clients add --name orders --serves https://orders.example --audience https://stock.example --scope stock:read\n  countersign clients add --name orders --without-secret -o id"
    )]
    Add {
        /// What people call it.
        #[arg(long)]
        name: String,
        /// An audience whose tokens it accepts. May be given more than once.
        #[arg(long)]
        serves: Vec<String>,
        /// An audience it may ask tokens for. May be given more than once.
        #[arg(long)]
        audience: Vec<String>,
        /// A scope it may ask for. May be given more than once.
        #[arg(long)]
        scope: Vec<String>,
        /// Adds no secret: the client will have keys.
        #[arg(long)]
        without_secret: bool,
    },
    /// Adds and removes secrets.
    Secret {
        #[command(subcommand)]
        what: Secrets,
    },
    /// Lets a client get no tokens, and refuses those it has.
    #[command(
        after_help = "Examples:\n  countersign clients disable 019a2b3c-6d00-7a00-8b00-4c5d6e7f8007 --reason \"secret leaked\"\n  countersign clients disable 019a2b3c-6d00-7a00-8b00-4c5d6e7f8007 --reason \"secret leaked\" --wait -o json"
    )]
    Disable {
        /// Its id.
        id: Uuid,
        /// Why; kept in the log.
        #[arg(long)]
        reason: String,
        /// Returns when every live verifier has applied it, or names those
        /// that have not.
        #[arg(long)]
        wait: bool,
    },
    /// Lets a client get tokens again.
    #[command(
        after_help = "Examples:\n  countersign clients enable 019a2b3c-6d00-7a00-8b00-4c5d6e7f8007"
    )]
    Enable {
        /// Its id.
        id: Uuid,
    },
}

/// What to do with a client's secrets.
#[derive(Subcommand)]
pub enum Secrets {
    /// Adds a secret, which is told this once.
    #[command(
        after_help = "Examples:\n  countersign clients secret add 019a2b3c-6d00-7a00-8b00-4c5d6e7f8007 --expires-in-days 90\n  countersign clients secret add 019a2b3c-6d00-7a00-8b00-4c5d6e7f8007 -o json"
    )]
    Add {
        /// The client's id.
        id: Uuid,
        /// After how many days it counts no more.
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u16>,
    },
    /// Removes a secret, and refuses the client's tokens.
    #[command(
        after_help = "Examples:\n  countersign clients secret remove 019a2b3c-6d00-7a00-8b00-4c5d6e7f8007 019a2b3c-6d00-7a00-8b00-5c5d6e7f8007"
    )]
    Remove {
        /// The client's id.
        id: Uuid,
        /// The secret's id.
        secret: Uuid,
    },
}

const HEAD: &[&str] = &["CLIENT", "STATE", "REGISTERED", "SECRETS", "KEYS", "NAME"];

/// Clients.
pub async fn clients(what: Clients, operate: &Operate) -> Result<Exit, Failure> {
    let output = operate.output;
    let write = |items: &[Registered]| write(output, items, HEAD, row, |client| client.id);
    match what {
        Clients::List { page } => {
            let (limit, after) = (page.limit, page.after.as_deref());
            let list = async |client: &mut Client| client.clients(limit, after).await;
            let found = signed_in(operate, list).await?;
            write(&found.items)?;
            note_next(found.next.as_deref());
        }
        Clients::Show { id } => {
            let show = async |client: &mut Client| client.client(id).await;
            let found = signed_in(operate, show).await?;
            one(output, &found, found.id, || client_facts(&found))?;
        }
        Clients::Add {
            name,
            serves,
            audience,
            scope,
            without_secret,
        } => {
            let profile = ClientProfile {
                name,
                serves,
                audiences: audience,
                scopes: scope,
            };
            let add = async |client: &mut Client| {
                let id = client.register_client(&profile).await?;
                if without_secret {
                    return Ok((id, None));
                }
                let secret = client.add_client_secret(id, None).await?;
                Ok::<_, ClientError>((id, Some(secret)))
            };
            match signed_in(operate, add).await? {
                (_, Some(secret)) => tell_secret(output, &secret)?,
                (id, None) => {
                    let said = serde_json::json!({"client_id": id});
                    one(output, &said, id, || format!("client {id} is registered"))?;
                }
            }
        }
        Clients::Secret {
            what: Secrets::Add {
                id,
                expires_in_days,
            },
        } => {
            let add =
                async |client: &mut Client| client.add_client_secret(id, expires_in_days).await;
            tell_secret(output, &signed_in(operate, add).await?)?;
        }
        Clients::Secret {
            what: Secrets::Remove { id, secret },
        } => {
            let remove = async |client: &mut Client| client.remove_client_secret(id, secret).await;
            let position = signed_in(operate, remove).await?;
            let text = format!("secret {secret} counts no more");
            return done(output, secret, &text, &position, None);
        }
        Clients::Disable { id, reason, wait } => {
            let disable =
                async |client: &mut Client| client.disable_client(id, &reason, wait).await;
            let (position, applied) = signed_in(operate, disable).await?;
            let text = format!("client {id} is disabled");
            return done(output, id, &text, &position, applied.as_ref());
        }
        Clients::Enable { id } => {
            let enable = async |client: &mut Client| client.enable_client(id).await;
            let position = signed_in(operate, enable).await?;
            let text = format!("client {id} is enabled");
            return done(output, id, &text, &position, None);
        }
    }
    Ok(Exit::Done)
}

/// On stdout alone, and nowhere else ever again.
fn tell_secret(output: Output, added: &NewClientSecret) -> Result<(), Failure> {
    match output {
        Output::Table => {
            say(&format!("client_id      {}", added.client_id));
            say(&format!(
                "client_secret  {}",
                display_safe(added.secret.expose())
            ));
            say(&format!("secret id      {}", added.id));
        }
        Output::Id => {
            say(&added.client_id.to_string());
            say(&display_safe(added.secret.expose()));
        }
        Output::Json | Output::Jsonl => document(output, added)?,
    }
    Ok(())
}

/// What is known of one client.
fn client_facts(client: &Registered) -> String {
    let secrets = client.secrets.iter().map(|secret| secret.id.to_string());
    facts(&[
        ("client", client.id.to_string()),
        ("name", client.name.clone()),
        ("state", word(&client.state)),
        ("serves", client.serves.join(" ")),
        ("audiences", client.audiences.join(" ")),
        ("scopes", client.scopes.join(" ")),
        ("secrets", secrets.collect::<Vec<_>>().join(" ")),
        ("keys", client.key_ids.join(" ")),
        ("registered", moment(client.created_at)),
    ])
}

fn row(client: &Registered) -> Vec<String> {
    vec![
        client.id.to_string(),
        word(&client.state),
        moment(client.created_at),
        client.secrets.len().to_string(),
        client.key_ids.len().to_string(),
        client.name.clone(),
    ]
}
