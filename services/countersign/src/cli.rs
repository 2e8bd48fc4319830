//! The command line.

mod exit;
mod perform;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::EnvFilter;

use crate::parts::Failure;
use crate::settings::{Settings, SettingsError};
use crate::verbs;
use crate::{Exit, tell};

/// An event-sourced identity platform.
#[derive(Parser)]
#[command(name = "countersign", version, after_help = exit::CODES)]
struct Cli {
    #[command(flatten)]
    sources: Sources,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args)]
struct Sources {
    /// The configuration file (TOML).
    #[arg(long, global = true, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one setting, over environment and file. See `countersign config`.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Where the service listens, for example 127.0.0.1:8080; port 0 picks one.
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Subcommand)]
enum Verb {
    /// Runs everything on this machine: private nats-server and Postgres, the
    /// service, the projector and an operator account.
    #[command(
        after_help = "Examples:\n  countersign dev --data-dir .data/dev\n  countersign dev --data-dir /tmp/a --listen 127.0.0.1:0\n  countersign dev --data-dir .data/dev --durable\n  countersign dev --demo"
    )]
    Dev {
        /// Where everything is kept; made if it is not there.
        #[arg(long, value_name = "DIR", default_value = ".data/dev")]
        data_dir: PathBuf,
        /// Acknowledged writes survive a power cut, and cost a sync each.
        #[arg(long)]
        durable: bool,
        /// Lets a few dozen made-up people come and go, with failures, an
        /// attack now and then and an operator, so that there is something to
        /// see. For this, X-Forwarded-For is believed from this machine.
        #[arg(long)]
        demo: bool,
        /// How many steps of the demonstration a second, 1 to 50.
        #[arg(long, value_name = "N", default_value_t = 3, requires = "demo", value_parser = clap::value_parser!(u32).range(1..=50))]
        demo_rate: u32,
    },
    /// Runs the HTTP service. Any number may run side by side.
    #[command(
        after_help = "Examples:\n  countersign serve\n  countersign serve --config countersign.toml --listen 0.0.0.0:8080"
    )]
    Serve,
    /// Runs a projector: keeps the read models in Postgres up to date. Several
    /// share the shards and take over from each other.
    #[command(
        after_help = "Examples:\n  countersign project\n  countersign project --config countersign.toml"
    )]
    Project,
    /// Builds the read models anew beside the old ones and switches to them.
    #[command(
        after_help = "Examples:\n  countersign replay\n  countersign replay --verify\n  countersign replay --back"
    )]
    Replay {
        /// Builds into a scratch schema, proves it equal to the live read
        /// models, and drops it. Changes nothing.
        #[arg(long, conflicts_with = "back")]
        verify: bool,
        /// Switches back to the read models before the last replay.
        #[arg(long)]
        back: bool,
        /// Works on the deployment of `dev` in this directory.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        format: verbs::Format,
    },
    /// Tells a projection that stopped at an event to try it again now, over
    /// Postgres; `countersign projections repair` does it over HTTP.
    #[command(
        after_help = "Examples:\n  countersign repair\n  countersign repair --shard 3 --data-dir .data/dev -o json"
    )]
    Repair {
        /// The shard; all that stopped, unless given.
        #[arg(long)]
        shard: Option<u8>,
        /// Works on the deployment of `dev` in this directory.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        format: verbs::Format,
    },
    /// Makes the first operator of a deployment. The password is read from
    /// stdin.
    #[command(
        after_help = "Examples:\n  countersign bootstrap --email ada@example.com --totp\n  countersign bootstrap --email ada@example.com -o json"
    )]
    Bootstrap {
        /// The operator's address.
        #[arg(long)]
        email: String,
        /// Give the operator an authenticator app, and tell its seed once on
        /// stderr. Without one the operator can look but not act before
        /// setting one up.
        #[arg(long)]
        totp: bool,
        #[command(flatten)]
        format: verbs::Format,
    },
    /// Opens the console: see everything, end anything, from a terminal. It
    /// starts read-only and speaks HTTP only.
    ///
    /// In it, ? shows the keys of a screen, A arms it for ten minutes (which
    /// takes a second factor), and x acts: it ends or changes what the cursor
    /// is on, after a dialog that says exactly what. q leaves.
    #[command(
        after_help = "Examples:\n  countersign console\n  countersign console --data-dir .data/dev\n  countersign console --context prod-eu"
    )]
    Console(verbs::Console),
    /// Lists, shows and ends sessions, over HTTP.
    #[command(
        after_help = "Examples:\n  countersign sessions list --q ada --state active\n  countersign sessions revoke 01a2039a-3e87-734b-8a60-ac2d36344f66 --reason \"phishing\"\n  countersign sessions list -o id"
    )]
    Sessions {
        #[command(subcommand)]
        what: verbs::Sessions,
        #[command(flatten)]
        operate: verbs::Operate,
    },
    /// Lists, shows and gives up orders to end many sessions, over HTTP. They
    /// are given by `sessions revoke --where`.
    #[command(
        after_help = "Examples:\n  countersign sessions revoke --where 'network=203.0.113.0/24 client=web' --dry-run\n  countersign sessions revoke --where 'network=203.0.113.0/24 client=web' --expect 212 --reason \"incident 311\" --wait\n  countersign revocations list\n  countersign revocations items 019a2b3c-6b12-7d33-8f11-2c3d4e5f6007 --state failed"
    )]
    Revocations {
        #[command(subcommand)]
        what: verbs::Revocations,
        #[command(flatten)]
        operate: verbs::Operate,
    },
    /// Lists, shows, suspends and reinstates accounts, ends their sessions and
    /// resets their factors, over HTTP.
    #[command(
        after_help = "Examples:\n  countersign accounts list --q ada\n  countersign accounts attempts 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007\n  countersign accounts suspend 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"incident 311\" --wait"
    )]
    Accounts {
        #[command(subcommand)]
        what: verbs::Accounts,
        #[command(flatten)]
        operate: verbs::Operate,
    },
    /// Lists events of the log, and follows it, over HTTP.
    #[command(
        after_help = "Examples:\n  countersign events list --noun session --name ended\n  countersign events list --all -o jsonl\n  countersign events tail"
    )]
    Events {
        #[command(subcommand)]
        what: verbs::Events,
        #[command(flatten)]
        operate: verbs::Operate,
    },
    /// Lists read models, lets them try again, and builds them anew, over HTTP.
    #[command(
        after_help = "Examples:\n  countersign projections list\n  countersign projections repair --shard 3\n  countersign projections rebuild"
    )]
    Projections {
        #[command(subcommand)]
        what: verbs::Projections,
        #[command(flatten)]
        operate: verbs::Operate,
    },
    /// Registers, disables and enables services that sign in as themselves,
    /// and gives them secrets, over HTTP.
    #[command(
        after_help = "Examples:\n  countersign clients list\n  countersign clients add --name orders --serves https://orders.example --audience https://stock.example --scope stock:read\n  countersign clients disable 019a2b3c-6d00-7a00-8b00-4c5d6e7f8007 --reason \"secret leaked\""
    )]
    Clients {
        #[command(subcommand)]
        what: verbs::Clients,
        #[command(flatten)]
        operate: verbs::Operate,
    },
    /// Lists, rotates and revokes signing keys, over HTTP.
    #[command(
        after_help = "Examples:\n  countersign keys list\n  countersign keys rotate --reason \"once a quarter\"\n  countersign keys revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs --reason \"stolen backup\" --wait"
    )]
    Keys {
        #[command(subcommand)]
        what: verbs::Keys,
        #[command(flatten)]
        operate: verbs::Operate,
    },
    /// Lists who checks tokens and how far each has come, over HTTP.
    #[command(
        after_help = "Examples:\n  countersign verifiers list\n  countersign verifiers list -o jsonl"
    )]
    Verifiers {
        #[command(subcommand)]
        what: verbs::Verifiers,
        #[command(flatten)]
        operate: verbs::Operate,
    },
    /// Writes the OpenAPI document to stdout.
    #[command(after_help = "Examples:\n  countersign openapi")]
    Openapi,
    /// Lists every setting, its value and where the value came from.
    #[command(
        after_help = "Examples:\n  countersign config\n  countersign config --set listen=0.0.0.0:8080 -o jsonl"
    )]
    Config {
        #[command(flatten)]
        format: verbs::Format,
    },
    /// Writes a completion script to stdout.
    #[command(
        after_help = "Examples:\n  countersign completions bash\n  countersign completions zsh"
    )]
    Completions {
        /// For which shell.
        shell: Shell,
    },
    /// Writes a manual page to stdout, or that of every command to a directory.
    #[command(
        after_help = "Examples:\n  countersign man\n  countersign man sessions revoke\n  countersign man --dir /usr/local/share/man/man1"
    )]
    Man {
        /// Writes every page there, one file a command.
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        dir: Option<PathBuf>,
        /// The words of a command; the whole program's page without them.
        command: Vec<String>,
    },
}

