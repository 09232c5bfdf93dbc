//! Gives account keys to accounts that were created without one.
//!
//! Called with the migrations, and by a job, because a server of an earlier release may still create accounts without a key. Each
//! batch holds the lock of the migrations, so several processes work one after the other. Accounts are taken in the order of
//! their ids, so the oldest account gets the key. The unique index decides between a batch and a registration.

use std::collections::{HashMap, HashSet};

use domain::account::account_key::AccountKey;
use protocol::id::UserId;
use tokio_postgres::Client;

use crate::{error::StoreError, pool::Store, schema_lock::SCHEMA_LOCK};

/// Accounts per statement.
const BATCH: i64 = 1_000;
/// How often a batch is tried while registrations take the same keys.
const MAX_ATTEMPTS: usize = 5;

/// An account that has no key, because another account has it. It cannot be found by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountWithoutKey {
    /// The account.
    pub user: UserId,
    /// Its address.
    pub email: String,
    /// The account with the key. `None` if the address is too long to have one.
    pub holder: Option<(UserId, String)>,
}

impl Store {
    /// Gives every account its key, in batches. Returns the accounts that got none.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Finished batches stay; the next call continues.
    pub async fn assign_account_keys(&self) -> Result<Vec<AccountWithoutKey>, StoreError> {
        self.run_slow(|client| Box::pin(async move { assign(client).await })).await
    }
}

/// Gives every account its key.
pub(crate) async fn assign(client: &mut Client) -> Result<Vec<AccountWithoutKey>, StoreError> {
    let (mut left, mut last) = (Vec::new(), i64::MIN);
    loop {
        let mut attempts = 0;
        let batch = loop {
            attempts += 1;
            match assign_batch(client, last).await {
                Err(StoreError::Conflict(_)) if attempts < MAX_ATTEMPTS => {}
                answer => break answer?,
            }
        };
        let Some(end) = batch.last else { break };
        last = end;
        left.extend(batch.left);
    }
    let keys = left.iter().map(|(_, _, key)| key.as_str().to_owned()).collect();
    let holders = holders(client, keys).await?;
    let without = left.into_iter().map(|(user, email, key)| {
        let holder = holders.get(key.as_str()).cloned();
        AccountWithoutKey { user, email, holder }
    });
    Ok(without.collect())
}

/// The result of a batch.
struct Assigned {
    /// The number of its last account; `None` if there was none left.
    last: Option<i64>,
    /// The accounts that got no key.
    left: Vec<(UserId, String, AccountKey)>,
}

/// Gives keys to accounts without one, beginning after this id.
async fn assign_batch(client: &mut Client, after: i64) -> Result<Assigned, StoreError> {
    let sql = "SELECT id, email FROM users WHERE account_key IS NULL AND id > $1 ORDER BY id LIMIT $2";
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&SCHEMA_LOCK]).await?;
    let rows = transaction.query(sql, &[&after, &BATCH]).await?;
    let (mut seen, mut wanted) = (HashSet::new(), Vec::with_capacity(rows.len()));
    for row in &rows {
        let (id, email): (i64, String) = (row.try_get("id")?, row.try_get("email")?);
        let key = AccountKey::of(&email);
        wanted.push((id, email, key));
    }
    let first: Vec<_> = wanted
        .iter()
        .filter(|(_, _, key)| key.as_str().len() <= AccountKey::MAX_BYTES && seen.insert(key.clone()))
        .map(|(id, _, key)| (*id, key.as_str().to_owned()))
        .collect();
    let (ids, keys): (Vec<i64>, Vec<String>) = first.into_iter().unzip();
    let sql = "UPDATE users u SET account_key = k.key FROM unnest($1::bigint[], $2::text[]) AS k (id, key)
               WHERE u.id = k.id AND u.account_key IS NULL AND k.key <> ''
                 AND NOT EXISTS (SELECT FROM users o WHERE o.account_key = k.key)
               RETURNING u.id";
    let given = transaction.query(sql, &[&ids, &keys]).await?;
    transaction.commit().await?;
    let given = given.iter().map(|row| row.try_get(0)).collect::<Result<HashSet<i64>, _>>()?;
    let last = wanted.last().map(|(id, ..)| *id);
    let left = wanted.into_iter().filter(|(id, ..)| !given.contains(id));
    Ok(Assigned { last, left: left.map(|(id, email, key)| (UserId(id), email, key)).collect() })
}

/// The accounts with these keys.
async fn holders(
    client: &Client,
    keys: Vec<String>,
) -> Result<HashMap<String, (UserId, String)>, StoreError> {
    let sql = "SELECT account_key, id, email FROM users WHERE account_key = ANY ($1)";
    let rows = client.query(sql, &[&keys]).await?;
    let pairs = rows
        .iter()
        .map(|row| Ok((row.try_get("account_key")?, (UserId(row.try_get("id")?), row.try_get("email")?))));
    pairs.collect()
}
