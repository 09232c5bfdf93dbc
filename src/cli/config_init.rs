//! `portcullis config init`: writes a file of settings with comments and new secrets. The command asks no questions.

use std::{io::Write, path::PathBuf};

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use super::error::CliError;
use crate::{
    config::{self, Environment},
    secrets,
};

/// Writes a file of settings with comments and new secrets.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The kind of installation.
    environment: Kind,
    /// The file to write, or `-` for standard output.
    #[arg(long, value_name = "FILE", default_value = ".env")]
    output: PathBuf,
    /// Replaces an existing file. The secrets in it are lost.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// For `serve` on a developer's machine; nothing must be filled in.
    Development,
    /// For a real installation; some marked lines must be filled in.
    Production,
}

impl Init {
    pub(super) fn run(self) -> Result<(), CliError> {
        let environment = match self.environment {
            Kind::Development => Environment::Development,
            Kind::Production => Environment::Production,
        };
        let fresh =
            || -> Result<SecretString, CliError> { Ok(SecretString::from(secrets::random_key()?.as_str())) };
        let text = config::template(environment, &[fresh()?, fresh()?, fresh()?]);
        if self.output.as_os_str() == "-" {
            return Ok(std::io::stdout().write_all(text.as_bytes())?);
        }
        let path = self.output.display();
        if self.force {
            secrets::replace_private(&self.output, &text)?;
        } else if !secrets::create_private(&self.output, &text)? {
            return Err(CliError::Failure(format!(
                "{path} exists already and was not changed; --force replaces it, and its secrets are lost"
            )));
        }
        println!("{path} is written; only its owner can read it");
        match config::to_fill_in(environment) {
            [] => {}
            names => println!("fill in the marked lines: {}", names.join(", ")),
        }
        println!("`portcullis config check` checks the settings");
        Ok(())
    }
}
