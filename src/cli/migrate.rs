//! `portcullis migrate`: brings the schema of the database up to date as the owner of the tables, and gives the role of the server its
//! rights. If two processes do this at the same time, one waits for the other.

use clap::Args;
use store::{MigrateOrder, Migrated, Store};

use super::{
    error::CliError,
    tool::{self, DatabaseArgs},
};
use crate::config::Variables;

/// Brings the schema of the database up to date, as the owner of the tables, and gives the role of the server its rights.
///
/// The owner is the user of `--database-url`, `DATABASE_OWNER_URL` or, without it, `DATABASE_URL`.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The role of the server, which must exist [default: the user of `DATABASE_URL`, if that is another one].
    #[arg(long, value_name = "ROLE")]
    server_role: Option<String>,
}

impl Migrate {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let args = self.database.clone();
        tool::as_owner(&args, variables, async |store, database| {
            let order = tool::migrate_order(self.server_role, &args, variables, &database)?;
            check_role(&store, &order).await?;
            let migrated = store.migrate_with(order).await?;
            if migrated.applied.is_empty() {
                println!("The schema is up to date.");
            }
            print(&migrated)?;
            if migrated.roles.is_empty() {
                println!(
                    "No role of a server is known, so no rights were given: DATABASE_URL or --server-role names it."
                );
            }
            Ok(())
        })
    }
}

/// Refuses a role of the server that does not exist, before anything is changed.
pub(super) async fn check_role(store: &Store, order: &MigrateOrder) -> Result<(), CliError> {
    let Some(role) = order.server_role.as_ref().filter(|_| !order.create_role) else { return Ok(()) };
    if store.has_role(role.clone()).await? {
        return Ok(());
    }
    Err(CliError::Failure(format!(
        "the database has no role {role}. A role that may create roles makes it:\n  CREATE ROLE {} LOGIN PASSWORD '…';",
        quoted(role)
    )))
}

/// Prints what was done.
///
/// # Errors
/// The role of a server can change the audit log, or lacks rights.
pub(super) fn print(migrated: &Migrated) -> Result<(), CliError> {
    for migration in &migrated.applied {
        println!("applied {migration}");
    }
    for account in &migrated.without_key {
        let name = format!("account {} ({})", account.user, account.email);
        match &account.holder {
            Some((holder, email)) => eprintln!(
                "portcullis: warning: {name} cannot sign in by its address: the address has the same key as the \
                 address of account {holder} ({email}); `portcullis user set-email` changes it"
            ),
            None => {
                eprintln!(
                    "portcullis: warning: {name} cannot sign in by its address: the address is too long"
                );
            }
        }
    }
    for role in &migrated.granted {
        println!("the role {role} has the rights of a server");
    }
    let unfit: Vec<_> = migrated
        .roles
        .iter()
        .filter_map(|standing| {
            let list = [&standing.excess[..], &standing.missing[..]].concat().join("; ");
            let role = &standing.role;
            match (standing.excess.is_empty(), standing.missing.is_empty()) {
                (false, _) => Some(format!("the role {role} can change the audit log: {list}")),
                (true, false) => Some(format!("the role {role} lacks rights: {list}")),
                (true, true) => None,
            }
        })
        .collect();
    if unfit.is_empty() { Ok(()) } else { Err(CliError::Failure(unfit.join("\n"))) }
}

/// A name as it stands in a statement.
fn quoted(role: &str) -> String {
    let plain = role.starts_with(|first: char| first.is_ascii_lowercase())
        && role.chars().all(|character| matches!(character, 'a'..='z' | '0'..='9' | '_'));
    if plain { role.to_owned() } else { format!("\"{}\"", role.replace('"', "\"\"")) }
}
