//! `portcullis config`: writes, checks, shows and describes the settings without starting anything.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use logic::namespace::Namespaces;
use store::Store;

use super::{
    config_init::Init,
    config_show::Show,
    error::{CliError, cause},
};
use crate::{
    app,
    config::{self, Draft, Environment, Settings, Variables, database_from},
};

/// Writes, checks, shows and describes the settings.
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes a file of settings with comments and new secrets.
    Init(Init),
    /// Reads all settings as `serve` does, with the files that they name, and reports everything that is wrong. The exit status
    /// is 78 if the settings cannot be used.
    Check {
        /// Checks only this file of channels.
        #[arg(long, value_name = "FILE", conflicts_with = "database")]
        channels: Option<PathBuf>,
        /// Also checks that the database can be reached, and in production that it has no demonstration users. The database is
        /// not changed.
        #[arg(long)]
        database: bool,
    },
    /// Prints every setting with its effective value and the source of this value. Secrets are not shown.
    Show(Show),
    /// Prints the description of all settings in Markdown (the file `docs/settings.md`).
    Reference,
}

impl Config {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        match self.command {
            Command::Init(init) => init.run(),
            Command::Check { channels: Some(file), .. } => check_channels(&file),
            Command::Check { channels: None, database } => check(variables, database),
            Command::Show(show) => show.run(variables),
            Command::Reference => {
                print!("{}", config::reference());
                Ok(())
            }
        }
    }
}

fn check(variables: &Variables, with_database: bool) -> Result<(), CliError> {
    let mut draft = app::open_files(Settings::read(variables));
    if with_database {
        check_database(variables, &mut draft);
    }
    for warning in &draft.settings.warnings {
        eprintln!("warning: {warning}");
    }
    let settings = draft.finish()?;
    println!("the settings can be used; namespaces of channels: {}", names(&settings.realtime.namespaces));
    Ok(())
}

/// Adds the problems of the database that the settings name. If the settings of the database are wrong, the draft has these
/// problems already.
fn check_database(variables: &Variables, draft: &mut Draft) {
    let Ok(Some(database)) = database_from(variables) else { return };
    let production = draft.settings.environment == Environment::Production;
    let checked = actix_web::rt::System::new().block_on(async {
        let store = Store::connect(&database)?;
        let current = store.schema_is_current().await?;
        let users = if production { app::demonstration_users(&store).await? } else { None };
        Ok((current, users, app::powerful_role(&store).await?))
    });
    match checked {
        Ok((current, users, role)) => {
            if !current {
                let warning = "the schema of the database is not up to date: `portcullis migrate` updates it";
                draft.settings.warnings.push(warning.to_owned());
            }
            match role {
                Some(role) if production && !draft.settings.single_role => {
                    draft.problem(format!("DATABASE_URL: {role}"));
                }
                Some(role) => {
                    let (name, reasons) = (role.0.role, role.0.excess.join("; "));
                    let warning =
                        format!("DATABASE_URL: the database role {name} can change the audit log: {reasons}");
                    draft.settings.warnings.push(warning);
                }
                None => {}
            }
            if let Some(users) = users {
                draft.problem(users.to_string());
            }
        }
        Err(error) => draft.problem(format!("the database {database} cannot be used: {}", cause(&error))),
    }
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
