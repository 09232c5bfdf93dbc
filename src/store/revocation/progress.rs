//! How far each node has carried a revocation out.
//!
//! The transaction of an operator's revocation writes the first row, for the node that carries it out. When a node has closed
//! the sockets of a revocation, `service::revocation` notes the result, in batches. A revocation has at most one row for each
//! node, and its rows are deleted with it.

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
    /// `closing`: the node has refused the sessions and waits for the sockets, or it has stopped before the end. `closed`:
    /// every socket is closed. `incomplete`: sockets did not close in time.
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
    /// Notes the progress of nodes with revocations, at most one note for each revocation and node. A revocation that has been
    /// deleted gets no note. A note that everything is closed is never replaced.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Then nothing is noted, or everything; the notes may be written again.
    pub async fn note_progress(&self, notes: Vec<(RevocationId, NodeProgress)>) -> Result<(), StoreError> {
        // Rows are written in one order, so that two nodes never wait for each other.
        let sql = "INSERT INTO revocation_nodes (revocation_id, node, state, sockets_closed, pending, after_ms)
                   SELECT r.id, t.node, t.state, t.closed, t.pending, t.after_ms
                   FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::integer[], $5::integer[], $6::bigint[])
                            AS t (id, node, state, closed, pending, after_ms)
                        JOIN revocations r ON r.id = t.id
                   ORDER BY r.id, t.node
                   ON CONFLICT (revocation_id, node) DO UPDATE
                   SET state = excluded.state, sockets_closed = excluded.sockets_closed, pending = excluded.pending,
                       after_ms = excluded.after_ms
                   WHERE revocation_nodes.state <> 'closed'";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let after = |progress: &NodeProgress| {
                    progress.after_ms.map(|after_ms| i64::try_from(after_ms).unwrap_or(i64::MAX))
                };
                let ids: Vec<_> = notes.iter().map(|(id, _)| id.0).collect();
                let nodes: Vec<_> = notes.iter().map(|(_, progress)| progress.node).collect();
                let states: Vec<_> = notes.iter().map(|(_, progress)| &progress.state[..]).collect();
                let closed: Vec<_> =
                    notes.iter().map(|(_, progress)| stored(progress.sockets_closed)).collect();
                let pending: Vec<_> = notes.iter().map(|(_, progress)| stored(progress.pending)).collect();
                let after: Vec<_> = notes.iter().map(|(_, progress)| after(progress)).collect();
                client.execute(&statement, &[&ids, &nodes, &states, &closed, &pending, &after]).await?;
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
