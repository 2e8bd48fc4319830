//! `countersign projections`

use clap::Subcommand;
use countersign_openapi::{ProjectionState, display_safe};
use countersign_tui::{Client, Prompt};

use super::operate::{Operate, signed_in};
use super::output::{one, or_dash, word, write};
use crate::parts::Failure;
use crate::{Exit, tell};

/// What to do with read models.
#[derive(Subcommand)]
pub enum Projections {
    /// Lists read models by shard, with how far each has come.
    #[command(
        after_help = "Examples:\n  countersign projections list\n  countersign projections list -o jsonl"
    )]
    List,
    /// Tells a projection that stopped at an event to try it again now.
    #[command(
        after_help = "Examples:\n  countersign projections repair\n  countersign projections repair --shard 3 -o json"
    )]
    Repair {
        /// The shard; all that stopped, unless given.
        #[arg(long)]
        shard: Option<u8>,
    },
    /// Builds the read models anew beside those that serve, and switches to
    /// them. The list shows how far it is.
    #[command(
        after_help = "Examples:\n  countersign projections rebuild\n  countersign projections rebuild --context prod-eu --yes -o json"
    )]
    Rebuild {
        /// Asks nothing. Needed where nobody can be asked.
        #[arg(long)]
        yes: bool,
    },
}

const HEAD: &[&str] = &[
    "READ MODEL",
    "SHARD",
    "VERSION",
    "STATE",
    "POSITION",
    "LAG",
    "PER SECOND",
    "LEFT",
    "OWNER",
    "STOPPED AT",
];

/// Read models.
pub async fn projections(what: Projections, operate: &Operate) -> Result<Exit, Failure> {
    let output = operate.output;
    match what {
        Projections::List => {
            let list = async |client: &mut Client| client.projections().await;
            let found = signed_in(operate, list).await?;
            write(output, &found.items, HEAD, row, |one| {
                format!("{}/{}", display_safe(&one.name), one.shard)
            })?;
        }
        Projections::Repair { shard } => {
            let repair = async |client: &mut Client| client.repair_projections(shard).await;
            let repaired = signed_in(operate, repair).await?;
            let shards: Vec<String> = repaired.shards.iter().map(u8::to_string).collect();
            if output == super::output::Output::Id {
                for shard in &shards {
                    crate::say(shard);
                }
                return Ok(Exit::Done);
            }
            one(output, &repaired, "", || match shards.as_slice() {
                [] => "nothing has stopped".to_owned(),
                shards => format!("trying again on shard {}", shards.join(" ")),
            })?;
        }
        Projections::Rebuild { yes } => {
            if let Some(exit) = declined(yes).await? {
                return Ok(exit);
            }
            let rebuild = async |client: &mut Client| client.rebuild_projections().await;
            signed_in(operate, rebuild).await?;
            let said = serde_json::json!({"state": "rebuilding"});
            one(output, &said, "rebuilding", || {
                "the read models are built anew: `countersign projections list` says how far it is"
                    .to_owned()
            })?;
        }
    }
    Ok(Exit::Done)
}

/// Asks whoever is there whether all read models are meant; how it ends if they
/// are not.
async fn declined(yes: bool) -> Result<Option<Exit>, Failure> {
    if yes {
        return Ok(None);
    }
    let prompt = Prompt::new(None);
    if !prompt.is_terminal() {
        tell("countersign: nobody can be asked here: say --yes");
        return Ok(Some(Exit::Usage));
    }
    tell("all read models are built anew from the log, beside those that serve");
    let typed = prompt.line("Type all to rebuild them: ").await?;
    if typed.unwrap_or_default().trim() == "all" {
        return Ok(None);
    }
    tell("nothing was done");
    Ok(Some(Exit::Cancelled))
}

fn row(one: &ProjectionState) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let left = one.eta_seconds.map(|seconds| format!("{seconds} s"));
    let fault = one
        .fault
        .as_ref()
        .map(|fault| format!("{}: {}", fault.position, display_safe(&fault.message)));
    vec![
        one.name.clone(),
        one.shard.to_string(),
        one.version.to_string(),
        word(&one.state),
        one.position.clone(),
        one.lag_events.to_string(),
        number(one.events_per_second),
        or_dash(left.as_deref()),
        or_dash(one.owner.as_deref()),
        fault.unwrap_or_default(),
    ]
}