/// Parses the command line and does what it says.
pub fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            let _ = error.print();
            return exit;
        }
    };
    match dispatch(cli) {
        Ok(exit) => exit,
        Err(failure) => {
            tell(&format!("countersign: {failure}"));
            exit::of(&failure)
        }
    }
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let Cli { sources, verb } = cli;
    let mut flags = sources.set;
    flags.extend(sources.listen.map(|listen| ("listen".to_owned(), listen)));
    let mut settings = Settings::load(sources.config.as_deref(), std::env::vars(), &flags)?;
    if let Verb::Console(_) = verb {
        // Whatever is written beside the console spoils it.
        settings.suggest("log", "off");
    }
    if let Verb::Dev { .. } = verb {
        // Somebody looks at this screen; it should say what matters.
        settings.suggest("log", "warn,countersign::access=off,async_nats=off");
    }
    match verb {
        Verb::Openapi => verbs::openapi(),
        Verb::Config { format } => verbs::config(&settings, format.output),
        Verb::Man { dir, command } => verbs::man(Cli::command(), dir.as_deref(), &command),
        Verb::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "countersign", &mut out);
            crate::say(String::from_utf8_lossy(&out).trim_end());
            Ok(Exit::Done)
        }
        verb => {
            log_to_stderr(&settings)?;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(Failure::io("the runtime"))?;
            runtime.block_on(perform::perform(verb, settings))
        }
    }
}

fn log_to_stderr(settings: &Settings) -> Result<(), Failure> {
    use secrecy::ExposeSecret;
    let filter = settings.required("log")?.expose_secret();
    let filter = EnvFilter::try_new(filter).map_err(|_| settings.wrong("log"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    let format = settings.required("log_format")?.expose_secret();
    let installed = match format {
        "text" => builder.try_init(),
        "json" => builder.json().try_init(),
        _ => return Err(SettingsError::into(settings.wrong("log_format"))),
    };
    installed.map_err(Failure::other)
}
