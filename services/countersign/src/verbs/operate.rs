//! `countersign sessions` and `countersign accounts`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign_openapi::{Account, Secret, Session};
use countersign_tui::{Client, ClientError, Context, Login, Prompt, SessionQuery, console};
use uuid::Uuid;

use super::accounts::{
    ACCOUNT_HEAD, Named, OneAccount, account_facts, account_row, named, one_account,
};
use super::as_of::{self, AsOf};
use super::events::timeline;
use super::output::{Output, done, facts, moment, note_next, one, or_dash, word, write};
use super::revocations::Order;
use crate::parts::Failure;
use crate::{Exit, tell};

/// What to do with sessions.
#[derive(Subcommand)]
pub enum Sessions {
    /// Lists sessions, newest first.
    #[command(
        after_help = "Examples:\n  countersign sessions list --q ada --state active\n  countersign sessions list --ip 203.0.113.0/24 -o id\n  countersign sessions list --as-of -5m --limit 200 -o jsonl"
    )]
    List {
        /// Only those whose account's address contains this.
        #[arg(long)]
        q: Option<String>,
        /// active, expired, revoked or any.
        #[arg(long)]
        state: Option<String>,
        /// Only those from this address or network.
        #[arg(long)]
        ip: Option<String>,
        /// As it was then: 2026-11-22T14:03:07Z, "2026-11-22 14:03:07" or
        /// 14:03:07, in UTC, or so long ago: -5m.
        #[arg(long, value_name = "TIME", value_parser = as_of::parse, allow_hyphen_values = true)]
        as_of: Option<AsOf>,
        #[command(flatten)]
        page: Page,
    },
    /// Shows one session.
    #[command(
        after_help = "Examples:\n  countersign sessions show 01a2039a-3e87-734b-8a60-ac2d36344f66\n  countersign sessions show 01a2039a-3e87-734b-8a60-ac2d36344f66 --timeline -o jsonl"
    )]
    Show {
        /// Its id.
        id: Uuid,
        /// As it was then: 2026-11-22T14:03:07Z, "2026-11-22 14:03:07" or
        /// 14:03:07, in UTC, or so long ago: -5m; with what led to each field.
        #[arg(long, value_name = "TIME", value_parser = as_of::parse, allow_hyphen_values = true)]
        as_of: Option<AsOf>,
        /// What happened to it, oldest first, in place of what it is.
        #[arg(long, conflicts_with = "as_of")]
        timeline: bool,
    },
    /// Ends a session, or every session of a kind.
    #[command(
        after_help = "Examples:\n  countersign sessions revoke 01a2039a-3e87-734b-8a60-ac2d36344f66 --reason \"phishing\" --wait\n  countersign sessions revoke --where 'network=203.0.113.0/24 client=web' --dry-run\n  countersign sessions revoke --where 'network=203.0.113.0/24 client=web' --expect 212 --yes --reason \"incident 311\""
    )]
    Revoke {
        /// Its id.
        #[arg(required_unless_present = "condition", conflicts_with = "condition")]
        id: Option<Uuid>,
        /// Every session of which all of this is true, by what its sign-in was:
        /// account, client, network or ip, user-agent, acr, acr-below, key,
        /// started-before, started-after, or all.
        #[arg(long = "where", value_name = "NAME=VALUE ...")]
        condition: Option<String>,
        /// Why; kept in the log.
        #[arg(long, required_unless_present = "dry_run")]
        reason: Option<String>,
        /// Says what would end, and ends nothing.
        #[arg(long, requires = "condition")]
        dry_run: bool,
        /// Ends nothing unless it is so many. Asked for on a terminal when it
        /// is left out.
        #[arg(long, value_name = "N", requires = "condition")]
        expect: Option<u64>,
        /// Asks nothing, which needs --expect.
        #[arg(long, requires = "expect")]
        yes: bool,
        /// Waits, two seconds at most after the end, until every verifier has
        /// applied it. Ends with 6 and names those that have not.
        #[arg(long)]
        wait: bool,
    },
}

