//! `portcullis config`: checks and describes the settings without starting anything.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use logic::namespace::Namespaces;

use super::error::CliError;
use crate::{
    app,
    config::{self, Settings, Variables},
};

/// Checks and describes the settings.
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads all settings as `serve` does, with the files that they name, and reports everything that is wrong.
    Check {
        /// Checks only this file of channels.
        #[arg(long, value_name = "FILE")]
        channels: Option<PathBuf>,
    },
    /// Prints the reference of all settings in Markdown, which is `docs/settings.md`.
    Reference,
}

impl Config {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.command {
            Command::Check { channels: Some(file) } => check_channels(&file),
            Command::Check { channels: None } => check(),
            Command::Reference => {
                print!("{}", config::reference());
                Ok(())
            }
        }
    }
}

fn check() -> Result<(), CliError> {
    let settings = app::open_files(Settings::read(&Variables::of_process()))?;
    for warning in &settings.warnings {
        eprintln!("warning: {warning}");
    }
    println!("the settings can be used; namespaces of channels: {}", names(&settings.realtime.namespaces));
    Ok(())
}

fn check_channels(file: &Path) -> Result<(), CliError> {
    let namespaces = config::check_channels(file)?;
    println!("the file can be used; namespaces of channels: {}", names(&namespaces));
    Ok(())
}

fn names(namespaces: &Namespaces) -> String {
    let mut names: Vec<_> = namespaces.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let names: Vec<_> = names.iter().map(|name| if name.is_empty() { "(without)" } else { name }).collect();
    names.join(", ")
}
