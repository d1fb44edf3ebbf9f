//! The manual page, in roff: what clap knows of flags and commands, and what no flag says. Knows the command line alone.

use std::io;

use clap::builder::PossibleValue;
use clap::{Arg, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Cli;

/// Sections after the options and commands: heading, then terms with what they mean.
const SECTIONS: [(&str, &[(&str, &str)]); 4] = [
    (
        "SIGNALS",
        &[
            ("SIGHUP", "Reads the configuration again. With any problem in it, the old one stays."),
            ("SIGTERM, SIGINT", "End it within 5 seconds, with status 0."),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "All went well."),
            ("1", "Something failed at run time."),
            ("2", "Bad usage, or a bad configuration."),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "Proxies of accounts that name none."),
            (
                "ALIBABA_CLOUD_*, HUAWEICLOUD_SDK_*, HW_*",
                "Credentials of accounts that name none, as the SDKs of the clouds read them.",
            ),
            ("NAME", "Replaces ${NAME} in the configuration, where it is a whole value."),
        ],
    ),
    (
        "FILES",
        &[
            ("/etc/dbsession_exporter/dbsession.yml", "The configuration of the Debian package's service."),
            ("/etc/default/dbsession_exporter", "More flags of that service."),
            (
                "/usr/share/doc/dbsession-exporter/examples/dbsession.yml",
                "An example with every key of the configuration.",
            ),
        ],
    ),
];

/// The manual page of section 1, with all commands.
///
/// # Errors
/// Those of writing, which memory does not have.
pub fn manual() -> io::Result<Vec<u8>> {
    let mut command = Cli::command().disable_help_subcommand(true).subcommand_value_name("COMMAND");
    command.build();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    commands(&command).to_writer(&mut page)?;
    sections().to_writer(&mut page)?;
    Ok(page)
}

fn commands(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for leaf in leaves(command) {
        let usage = leaf.clone().render_usage().to_string();
        roff.control("TP", []).text([bold(usage.trim_start_matches("Usage: "))]);
        roff.text([roman(leaf.get_about().map(ToString::to_string).unwrap_or_default())]);
        roff.control("RS", []);
        for argument in leaf.get_arguments().filter(|argument| is_own(argument)) {
            roff.control("TP", []).text([bold(argument.to_string())]).text([roman(help(argument))]);
        }
        roff.control("RE", []);
    }
    roff
}

/// Commands that have no commands below them.
fn leaves(command: &Command) -> Vec<&Command> {
    if !command.has_subcommands() {
        return vec![command];
    }
    command.get_subcommands().flat_map(leaves).collect()
}

/// Whether it is an argument of its command alone.
fn is_own(argument: &Arg) -> bool {
    !argument.is_global_set() && argument.get_id() != "help"
}

fn help(argument: &Arg) -> String {
    let mut parts = vec![argument.get_help().map(ToString::to_string).unwrap_or_default()];
    let choices = argument.get_possible_values();
    if !choices.is_empty() {
        let names: Vec<_> = choices.iter().map(PossibleValue::get_name).collect();
        parts.push(format!("[{}]", names.join(", ")));
    }
    let defaults = argument.get_default_values().iter();
    parts.extend(defaults.map(|value| format!("[default: {}]", value.display())));
    parts.join(" ")
}

fn sections() -> Roff {
    let mut roff = Roff::new();
    for (heading, terms) in SECTIONS {
        roff.control("SH", [heading]);
        for (term, meaning) in terms {
            roff.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
        }
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_every_flag_and_every_command() {
        let page = String::from_utf8(manual().unwrap()).unwrap().replace('\\', "");
        let mut command = Cli::command();
        command.build();
        let flags = command.get_arguments().filter_map(Arg::get_long).map(|flag| format!("--{flag}"));
        let commands = command.get_subcommands().map(Command::get_name).filter(|name| *name != "help");
        let commands = commands.map(|name| format!("dbsession_exporter {name} "));
        let missing: Vec<_> = flags.chain(commands).filter(|part| !page.contains(part.as_str())).collect();
        assert_eq!(missing, Vec::<String>::new());
    }
}
