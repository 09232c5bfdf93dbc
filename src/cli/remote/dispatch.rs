//! Decides whether a command does its work on a server or on the database.

use clap::{ArgMatches, Command};

use super::{
    command_line::{check_database_side, needs_database, needs_server},
    nouns::noun,
    run::run,
    server_args::{Place, place},
};
use crate::cli::error::CliError;

/// Runs the command on a server, if its arguments say so. Returns `false` if the command is for the database, or none of the
/// table. `declared` is the command line of the commands on the database.
pub(in crate::cli) fn dispatch(declared: &Command, matches: &ArgMatches) -> Result<bool, CliError> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(false) };
    let Some(noun) = noun(name) else { return Ok(false) };
    let (verb, matches) = match matches.subcommand() {
        _ if noun.is_command() => ("", matches),
        Some(found) => found,
        None => return Ok(false),
    };
    let declared = declared.find_subcommand(name);
    let declared = if noun.is_command() {
        declared
    } else {
        declared.and_then(|declared| declared.find_subcommand(verb))
    };
    let known = noun.verb(verb);
    match (place(matches, known.is_some(), declared.is_some())?, declared, known) {
        (Place::Server, declared, Some(known)) => run(known, declared, matches).map(|()| true),
        (Place::Server, _, None) => Err(needs_database(name, verb)),
        (Place::Database, Some(declared), _) => check_database_side(declared, known, matches).map(|()| false),
        (Place::Database, None, _) => Err(needs_server(name, verb)),
    }
}
