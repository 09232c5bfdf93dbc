//! Gives account keys to accounts that servers of an earlier release create without a key.
//!
//! This is a job. Accounts that existed before there were account keys have got their keys from `Store::migrate`.

use std::{collections::HashSet, time::Duration};

use parking_lot::Mutex;
use protocol::id::UserId;
use store::Store;

use crate::core::failure::Failure;

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(60);

/// Gives accounts their keys. Warns once about each account that can have no key: another account has the key, or the key would
/// be too long or empty.
pub(crate) struct AccountKeys {
    store: Store,
    /// The accounts without a key at the last run.
    without: Mutex<HashSet<UserId>>,
}

impl AccountKeys {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, without: Mutex::default() }
    }

    /// One pass.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; the next pass continues.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let left = self.store.assign_account_keys().await?;
        let known = std::mem::replace(&mut *self.without.lock(), left.iter().map(|left| left.user).collect());
        for account in left.into_iter().filter(|left| !known.contains(&left.user)) {
            let holder = account.holder.map(|(holder, _)| holder.0);
            tracing::warn!(
                user = account.user.0,
                ?holder,
                "this account cannot sign in by its address: its account key belongs to another account, or would be too long or empty (`portcullis migrate` lists such accounts)"
            );
        }
        Ok(())
    }
}