/// What to do with accounts.
#[derive(Subcommand)]
pub enum Accounts {
    /// Lists accounts, newest first.
    #[command(
        after_help = "Examples:\n  countersign accounts list --q ada\n  countersign accounts list --limit 200 -o jsonl"
    )]
    List {
        /// Only those whose address or name contains this.
        #[arg(long)]
        q: Option<String>,
        /// As it was then: 2026-11-22T14:03:07Z, "2026-11-22 14:03:07" or
        /// 14:03:07, in UTC, or so long ago: -5m.
        #[arg(long, value_name = "TIME", value_parser = as_of::parse, allow_hyphen_values = true)]
        as_of: Option<AsOf>,
        #[command(flatten)]
        page: Page,
    },
    /// Shows one account.
    #[command(
        after_help = "Examples:\n  countersign accounts show ada@example.com\n  countersign accounts show 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 -o json"
    )]
    Show {
        /// Its id or its address.
        #[arg(value_parser = named)]
        account: Named,
        /// As it was then: 2026-11-22T14:03:07Z, "2026-11-22 14:03:07" or
        /// 14:03:07, in UTC, or so long ago: -5m; with what led to each field.
        #[arg(long, value_name = "TIME", value_parser = as_of::parse, allow_hyphen_values = true)]
        as_of: Option<AsOf>,
    },
    #[command(flatten)]
    One(OneAccount),
}

/// Which part of a list.
#[derive(Args)]
pub struct Page {
    /// How many rows, 1 to 200.
    #[arg(long, default_value_t = 50)]
    pub(super) limit: u16,
    /// The cursor that the list before ended with.
    #[arg(long)]
    pub(super) after: Option<String>,
}

/// Where the deployment is and how to write the answer.
#[derive(Args)]
pub struct Operate {
    /// The directory of `countersign dev`. Without it, --context and --url,
    /// COUNTERSIGN_URL with COUNTERSIGN_TOKEN count, then
    /// COUNTERSIGN_CONTEXT, then .data/dev.
    #[arg(long, value_name = "DIR", global = true, conflicts_with_all = ["context", "url"])]
    data_dir: Option<PathBuf>,
    /// A deployment of countersign/contexts.toml in the configuration folder.
    /// COUNTERSIGN_TOKEN signs in; without it a terminal is asked once, and the
    /// session is kept.
    #[arg(long, value_name = "NAME", global = true, conflicts_with = "url")]
    context: Option<String>,
    /// The service at this URL, with COUNTERSIGN_TOKEN or as whoever a terminal
    /// asks.
    #[arg(long, value_name = "URL", global = true)]
    url: Option<String>,
    /// How the answer is written.
    #[arg(short, long, value_enum, default_value_t, global = true)]
    pub(super) output: Output,
}

impl Operate {
    /// Which deployment is meant, and as whom.
    fn deployment(&self) -> Result<Context, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let token = || variable("COUNTERSIGN_TOKEN").map(Secret::new);
        if let Some(url) = &self.url {
            return Context::at(url, token()).map_err(Failure::usage);
        }
        let is_said = self.data_dir.is_some() || variable("COUNTERSIGN_URL").is_some();
        let named = || variable("COUNTERSIGN_CONTEXT").filter(|_| !is_said);
        let Some(name) = self.context.clone().or_else(named) else {
            return Context::find(self.data_dir.as_deref(), variable).map_err(Failure::usage);
        };
        let found = console::find(Some(&name), None, variable);
        let (mut context, _) = found.map_err(Failure::usage)?;
        if let Some(token) = token() {
            context.login = Login::Token(token);
        }
        Ok(context)
    }
}

/// Signs in, or goes on with the session of the command before, and does it.
pub(super) async fn signed_in<T>(
    operate: &Operate,
    what: impl AsyncFnOnce(&mut Client) -> Result<T, ClientError>,
) -> Result<T, Failure> {
    let context = operate.deployment()?;
    let code = std::env::var("COUNTERSIGN_CODE").ok().map(Secret::new);
    let mut client = Client::connect(&context, Prompt::new(code)).await?;
    let outcome = what(&mut client).await;
    if let Err(error) = client.disconnect().await
        && outcome.is_ok()
    {
        tell(&format!("countersign: the session was not ended: {error}"));
    }
    Ok(outcome?)
}

