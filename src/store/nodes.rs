//! The leases of nodes: which servers are running, and what they have read.
//!
//! Called by the revocation feed, on its own connection, and at the end of a server. All times are those of the database, so
//! that the clocks of nodes do not matter. The lease is renewed at the beginning of a look at the revocations, before the look reads
//! anything. A node stops to accept requests and frames a second after the beginning of its last look, and so before its lease lapses.

use tokio_postgres::{Client, error::SqlState};
use uuid::Uuid;

use crate::{error::StoreError, pool::Store};

/// How long a lease lasts, in seconds.
const LEASE_SECONDS: f64 = 3.0;
/// A node with a lease that lapsed this long ago is forgotten when another node starts.
const FORGOTTEN_AFTER: &str = "1 day";

/// Makes a node known, before it begins to follow revocations. From now on, receipts wait until it has begun, or has lapsed. A second
/// call, after a look that could not begin, makes the lease last longer.
pub(crate) async fn register(client: &Client, node: Uuid) -> Result<(), StoreError> {
    let forget =
        format!("DELETE FROM nodes WHERE lease_until < clock_timestamp() - interval '{FORGOTTEN_AFTER}'");
    written(client.execute(&forget, &[]).await)?;
    let sql = "INSERT INTO nodes (id, lease_until) VALUES ($1, clock_timestamp() + make_interval(secs => $2))
               ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until";
    written(client.execute(sql, &[&node, &LEASE_SECONDS]).await)
}

/// Renews the lease of a node that has read and carried out everything in the snapshot `looked`. The node has followed
/// revocations since the snapshot `began`; `began_after` is the last id of a revocation that was written in another cluster.
pub(crate) async fn renew(
    client: &Client,
    node: Uuid,
    (began, began_after): (&str, i64),
    looked: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO nodes AS n (id, lease_until, began, began_after, looked)
               VALUES ($1, clock_timestamp() + make_interval(secs => $2), $3::text::pg_snapshot, $4, $5::text::pg_snapshot)
               ON CONFLICT (id) DO UPDATE
               SET renewed_at = clock_timestamp(), lease_until = excluded.lease_until,
                   began = coalesce(n.began, excluded.began),
                   began_after = CASE WHEN n.began IS NULL THEN excluded.began_after ELSE n.began_after END,
                   looked = excluded.looked";
    written(client.execute(sql, &[&node, &LEASE_SECONDS, &began, &began_after, &looked]).await)
}

/// A database that is read-only for a while cannot store a lease. No revocation can be committed there either.
fn written(result: Result<u64, tokio_postgres::Error>) -> Result<(), StoreError> {
    match result {
        Err(error) if error.code() != Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Err(error.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

impl Store {
    /// Ends the lease of this node after it has closed its sockets and stopped looking at the revocations. A second later the
    /// node answers no request from memory any more.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn end_lease(&self, node: Uuid) -> Result<(), StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql =
                    "UPDATE nodes SET lease_until = least(lease_until, clock_timestamp() + interval '1 second')
                           WHERE id = $1";
                client.execute(sql, &[&node]).await?;
                Ok(())
            })
        })
        .await
    }
}
