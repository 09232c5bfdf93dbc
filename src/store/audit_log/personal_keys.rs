//! The keys of personal fields: read to show entries, and destroyed to erase a person.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use time::OffsetDateTime;
use uuid::Uuid;

use super::head;
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

    /// Destroys the keys of a person in a transaction of its own; see [`destroy`].
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn destroy_audit_keys(&self, person: String, now: OffsetDateTime) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let destroyed = destroy(&transaction, &person, now).await?;
                transaction.commit().await?;
                Ok(destroyed)
            })
        })
        .await
    }
}

/// Destroys the keys of a person, for the transaction of an erasure. `person` is the name that
/// `PersonalSealer::name` gives: `user:<number>`, or `subject:` with a keyed hash. The personal fields of the events until now
/// can no longer be read, including those of events that are still in the inbox or in a spill file. `false` if the person had
/// no key.
///
/// # Errors
/// `Unavailable` if the database cannot be reached.
pub(crate) async fn destroy(
    transaction: &Transaction<'_>,
    person: &str,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let destroyed = destroy_live(transaction, person, now).await?;
    if !destroyed {
        let sql = "INSERT INTO audit_personal_keys (id, person, destroyed_at) VALUES ($1, $2, $3)";
        transaction.execute(sql, &[&Uuid::new_v4(), &person, &now]).await?;
    }
    Ok(destroyed)
}

/// As [`destroy`], but only if the person has a key: for the searches after an erasure, when an event that came late has made one.
///
/// # Errors
/// `Unavailable` if the database cannot be reached.
pub(crate) async fn destroy_live(
    transaction: &Transaction<'_>,
    person: &str,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    // Under the lock of the head, no batch makes a key for the person meanwhile.
    head::lock(transaction).await?;
    let sql = "UPDATE audit_personal_keys SET wrapped = NULL, destroyed_at = $2
               WHERE person = $1 AND wrapped IS NOT NULL";
    Ok(transaction.execute(sql, &[&person, &now]).await? > 0)
}
