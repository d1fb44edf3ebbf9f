//! The reference of commands and flags is made from the program's own description, and every command line that the
//! documentation shows is one that the program takes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::builder::{Str, ValueRange};
use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory as _, Parser as _};
use dbsession_exporter::cli::Cli;

use super::page::pages;
use crate::generated;

fn built() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// `--flag=VALUE`, `[VALUE]` or `--flag`.
fn spelled(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let value = names.iter().map(Str::as_str).collect::<Vec<_>>().join(" ");
    match arg.get_long() {
        Some(long) if arg.get_action().takes_values() && arg.get_num_args() == Some(ValueRange::SINGLE) => {
            format!("--{long}={value}")
        }
        Some(long) => format!("--{long}"),
        None => value,
    }
}

fn row(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let full_stop = if help.ends_with('.') { "" } else { "." };
    let spelled = spelled(arg);
    if !arg.get_action().takes_values() {
        return format!("| `{spelled}` | | {help}{full_stop} |\n");
    }
    let quoted = |value: &str| format!("`{value}`");
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| quoted(&value.to_string_lossy())).collect();
    let values: Vec<_> = arg.get_possible_values().iter().map(|value| quoted(value.get_name())).collect();
    let one_of = if values.is_empty() { String::new() } else { format!(" One of {}.", values.join(", ")) };
    format!("| `{spelled}` | {} | {help}{full_stop}{one_of} |\n", defaults.join(" "))
}

fn table<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let rows: String = args.map(row).collect();
    if rows.is_empty() { rows } else { format!("\n| | default | |\n|---|---|---|\n{rows}") }
}

/// A section for each command that does something, below the flags that all of them have.
fn reference(command: &Command, path: &str, text: &mut String) {
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let path = format!("{path}{}", subcommand.get_name());
        if subcommand.has_subcommands() {
            reference(subcommand, &format!("{path} "), text);
            continue;
        }
        let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
        let own = subcommand.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help");
        let _ = write!(text, "### `{path}`\n\n{about}.\n{}\n", table(own));
    }
}

#[test]
fn every_command_and_flag_is_in_the_reference() {
    let command = built();
    let mut text = format!("### Flags\n{}\n", table(command.get_arguments()));
    reference(&command, "", &mut text);
    generated::hold("command-line.md", "commands", &text);
}

/// The arguments of our program on a line of a shell, if it is one that runs it.
fn arguments(line: &str) -> Option<Vec<&str>> {
    let line = line.trim().trim_start_matches("$ ");
    let rest = if let Some(cargo) = line.strip_prefix("cargo run ") {
        cargo.split_once(" -- ")?.1
    } else {
        let (program, rest) = line.split_once(' ')?;
        (program.rsplit('/').next() == Some("dbsession_exporter")).then_some(rest)?
    };
    Some(rest.split_whitespace().take_while(|word| !["#", "|", ">", "&"].contains(word)).collect())
}

#[test]
fn every_command_line_is_taken() {
    let mut parsed = 0;
    for page in pages() {
        let shells = page
            .blocks()
            .into_iter()
            .filter(|block| ["", "sh", "bash", "console"].contains(&&*block.language));
        let lines = shells.map(|block| block.text.replace("\\\n", " ")).chain(page.code_spans());
        for line in lines.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()) {
            let Some(arguments) = arguments(&line) else { continue };
            let taken = Cli::try_parse_from([&["dbsession_exporter"], arguments.as_slice()].concat());
            if let Err(error) = taken {
                let asked = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion].contains(&error.kind());
                assert!(asked, "{}: {line}\n{error}", page.path.display());
            }
            parsed += 1;
        }
    }
    assert!(parsed > 10, "only {parsed} command lines were found");
}

fn flags(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(Arg::get_long).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(flags)).collect()
}

#[test]
fn every_flag_that_is_named_is_there() {
    let known = flags(&built());
    let mut named = 0;
    for page in pages() {
        for span in page.code_spans() {
            // Flags of other programs have no dot, or are shown in blocks.
            let Some(flag) = span.strip_prefix("--") else { continue };
            let flag = flag.split(['=', ' ']).next().unwrap_or_default();
            assert!(known.contains(flag) || !flag.contains('.'), "{}: --{flag}", page.path.display());
            named += 1;
        }
    }
    assert!(named > 10, "only {named} flags were found");
}
