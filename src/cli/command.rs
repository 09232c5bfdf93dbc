//! Parses the command line and runs the chosen command. `main` calls it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{ban, config, dev, env_file, key, migrate, serve, session, user};

/// A realtime session and WebSocket server whose revocations end tokens and open sockets at once.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a development server with a database, certificate, secrets and users of its own.
    Dev(dev::Dev),
    /// Starts the production server, configured by environment variables (or `.env`).
    Serve(serve::Serve),
    /// Brings the schema of the database up to date.
    Migrate(migrate::Migrate),
    /// Creates, lists and changes users.
    User(user::User),
    /// Lists and revokes sessions.
    Session(session::Session),
    /// Checks and describes the settings.
    Config(config::Config),
    /// Bans addresses, lists bans and lifts them.
    Ban(ban::Ban),
    /// Creates, lists and revokes keys of the server API.
    Key(key::Key),
}

/// Runs the command of the command line.
pub fn run() -> ExitCode {
    // Usually there is no file `.env`. A file that exists but cannot be read must not be ignored.
    if let Err(problem) = env_file::load() {
        eprintln!("portcullis: {problem}");
        return ExitCode::from(2);
    }
    let result = match Cli::parse().command {
        Command::Dev(dev) => dev.run(),
        Command::Serve(serve) => serve.run(),
        Command::Migrate(migrate) => migrate.run(),
        Command::User(user) => user.run(),
        Command::Session(session) => session.run(),
        Command::Config(config) => config.run(),
        Command::Ban(ban) => ban.run(),
        Command::Key(key) => key.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portcullis: {error}");
            error.exit_code()
        }
    }
}
