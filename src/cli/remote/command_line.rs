//! The options and the help of the commands against a server, which the table of nouns describes.
//!
//! Commands against the database are declared in the files of their nouns. This file adds what they lack: options, verbs and
//! nouns. Where something exists on one side only, the help says so.

use clap::{
    Arg, ArgAction, ArgMatches, Args as _, Command, builder::PossibleValuesParser, parser::ValueSource,
};

use super::{
    noun::{Form, Kind, Noun, Parameter, Shown, Verb},
    nouns::NOUNS,
    server_args::ServerArgs,
};
use crate::cli::error::CliError;

/// The seconds between two looks of `--watch`, if none are given.
pub(super) const WATCH_EVERY: &str = "2";
/// The entries of a list, if neither `--limit` nor `--all` is given.
const LIMIT: &str = "100";
const ON_SERVER: &str = "Only on a server.";
const ON_DATABASE: &str = "Only on the database.";
/// Options that the database side accepts without a meaning there.
const HARMLESS: [&str; 1] = ["yes"];
/// Options of [`ServerArgs`] that do not choose the server.
const CONNECTION: [&str; 4] = ["ca_file", "client_cert", "insecure_http", "step_up_stdin"];

/// The command line with the commands against a server.
pub(crate) fn with_servers(command_line: Command) -> Command {
    NOUNS.iter().fold(command_line, |command_line, noun| {
        if command_line.find_subcommand(noun.name).is_some() {
            command_line.mut_subcommand(noun.name, |declared| shared(declared, noun))
        } else {
            command_line.subcommand(server_only(noun))
        }
    })
}

/// A noun that also has commands against the database.
fn shared(declared: Command, noun: &'static Noun) -> Command {
    let names: Vec<String> = declared.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    if let Some(verb) = noun.verb("") {
        return with_server_args(extended(declared, verb));
    }
    let command = with_server_args(declared);
    let command = names.iter().fold(command, |command, name| {
        command.mut_subcommand(name, |verb| match noun.verb(name) {
            Some(known) => extended(verb, known),
            None => {
                let about = format!("{} ({ON_DATABASE})", verb.get_about().cloned().unwrap_or_default());
                verb.about(about)
            }
        })
    });
    let missing = noun.verbs.iter().filter(|verb| !names.iter().any(|name| name == verb.name));
    missing.fold(command, |command, verb| {
        let about = format!("{} ({ON_SERVER})", verb.about);
        command.subcommand(with_parameters(Command::new(verb.name), verb, |_| true, "").about(about))
    })
}

/// The command with the options that choose the server. They bring a description of their own, which is not that of the command.
fn with_server_args(command: Command) -> Command {
    let (about, long_about) = (command.get_about().cloned(), command.get_long_about().cloned());
    let command = ServerArgs::augment_args(command).about(None::<&str>).long_about(None::<&str>);
    let command = match about {
        Some(about) => command.about(about),
        None => command,
    };
    match long_about {
        Some(long_about) => command.long_about(long_about),
        None => command,
    }
}

/// A command that exists on both sides, with the options of both.
fn extended(declared: Command, verb: &'static Verb) -> Command {
    let ids: Vec<String> = declared.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    let known = |id: &str| verb.parameter(id).is_some() || is_common(verb, id);
    let command = declared.mut_args(|arg| {
        if known(arg.get_id().as_str()) {
            return arg;
        }
        let help = arg.get_help().cloned().unwrap_or_default().to_string();
        match arg.get_long_help().map(|help| remarked(&help.to_string(), ON_DATABASE)) {
            Some(long_help) => arg.help(remarked(&help, ON_DATABASE)).long_help(long_help),
            None => arg.help(remarked(&help, ON_DATABASE)),
        }
    });
    with_parameters(command, verb, |id| !ids.iter().any(|known| known == id), ON_SERVER)
}

/// A noun that only servers have.
fn server_only(noun: &'static Noun) -> Command {
    let command = ServerArgs::augment_args(Command::new(noun.name)).about(noun.about);
    let command = command.after_help(
        "This command needs a running server, as the profile, --url or their variables name it. The database alone is not enough.",
    );
    if let Some(verb) = noun.verb("") {
        return with_parameters(command, verb, |_| true, "");
    }
    let command = command.subcommand_required(true).arg_required_else_help(true);
    noun.verbs.iter().fold(command, |command, verb| {
        command.subcommand(with_parameters(Command::new(verb.name), verb, |_| true, "").about(verb.about))
    })
}

/// Adds the parameters of the verb, and the options that all verbs of its kind have, if `wanted`.
fn with_parameters(
    command: Command,
    verb: &'static Verb,
    wanted: impl Fn(&str) -> bool,
    remark: &str,
) -> Command {
    let parameters = verb.parameters.iter().map(|parameter| argument(parameter, remark));
    let all = parameters.chain(common(verb).into_iter().map(|arg| {
        let help = arg.get_help().cloned().unwrap_or_default().to_string();
        if arg.get_id() == "yes" { arg } else { arg.help(remarked(&help, remark)) }
    }));
    all.filter(|arg| wanted(arg.get_id().as_str())).fold(command, Command::arg)
}

fn remarked(help: &str, remark: &str) -> String {
    // Descriptions in the code have no full stop at their end any more.
    let stop = if help.is_empty() || help.ends_with('.') { "" } else { "." };
    if remark.is_empty() { help.to_owned() } else { format!("{help}{stop} {remark}").trim_start().to_owned() }
}

