//! Parses the command line and runs the chosen command. `main` calls [`run`].

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    process::ExitCode,
};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::{
    audit, backup, ban, cert, config, dev, drill, error::CliError, health, import, key, keys, manual,
    migrate, openapi, receipt, remote, restore, serve, session, user,
};
use crate::config::Variables;

/// A realtime session and WebSocket server whose revocations end tokens and open sockets at once.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, propagate_version = true)]
struct Cli {
    /// A file of settings, one NAME=value per line, instead of `.env` and `local.env`. May be given several times: a later file
    /// replaces settings of an earlier one.
    #[arg(long = "env-file", global = true, value_name = "FILE")]
    _env_files: Vec<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a development server with a database, certificate, secrets and users of its own.
    Dev(dev::Dev),
    /// Starts the production server, configured by environment variables and files.
    Serve(serve::Serve),
    /// Asks the server on this machine whether it is ready.
    Health(health::Health),
    /// Brings the schema of the database up to date.
    Migrate(migrate::Migrate),
    /// Writes a backup of the database into a file.
    Backup(backup::Backup),
    /// Restores a backup into an empty database, or finishes a restore that was made by other means.
    Restore(restore::Restore),
    /// Imports the accounts of the older authentication system.
    Import(import::Import),
    /// Creates, lists and changes users.
    User(user::User),
    /// Lists and revokes sessions.
    Session(session::Session),
    /// Drills the revocations of every running server, and shows when each door was shut.
    Drill(drill::Drill),
    /// Writes, checks, shows and describes the settings.
    Config(config::Config),
    /// Bans addresses, lists bans and lifts them.
    Ban(ban::Ban),
    /// Creates, lists and revokes keys of the server API.
    Key(key::Key),
    /// Shows, rotates and replaces the keys of tokens, cookies and data.
    Keys(keys::Keys),
    /// Makes and describes TLS certificates.
    Cert(cert::Cert),
    /// Signs in to a running server, so that commands can use it.
    Login(remote::Login),
    /// Ends the sign-in to a server.
    Logout(remote::Logout),
    /// Shows which account has signed in to which server.
    Whoami(remote::Whoami),
    /// Shows what a running server does, live in the terminal.
    Top(remote::Top),
    /// Prints the description of the interface (OpenAPI 3.1).
    Openapi(openapi::OpenApi),
    /// Verifies, proves, shows and exports the audit log.
    Audit(audit::Audit),
    /// Shows and verifies receipts of revocations.
    Receipt(receipt::Receipts),
    /// Writes the manual pages and the completions of shells.
    #[command(hide = true)]
    Manual(manual::Manual),
}

/// Runs the command that the command line names.
pub fn run() -> ExitCode {
    let matches = remote::with_servers(Cli::command()).get_matches();
    let result = match remote::dispatch(&Cli::command(), &matches) {
        Ok(true) => Ok(()),
        Ok(false) => Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).run(),
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_output() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portcullis: {error}");
            error.exit_code()
        }
    }
}

impl Cli {
    fn run(self) -> Result<(), CliError> {
        let Self { command, .. } = self;
        let env_files = env_files(std::env::args_os());
        let variables = Variables::of_process(&env_files);
        export(&variables);
        match command {
            Command::Dev(dev) => dev.run(&variables),
            Command::Serve(serve) => serve.run(&variables, env_files),
            Command::Health(health) => health.run(&variables),
            Command::Migrate(migrate) => migrate.run(&variables),
            Command::Backup(backup) => backup.run(&variables),
            Command::Restore(restore) => restore.run(&variables),
            Command::Import(import) => import.run(&variables),
            Command::User(user) => user.run(&variables),
            Command::Session(session) => session.run(&variables),
            Command::Drill(drill) => drill.run(&variables),
            Command::Config(config) => config.run(&variables),
            Command::Ban(ban) => ban.run(&variables),
            Command::Key(key) => key.run(&variables),
            Command::Keys(keys) => keys.run(&variables),
            Command::Cert(cert) => cert.run(),
            Command::Openapi(openapi) => openapi.run(),
            Command::Audit(audit) => audit.run(&variables),
            Command::Receipt(receipt) => receipt.run(&variables),
            Command::Login(login) => login.run(),
            Command::Logout(logout) => logout.run(),
            Command::Whoami(whoami) => whoami.run(),
            Command::Top(top) => top.run(),
            Command::Manual(manual) => manual.run(&remote::with_servers(Cli::command())),
        }
    }
}

