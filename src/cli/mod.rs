//! The command line: one file per command.
//!
//! Commands are thin: they find the settings, start what they need, call the same services as the server, and print. Exit
//! codes: 0 done, 1 failed, 2 wrong usage or settings.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

mod ban;
mod config;
mod dev;
mod error;
mod key;
mod migrate;
mod serve;
mod session;
mod summary;
mod tool;
mod user;

pub use error::CliError;

/// A realtime session and WebSocket server in which revocation shuts every door.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a development server that needs nothing: its own database, certificate, secrets and users.
    Dev(dev::Dev),
    /// Starts the production server, configured by environment variables (or `.env`).
    Serve(serve::Serve),
    /// Brings the database's schema up to date.
    Migrate(migrate::Migrate),
    /// Creates, lists and changes users.
    User(user::User),
    /// Lists and revokes sessions.
    Session(session::Session),
    /// Looks at the settings.
    Config(config::Config),
    /// Bans addresses, lists bans and lifts them.
    Ban(ban::Ban),
    /// Makes, lists and revokes keys of the server API.
    Key(key::Key),
}

/// Where a tool finds the database.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DatabaseArgs {
    /// Database URL; without it, the private server under `--data-dir`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// The development server's data directory.
    #[arg(long, env = "DATA_DIR", default_value = "./data", value_name = "DIR")]
    data_dir: PathBuf,
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    // A missing file is the normal case; a broken one must not be passed over.
    match dotenvy::dotenv() {
        Err(error) if !error.not_found() => {
            eprintln!("portcullis: the file .env cannot be used");
            return ExitCode::from(2);
        }
        _ => {}
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