fn argument(parameter: &Parameter, remark: &str) -> Arg {
    // clap wants names that last, and this function runs once for each argument of the table.
    let long: &str = parameter.id.replace('_', "-").leak();
    let name: &str = parameter.id.to_uppercase().leak();
    let arg = Arg::new(parameter.id).help(remarked(parameter.help, remark));
    let arg = match parameter.form {
        Form::Argument => arg.required(true).value_name(name),
        Form::OptionalArgument => arg.value_name(name),
        Form::Option => arg.long(long).value_name(name),
        Form::RequiredOption => arg.long(long).value_name(name).required(true),
        Form::Flag => return arg.long(long).action(ArgAction::SetTrue),
    };
    match parameter.value {
        Kind::Word(words) => arg.value_parser(PossibleValuesParser::new(words)).allow_hyphen_values(true),
        Kind::Number => arg.value_parser(clap::value_parser!(i64)).allow_negative_numbers(true),
        Kind::MinutesFromNow | Kind::DaysFromNow => arg.value_parser(clap::value_parser!(u32).range(1..)),
        Kind::Texts | Kind::Users | Kind::Joined => arg.value_delimiter(',').action(ArgAction::Append),
        _ => arg,
    }
}

/// The options that every verb of this kind has.
fn common(verb: &Verb) -> Vec<Arg> {
    let flag =
        |id: &'static str, help: &'static str| Arg::new(id).long(id).help(help).action(ArgAction::SetTrue);
    let mut args = Vec::new();
    if !matches!(verb.shown, Shown::Document | Shown::Verified) {
        args.push(flag("json", "Prints the answer as JSON."));
    }
    if verb.asks.is_some() {
        args.push(flag("yes", "Does not ask whether to go on.").short('y'));
    }
    if verb.is_paged() {
        let number = clap::value_parser!(u32).range(1..);
        let limit = Arg::new("limit").long("limit").value_name("NUMBER").default_value(LIMIT);
        args.push(limit.value_parser(number).help("The most entries to list."));
        args.push(flag("all", "Lists every entry.").conflicts_with("limit"));
        let cursor = Arg::new("cursor").long("cursor").value_name("CURSOR");
        args.push(cursor.help("Begins where an earlier list ended: its `next_cursor`."));
    }
    if verb.can_be_watched() {
        let watch = Arg::new("watch").long("watch").value_name("SECONDS").num_args(0..=1);
        let watch =
            watch.default_missing_value(WATCH_EVERY).value_parser(clap::value_parser!(u32).range(1..=86_400));
        args.push(watch.help("Looks again every so many seconds (2 without a number), until it is ended. Without a terminal, only changes are printed."));
    }
    args
}

fn is_common(verb: &Verb, id: &str) -> bool {
    common(verb).iter().any(|arg| arg.get_id() == id)
}

/// Refuses options that only servers have. `declared` is the command on the database.
///
/// # Errors
/// `Usage`, with the name of the option.
pub(super) fn check_database_side(
    declared: &Command,
    verb: Option<&Verb>,
    matches: &ArgMatches,
) -> Result<(), CliError> {
    let common: Vec<Arg> = verb.map(common).unwrap_or_default();
    let of_verb = verb.into_iter().flat_map(|verb| verb.parameters).map(|parameter| parameter.id);
    let of_verb = of_verb.chain(common.iter().map(|arg| arg.get_id().as_str()));
    let known = |id: &str| HARMLESS.contains(&id) || declared.get_arguments().any(|arg| arg.get_id() == id);
    let foreign = of_verb.filter(|id| !known(id)).chain(CONNECTION);
    match typed(matches, foreign) {
        Some(id) => Err(CliError::Usage(format!(
            "{} works only on a server: give --url or --profile, too",
            shown(&id)
        ))),
        None => Ok(()),
    }
}

/// Refuses options that only the command on the database has.
///
/// # Errors
/// `Usage`, with the name of the option.
pub(super) fn check_server_side(
    verb: &Verb,
    declared: Option<&Command>,
    matches: &ArgMatches,
) -> Result<(), CliError> {
    let of_database = declared.into_iter().flat_map(Command::get_arguments).map(|arg| arg.get_id().as_str());
    let foreign = of_database.filter(|id| verb.parameter(id).is_none() && !is_common(verb, id));
    match typed(matches, foreign) {
        Some(id) => {
            Err(CliError::Usage(format!("{} works only on the database, not on a server", shown(&id))))
        }
        None => Ok(()),
    }
}

/// What is said about a command that the database does not have.
pub(super) fn needs_server(noun: &str, verb: &str) -> CliError {
    CliError::Usage(format!(
        "`portcullis {noun} {verb}` works only on a server: sign in with `portcullis login`, and give --url or --profile"
    ))
}

/// What is said about a command that a server does not have.
pub(super) fn needs_database(noun: &str, verb: &str) -> CliError {
    CliError::Usage(format!("`portcullis {noun} {verb}` works only on the database, not on a server"))
}

/// The first of these arguments that the command line has.
fn typed<'a>(matches: &ArgMatches, mut ids: impl Iterator<Item = &'a str>) -> Option<String> {
    let given = |id: &&str| {
        matches.try_contains_id(id).unwrap_or(false)
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    ids.find(given).map(str::to_owned)
}

fn shown(id: &str) -> String {
    match id {
        "scopes" => "--scope".to_owned(),
        id => format!("--{}", id.replace('_', "-")),
    }
}