/// The files after `--env-file`, in their order. clap has accepted the command line, but its result lacks the files before the
/// subcommand if there are files after the subcommand, too.
fn env_files(arguments: impl Iterator<Item = OsString>) -> Vec<PathBuf> {
    let mut arguments = arguments.skip(1).take_while(|argument| argument != "--");
    let mut files = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == "--env-file" {
            files.extend(arguments.next().map(PathBuf::from));
        } else if let Some(file) = argument.as_bytes().strip_prefix(b"--env-file=") {
            files.push(PathBuf::from(OsStr::from_bytes(file)));
        }
    }
    files
}

/// Puts variables of other programs from files into the environment, where libraries (`RUST_LOG`) and the programs of
/// PostgreSQL (`PG_BINDIR`) look for them. Settings are not put there, so that child processes do not get the secrets.
fn export(variables: &Variables) {
    for (name, value) in variables.of_other_programs() {
        // SAFETY: the process has only this thread, so no other thread reads the environment meanwhile.
        #[expect(unsafe_code, reason = "there is no other way to set a variable of this process")]
        unsafe {
            std::env::set_var(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_files_are_found_before_and_after_the_subcommand() {
        let found = |line: &str| {
            let files = env_files(line.split(' ').map(OsString::from));
            files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(found("portcullis --env-file a config --env-file=b check --env-file c"), "a b c");
        assert_eq!(found("portcullis user list -- --env-file a"), "");
    }

    #[test]
    fn the_command_line_is_consistent() {
        remote::with_servers(Cli::command()).debug_assert();
    }

    #[test]
    fn every_command_keeps_its_description_beside_the_options_of_the_server() {
        let declared = Cli::command();
        let whole = remote::with_servers(Cli::command());
        for command in declared.get_subcommands() {
            let found = whole.find_subcommand(command.get_name()).expect("a command");
            let text = |command: &clap::Command| command.get_about().map(ToString::to_string);
            assert_eq!(text(found), text(command), "{}", command.get_name());
        }
    }

    /// Every command that the help shows, as the words after each other, such as `portcullis-user-create`.
    fn shown(command: &clap::Command, name: &str) -> Vec<String> {
        let below = command.get_subcommands().filter(|command| !command.is_hide_set());
        let below = below.flat_map(|below| shown(below, &format!("{name}-{}", below.get_name())));
        std::iter::once(name.to_owned()).chain(below).collect()
    }

    #[test]
    fn every_command_has_a_manual_page_and_a_completion_in_each_shell() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().to_str().expect("a path in UTF-8");
        let Cli { command, .. } = Cli::parse_from(["portcullis", "manual", path]);
        let Command::Manual(manual) = command else { panic!("another command") };
        let command_line = remote::with_servers(Cli::command());
        manual.run(&command_line).expect("the files");

        let mut expected: Vec<_> =
            shown(&command_line, "portcullis").iter().map(|name| format!("{name}.1")).collect();
        let pages = std::fs::read_dir(directory.path().join("man")).expect("the pages");
        let mut pages: Vec<_> =
            pages.map(|page| page.expect("a page").file_name().into_string().expect("a name")).collect();
        expected.sort();
        pages.sort();
        assert_eq!(pages, expected);

        for file in ["portcullis.bash", "_portcullis", "portcullis.fish"] {
            let text = std::fs::read_to_string(directory.path().join("completions").join(file)).expect(file);
            for command in command_line.get_subcommands().filter(|command| !command.is_hide_set()) {
                assert!(text.contains(command.get_name()), "{file}: {}", command.get_name());
            }
        }
    }

    #[test]
    fn a_directory_for_the_manual_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("a path in UTF-8");
        let Cli { command, .. } = Cli::parse_from(["portcullis", "manual", path]);
        let Command::Manual(manual) = command else { panic!("another command") };
        let error = manual.run(&Cli::command()).expect_err("a file is no directory").to_string();
        assert!(error.starts_with(&format!("{path}/man: ")), "{error}");
    }
}
