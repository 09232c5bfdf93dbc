//! `portcullis config`: looks at the settings without starting anything.

use clap::{Args, Subcommand};

use super::CliError;
use crate::config::Settings;

/// Looks at the settings.
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads all settings as `serve` does, with the file of channels, and says everything that is wrong.
    Check,
}

impl Config {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.command {
            Command::Check => check(),
        }
    }
}

fn check() -> Result<(), CliError> {
    let settings = Settings::from_env()?;
    let mut names: Vec<_> = settings.realtime.namespaces.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let names: Vec<_> = names.iter().map(|name| if name.is_empty() { "(without)" } else { name }).collect();
    println!("the settings can be used; namespaces of channels: {}", names.join(", "));
    Ok(())
}
