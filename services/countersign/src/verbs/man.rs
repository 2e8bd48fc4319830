//! `countersign man`

use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use crate::parts::Failure;
use crate::{Exit, say};

/// Writes the page of one command to stdout, or those of all to a directory.
pub fn man(mut root: Command, dir: Option<&Path>, words: &[String]) -> Result<Exit, Failure> {
    root.build();
    if let Some(dir) = dir {
        std::fs::create_dir_all(dir).map_err(Failure::io(dir.display().to_string()))?;
        write_all(&root, dir)?;
        return Ok(Exit::Done);
    }
    let mut command = &root;
    for word in words {
        let below = command.find_subcommand(word);
        command = below.ok_or_else(|| Failure::usage(format!("there is no command {word}")))?;
    }
    say(String::from_utf8_lossy(&page(command)?).trim_end());
    Ok(Exit::Done)
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let render = Man::new(command.clone()).render(&mut page);
    render.map_err(Failure::io("a manual page"))?;
    Ok(page)
}

fn write_all(command: &Command, dir: &Path) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = dir.join(format!("{name}.1"));
    let page = page(command)?;
    std::fs::write(&path, page).map_err(Failure::io(path.display().to_string()))?;
    for below in command.get_subcommands() {
        if below.get_name() != "help" {
            write_all(below, dir)?;
        }
    }
    Ok(())
}
