//! What holds for every command there is.

use clap::{Command, CommandFactory, Parser};

use super::Cli;

/// What is no data: documents in forms of their own, and what runs until it is
/// told to stop.
const WITHOUT_OUTPUT: &[&str] = &[
    "dev",
    "serve",
    "project",
    "console",
    "openapi",
    "completions",
    "man",
];

/// Every command that does something, with its words.
fn leaves() -> Vec<(String, Command)> {
    fn walk(words: &str, command: &Command, found: &mut Vec<(String, Command)>) {
        for below in command.get_subcommands() {
            if below.get_name() == "help" {
                continue;
            }
            let words = format!("{words} {}", below.get_name());
            if below.has_subcommands() {
                walk(&words, below, found);
            } else {
                found.push((words.trim().to_owned(), below.clone()));
            }
        }
    }
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    walk("", &root, &mut found);
    found
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
    assert!(leaves().len() > 30, "{}", leaves().len());
}

#[test]
fn every_command_that_answers_says_it_in_every_form() {
    for (words, leaf) in leaves() {
        let output = leaf.get_arguments().find(|one| one.get_id() == "output");
        if WITHOUT_OUTPUT.contains(&words.as_str()) {
            assert!(output.is_none(), "{words} has -o");
            continue;
        }
        let output = output.unwrap_or_else(|| panic!("{words} has no -o"));
        assert_eq!(output.get_short(), Some('o'), "{words}");
        let values = output.get_possible_values();
        let values: Vec<&str> = values
            .iter()
            .map(clap::builder::PossibleValue::get_name)
            .collect();
        assert_eq!(values, ["table", "json", "jsonl", "id"], "{words}");
    }
}

#[test]
fn every_command_and_argument_has_help() {
    fn walk(words: &str, command: &Command) {
        let words = format!("{words} {}", command.get_name());
        assert!(command.get_about().is_some(), "{words} has no help");
        for argument in command.get_arguments() {
            let name = argument.get_id();
            assert!(argument.get_help().is_some(), "{words} {name} has no help");
        }
        for below in command.get_subcommands() {
            if below.get_name() != "help" {
                walk(&words, below);
            }
        }
    }
    let mut root = Cli::command();
    root.build();
    walk("", &root);
}

/// The words of a command line, in single, double or no quotes.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, ' ') => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words
}

#[test]
fn every_example_can_be_typed() {
    for (words, leaf) in leaves() {
        let help = leaf.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_else(|| panic!("{words} has no examples"));
        let examples = help
            .strip_prefix("Examples:\n")
            .unwrap_or_else(|| panic!("{words}: {help}"));
        for line in examples.lines() {
            let typed = split(line.trim());
            let parsed = Cli::try_parse_from(&typed);
            if let Err(error) = parsed {
                panic!("{words}: {line}\n{error}");
            }
            // The example is of this command, and not of another.
            let own = format!("countersign {words}");
            assert!(typed.join(" ").starts_with(&own), "{words}: {line}");
        }
    }
}

#[test]
fn help_names_whatever_is_understood() {
    let help = |words: &str, name: &str| {
        let all = leaves();
        let (_, leaf) = all.iter().find(|(known, _)| known == words).expect(words);
        let argument = leaf.get_arguments().find(|one| one.get_id() == name);
        let help = argument.and_then(clap::Arg::get_help).expect(name);
        help.to_string()
    };
    for words in ["events list", "events tail"] {
        for noun in countersign_events::Noun::ALL {
            assert!(help(words, "noun").contains(noun.as_str()), "{noun}");
        }
    }
    assert!(help("sessions revoke", "condition").contains("state"));
}

#[test]
fn what_has_one_page_takes_no_cursor() {
    let attempts = |rest: &[&str]| {
        let words = ["countersign", "accounts", "attempts", "ada@example.com"];
        Cli::try_parse_from(words.iter().chain(rest)).map(|_| ())
    };
    attempts(&["--limit", "5"]).expect("how many");
    attempts(&["--after", "x"]).expect_err("there is nothing after it");
}

#[test]
fn every_exit_code_is_explained() {
    let mut root = Cli::command();
    let help = root.render_help().to_string();
    for code in 0..=7 {
        let line = format!("\n  {code}  ");
        assert!(help.contains(&line), "{code}: {help}");
    }
}

#[test]
fn the_help_of_the_console_says_how_to_find_and_do_things_in_it() {
    let mut root = Cli::command();
    let console = root.find_subcommand_mut("console").expect("a console");
    let help = console.render_long_help().to_string();
    let help: Vec<&str> = help.split_whitespace().collect();
    for said in ["? shows the keys", "A arms it", "x acts"] {
        assert!(help.join(" ").contains(said), "{said}: {help:?}");
    }
}

#[test]
fn a_moment_of_the_past_may_be_so_long_ago() {
    for what in ["sessions", "accounts"] {
        let list = |at| Cli::try_parse_from(["countersign", what, "list", "--as-of", at]);
        assert!(list("-5m").is_ok(), "{what}");
        assert!(list("-5").is_err() && list("--state").is_err(), "{what}");
    }
}

#[test]
fn an_account_is_named_by_its_id_or_its_address() {
    let show = |account| Cli::try_parse_from(["countersign", "accounts", "show", account]);
    assert!(show("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007").is_ok());
    assert!(show("Ada@example.com").is_ok());
    let refused = show("ada").err().map(|error| error.to_string());
    assert!(refused.is_some_and(|why| why.contains("accounts list --q")));
}

#[test]
fn what_ends_many_is_never_let_through_without_their_number() {
    let order = ["countersign", "sessions", "revoke", "--where", "all"];
    let given = |more: &[&'static str]| Cli::try_parse_from([&order[..], more].concat());
    assert!(given(&["--reason", "x", "--yes"]).is_err());
    assert!(given(&["--reason", "x", "--yes", "--expect", "3"]).is_ok());
    assert!(given(&["--yes", "--expect", "3"]).is_err());
}
