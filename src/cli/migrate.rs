//! `portcullis migrate`: brings the schema of the database up to date. Two processes may run it at the same time: one
//! waits for the other.

use clap::Args;

use super::{
    error::CliError,
    tool::{self, DatabaseArgs},
};

/// Brings the schema of the database up to date.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    database: DatabaseArgs,
}

impl Migrate {
    pub(super) fn run(self) -> Result<(), CliError> {
        tool::with_store(&self.database, async |store| {
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
                        "portcullis: warning: {name} cannot sign in by its address: to this server it is the address of \
                         account {holder} ({email}); `portcullis user set-email` gives it another one"
                    ),
                    None => {
                        eprintln!(
                            "portcullis: warning: {name} cannot sign in by its address: it is too long"
                        );
                    }
                }
            }
            Ok(())
        })
    }
}