/// Sessions.
pub async fn sessions(what: Sessions, operate: &Operate) -> Result<Exit, Failure> {
    let output = operate.output;
    let write = |items: &[Session]| write(output, items, SESSION_HEAD, session_row, |item| item.id);
    match what {
        Sessions::List {
            q,
            state,
            ip,
            as_of,
            page,
        } => {
            let (limit, after) = (page.limit, page.after);
            let query = SessionQuery {
                q,
                state,
                ip,
                limit,
                after,
                as_of: as_of.map(|as_of| as_of.0),
            };
            let found = signed_in(operate, async |client| client.sessions(&query).await).await?;
            write(&found.items)?;
            note_next(found.next.as_deref());
        }
        Sessions::Show {
            id, timeline: true, ..
        } => return timeline(id, operate).await,
        Sessions::Show { id, as_of, .. } => {
            let as_of = as_of.as_ref().map(|as_of| as_of.0.as_str());
            let show = async |client: &mut Client| client.session(id, as_of).await;
            let found = signed_in(operate, show).await?;
            one(output, &found, found.id, || session_facts(&found))?;
            if output == Output::Table {
                as_of::say_causes(&found, found.causes.as_ref())?;
            }
        }
        Sessions::Revoke {
            condition: Some(condition),
            reason,
            dry_run,
            expect,
            wait,
            ..
        } => {
            let order = Order {
                condition,
                reason,
                dry_run,
                expect,
                wait,
            };
            return super::revocations::revoke(order, operate).await;
        }
        Sessions::Revoke {
            id, reason, wait, ..
        } => {
            let (id, reason) = (id.unwrap_or_default(), reason.unwrap_or_default());
            let revoke = async |client: &mut Client| client.revoke(id, &reason, wait).await;
            let (position, applied) = signed_in(operate, revoke).await?;
            let text = format!("session {id} is over");
            return done(output, id, &text, &position, applied.as_ref());
        }
    }
    Ok(Exit::Done)
}

/// Accounts.
pub async fn accounts(what: Accounts, operate: &Operate) -> Result<Exit, Failure> {
    let (q, as_of, page) = match what {
        Accounts::List { q, as_of, page } => (q, as_of, page),
        Accounts::Show { account, as_of } => {
            let as_of = as_of.as_ref().map(|as_of| as_of.0.as_str());
            let show = async |client: &mut Client| {
                let id = account.id(client, as_of).await?;
                client.account(id, as_of).await
            };
            let found = signed_in(operate, show).await?;
            one(operate.output, &found, found.id, || account_facts(&found))?;
            if operate.output == Output::Table {
                as_of::say_causes(&found, found.causes.as_ref())?;
            }
            return Ok(Exit::Done);
        }
        Accounts::One(what) => return one_account(what, operate).await,
    };
    let (q, after) = (q.as_deref(), page.after.as_deref());
    let as_of = as_of.as_ref().map(|as_of| as_of.0.as_str());
    let list = async |client: &mut Client| client.accounts(q, page.limit, after, as_of).await;
    let found = signed_in(operate, list).await?;
    let id = |account: &Account| account.id;
    write(operate.output, &found.items, ACCOUNT_HEAD, account_row, id)?;
    note_next(found.next.as_deref());
    Ok(Exit::Done)
}

const SESSION_HEAD: &[&str] = &[
    "SESSION", "STATE", "EMAIL", "STARTED", "SEEN", "ADDRESS", "ENDED BY",
];

fn session_row(session: &Session) -> Vec<String> {
    let ended = session.ended.as_ref();
    vec![
        session.id.to_string(),
        word(&session.state),
        or_dash(session.email.as_deref()),
        moment(session.started_at),
        moment(session.last_seen_at),
        or_dash(session.ip.as_deref()),
        ended.map(|ended| ended.reason.clone()).unwrap_or_default(),
    ]
}

/// What is known of one session.
fn session_facts(session: &Session) -> String {
    let ended = session.ended.as_ref().map(|ended| {
        let at = moment(ended.at);
        format!("{at} by {}: {}", ended.by, ended.reason)
    });
    let note = session.ended.as_ref().and_then(|ended| ended.note.clone());
    facts(&[
        ("session", session.id.to_string()),
        ("state", word(&session.state)),
        ("account", session.account_id.to_string()),
        ("email", session.email.clone().unwrap_or_default()),
        ("client", session.client.clone()),
        ("address", session.ip.clone().unwrap_or_default()),
        ("user agent", session.user_agent.clone().unwrap_or_default()),
        (
            "strength",
            format!("{} ({})", word(&session.acr), session.amr.join(" ")),
        ),
        ("started", moment(session.started_at)),
        ("seen", moment(session.last_seen_at)),
        ("expires", moment(session.expires_at)),
        ("refreshed", session.generation.to_string()),
        (
            "elsewhere",
            session.elsewhere_at.map(moment).unwrap_or_default(),
        ),
        ("ended", ended.unwrap_or_default()),
        ("note", note.unwrap_or_default()),
        ("position", session.position.clone()),
    ])
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}
