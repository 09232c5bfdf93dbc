//! Gives account keys to accounts that have none.
//!
//! Called after the migrations, because older accounts have no key yet. A job calls this file, too, because a server of an
//! earlier release may still create accounts without a key. Each batch holds the lock of the migrations, so several processes
//! work one after the other. The accounts are processed in the order of their ids. If several of them would have the same key,
//! the oldest one gets it, unless another account has this key already. If a registration takes a key at the same time as a
//! batch, the unique index decides.

use std::collections::{HashMap, HashSet};

use domain::account::account_key::AccountKey;
use protocol::id::UserId;
use tokio_postgres::Client;

use crate::{error::StoreError, pool::Store, schema_lock::SCHEMA_LOCK};

/// The number of accounts in a batch.
const BATCH: i64 = 1_000;
/// The largest number of attempts at one batch. Another attempt is made if a registration took one of the keys meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// An account without a key: another account has the key of its address, or this key would be too long or empty. Such an
/// account cannot be found by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountWithoutKey {
    /// The account.
    pub user: UserId,
    /// Its address.
    pub email: String,
    /// The account that has the key, and the address of that account. `None` if no account has the key.
    pub holder: Option<(UserId, String)>,
}

impl Store {
    /// Gives a key to every account that has none, in batches of one transaction each. Returns the accounts that got no key.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Finished batches are kept, and the next call processes only the
    /// accounts that still have no key.
    pub async fn assign_account_keys(&self) -> Result<Vec<AccountWithoutKey>, StoreError> {
        self.run_slow(|client| Box::pin(async move { assign(client).await })).await
    }
}

/// Does the work of [`Store::assign_account_keys`] on the caller's connection.
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
    /// The id of the last account in the batch; `None` if no account was left.
    last: Option<i64>,
    /// The accounts that got no key.
    left: Vec<(UserId, String, AccountKey)>,
}

/// Gives keys to a batch of accounts that have no key, beginning after the id `after`.
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
