//! The keys of personal fields: read to show entries, and destroyed to erase a person.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use protocol::id::UserId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::StoreError, pool::Store};

impl Store {
    /// The wrapped keys with these ids. Destroyed keys are missing.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_personal_keys(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql =
                    "SELECT id, wrapped FROM audit_personal_keys WHERE id = ANY ($1) AND wrapped IS NOT NULL";
                let statement = client.prepare_cached(sql).await?;
                let rows = client.query(&statement, &[&ids]).await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
            })
        })
        .await
    }

    /// Destroys the keys of an account in a transaction of its own; see [`destroy`].
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; `Internal` if the account is not being erased.
    pub async fn destroy_audit_keys(&self, user: UserId, now: OffsetDateTime) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let destroyed = destroy(&transaction, user, now).await?;
                transaction.commit().await?;
                Ok(destroyed)
            })
        })
        .await
    }
}

/// Destroys the keys of an account, for the transaction of its erasure. The personal fields of the events until now can no
/// longer be read. This includes events that are still in the inbox or in a spill file. `false` if the account had no key.
///
/// # Errors
/// `Unavailable` if the database cannot be reached; `Internal` if the account is not being erased.
pub(crate) async fn destroy(
    transaction: &Transaction<'_>,
    user: UserId,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let destroyed = destroy_live(transaction, user, now).await?;
    if !destroyed {
        // The name that `PersonalSealer::name` gives.
        let sql = "INSERT INTO audit_personal_keys (id, person, destroyed_at) VALUES ($1, 'user:' || $2::bigint, $3)";
        transaction.execute(sql, &[&Uuid::new_v4(), &user.0, &now]).await?;
    }
    Ok(destroyed)
}

/// As [`destroy`], but only if the account has a key: for the searches after an erasure, when a late event has made a key.
/// Locks the head of the log, so that no batch makes a key for the person meanwhile.
///
/// # Errors
/// As [`destroy`].
pub(crate) async fn destroy_live(
    transaction: &Transaction<'_>,
    user: UserId,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let row = transaction.query_one("SELECT audit_log_destroy_key($1, $2)", &[&user.0, &now]).await?;
    Ok(row.try_get(0)?)
}
