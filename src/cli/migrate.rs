//! `portcullis migrate`: brings the schema of the database up to date. If two processes do this at the same time, one waits for
//! the other.

use clap::Args;

use super::{
    error::CliError,
    tool::{self, DatabaseArgs},
};
use crate::config::Variables;

/// Brings the schema of the database up to date.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    database: DatabaseArgs,
}

impl Migrate {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        tool::with_store(&self.database, variables, async |store| {
            let migrated = store.migrate().await?;
            if migrated.applied.is_empty() {
                println!("The schema is up to date.");
            }
            for migration in migrated.applied {
                println!("applied {migration}");
            }
            for account in migrated.without_key {
                let name = format!("account {} ({})", account.user, account.email);
                match account.holder {
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
            Ok(())
        })
    }
}
