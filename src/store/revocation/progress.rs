//! How far each node has carried a revocation out.
//!
//! The transaction of a reported revocation writes the first row, for the node that carries it out. When a node has closed the
//! sockets, `service::revocation` notes the result. A revocation has at most one row for each node, and its rows are deleted with it.

use deadpool_postgres::Transaction;
use protocol::id::RevocationId;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{error::StoreError, pool::Store};

/// How far a node has carried a revocation out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeProgress {
    /// The node.
    pub node: Uuid,
    /// `closing`: the node has refused the sessions and waits for the sockets, or has stopped before it was done. `closed`: every
    /// socket is closed. `incomplete`: sockets did not close in time.
    pub state: String,
    /// The number of sockets that the node closed.
    pub sockets_closed: u32,
    /// The number of sockets that did not close in time.
    pub pending: u32,
    /// Milliseconds from the request until the sockets were closed; on other nodes, from the time of the revocation.
    pub after_ms: Option<u64>,
}

/// Writes the row of the node that carries the revocation out.
pub(super) async fn begin(
    transaction: &Transaction<'_>,
    id: RevocationId,
    node: Uuid,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO revocation_nodes (revocation_id, node, state) VALUES ($1, $2, 'closing')";
    let statement = transaction.prepare_cached(sql).await?;
    transaction.execute(&statement, &[&id.0, &node]).await?;
    Ok(())
}

impl Store {
    /// Notes that a node has closed the sockets of a revocation. Nothing is noted if the revocation has been deleted.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn note_progress(&self, id: RevocationId, progress: NodeProgress) -> Result<(), StoreError> {
        let sql = "INSERT INTO revocation_nodes (revocation_id, node, state, sockets_closed, pending, after_ms)
                   SELECT id, $2, $3, $4, $5, $6 FROM revocations WHERE id = $1
                   ON CONFLICT (revocation_id, node) DO UPDATE
                   SET state = excluded.state, sockets_closed = excluded.sockets_closed, pending = excluded.pending,
                       after_ms = excluded.after_ms";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let NodeProgress { node, state, sockets_closed, pending, after_ms } = &progress;
                let after = after_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
                let (closed, pending) = (stored(*sockets_closed), stored(*pending));
                client.execute(&statement, &[&id.0, node, state, &closed, &pending, &after]).await?;
                Ok(())
            })
        })
        .await
    }
}

fn stored(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(super) fn from_row(row: &Row) -> Result<NodeProgress, StoreError> {
    let count = |column| Ok::<_, StoreError>(row.try_get::<_, i32>(column)?.unsigned_abs());
    Ok(NodeProgress {
        node: row.try_get("node")?,
        state: row.try_get("state")?,
        sockets_closed: count("sockets_closed")?,
        pending: count("pending")?,
        after_ms: row.try_get::<_, Option<i64>>("after_ms")?.map(i64::unsigned_abs),
    })
}
