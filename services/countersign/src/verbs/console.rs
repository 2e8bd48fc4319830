//! `countersign console`

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use countersign_tui::console::{self, ConsoleError, Looks};

use crate::parts::Failure;
use crate::{Exit, tell};

/// Which deployment, and what the terminal can show.
#[derive(Args)]
pub struct Console {
    /// The directory of `countersign dev`. Without it and --context,
    /// COUNTERSIGN_URL counts, then COUNTERSIGN_CONTEXT, then .data/dev.
    #[arg(long, value_name = "DIR", conflicts_with = "context")]
    data_dir: Option<PathBuf>,
    /// A deployment of countersign/contexts.toml in the configuration folder,
    /// a table with `url`, `email`, and `production = false` where nobody is
    /// harmed.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Only ASCII in borders and signs; also where the locale is not UTF-8.
    #[arg(long)]
    ascii: bool,
}

/// Runs the console. It needs a terminal and never asks without one.
pub async fn console(options: Console) -> Result<Exit, Failure> {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        tell(
            "countersign: the console needs a terminal; for scripts there are `countersign sessions` and `countersign accounts`",
        );
        return Ok(Exit::Usage);
    }
    let variable = |name: &str| std::env::var(name).ok();
    let looks = looks(options.ascii, variable);
    let (name, dir) = (options.context.as_deref(), options.data_dir.as_deref());
    let found = console::find(name, dir, variable);
    let (context, deployment) = found.map_err(Failure::usage)?;
    match console::run(&context, deployment, looks).await {
        Ok(()) => Ok(Exit::Done),
        Err(ConsoleError::Client(error)) => Err(Failure::Client(error)),
        Err(error) => Err(Failure::other(error)),
    }
}

/// What the environment says of the terminal.
fn looks(ascii: bool, variable: impl Fn(&str) -> Option<String>) -> Looks {
    let said = |name: &str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(said);
    let utf8 = locale.is_some_and(|locale| locale.to_lowercase().contains("utf"));
    let background = said("COLORFGBG");
    let background = background
        .as_deref()
        .and_then(|both| both.rsplit(';').next());
    Looks {
        ascii: ascii || !utf8,
        plain: said("NO_COLOR").is_some(),
        light: matches!(background, Some("7" | "15")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_what_the_terminal_shows() {
        let none = looks(false, |_| None);
        assert!(none.ascii && !none.plain && !none.light);
        let all = looks(false, |name| match name {
            "LANG" => Some("en_GB.UTF-8".to_owned()),
            "NO_COLOR" => Some("1".to_owned()),
            "COLORFGBG" => Some("0;default;15".to_owned()),
            _ => Some(String::new()),
        });
        assert!(!all.ascii && all.plain && all.light);
    }
}
