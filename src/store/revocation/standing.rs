//! The progress of each node with revocations: the rows that receipts are made from.
//!
//! Called by `completion`, and by `receipts` for a revocation that has no receipt yet. The rule is in `domain::receipt::standing`.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use domain::receipt::{
    document::{Receipt, ReceiptTarget, RevocationFacts},
    outward::{outward_name, surrounding},
    reason::Reason,
    standing::{Lease, NodeFacts, Noted, standing},
};
use ipnet::IpNet;
use protocol::id::RevocationId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::listed::{COLUMNS, ListedRevocation, listed};
use crate::error::StoreError;

/// The most nodes of one revocation that a receipt has.
const NODES: i64 = 1_000;

/// The nodes of a revocation: those with a note about it, and those that must carry it out. A node must carry it out if it had
/// a lease at the commit or has renewed one since. A node that began to follow revocations after the commit need not. A node
/// that has not begun yet may have seen the database before the commit, so it counts, too.
///
/// A node writes its row before it looks at the database for the first time. So if a node has no row in the view of this
/// statement, it will see every revocation that is committed now.
const STANDINGS: &str = "
    SELECT r.id AS revocation, n.id AS node, p.state, p.sockets_closed, p.after_ms, true AS known,
           n.lease_until <= clock_timestamp() AS lapsed,
           greatest(0, extract(epoch FROM n.lease_until - d.written_at) * 1000)::bigint AS ends_after_ms,
           greatest(0, extract(epoch FROM n.renewed_at - d.written_at) * 1000)::bigint AS renewed_after_ms,
           coalesce(r.id <= n.began_after OR pg_visible_in_snapshot(r.txid, n.looked), false) AS has_read
    FROM receipts_due d JOIN revocations r ON r.id = d.revocation_id CROSS JOIN nodes n
         LEFT JOIN revocation_nodes p ON p.revocation_id = r.id AND p.node = n.id
    WHERE r.id = ANY ($1) AND (p.node IS NOT NULL
          OR n.lease_until > d.written_at AND r.id > n.began_after
             AND NOT coalesce(pg_visible_in_snapshot(r.txid, n.began), false))
    UNION ALL
    SELECT p.revocation_id, p.node, p.state, p.sockets_closed, p.after_ms, false, false, 0, 0, false
    FROM revocation_nodes p
    WHERE p.revocation_id = ANY ($1) AND NOT EXISTS (SELECT FROM nodes n WHERE n.id = p.node)
    LIMIT $2";

/// A receipt that is not stored.
pub(super) struct Draft {
    pub(super) receipt: Receipt,
    /// The salt of the hash of its reason.
    pub(super) salt: Uuid,
    /// Milliseconds since the commit.
    pub(super) age_ms: u64,
}

/// The receipts of revocations that have none yet, as they are now, final or not. `condition` selects rows of `receipts_due d`,
/// and may lock them.
pub(super) async fn receipts(
    client: &impl GenericClient,
    condition: &str,
    values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<Draft>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, d.counted,
                greatest(0, extract(epoch FROM clock_timestamp() - d.written_at) * 1000)::bigint AS age_ms
         FROM receipts_due d JOIN revocations r ON r.id = d.revocation_id WHERE {condition}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let found = client.query(&statement, values).await?;
    let ids = found.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    let mut nodes: HashMap<i64, Vec<NodeFacts>> = HashMap::new();
    if !ids.is_empty() {
        let most = NODES * i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let statement = client.prepare_cached(STANDINGS).await?;
        for row in client.query(&statement, &[&ids, &most]).await? {
            nodes.entry(row.try_get("revocation")?).or_default().push(node(&row)?);
        }
    }
    let receipt = |row: &Row| {
        let (revocation, age) = (listed(row)?, row.try_get::<_, i64>("age_ms")?.unsigned_abs());
        let at = revocation.at;
        let of_it = nodes.get(&revocation.id.0).map_or(&[][..], Vec::as_slice);
        let standings = of_it.iter().map(|node| standing(*node, at, age)).collect();
        let salt = Uuid::new_v4();
        let receipt = Receipt::new(facts(revocation, row.try_get("counted")?, salt)?, standings);
        Ok(Draft { receipt, salt, age_ms: age })
    };
    found.iter().map(receipt).collect()
}

fn node(row: &Row) -> Result<NodeFacts, StoreError> {
    let millis = |column| Ok::<_, StoreError>(row.try_get::<_, i64>(column)?.unsigned_abs());
    let noted = match row.try_get::<_, Option<&str>>("state")? {
        None => Noted::Nothing,
        Some("closed") => Noted::Closed {
            sockets: row.try_get::<_, i32>("sockets_closed")?.unsigned_abs(),
            // Without a time, the node had closed the sockets when it last renewed its lease.
            after_ms: match row.try_get::<_, Option<i64>>("after_ms")? {
                Some(after_ms) => after_ms.unsigned_abs(),
                None => millis("renewed_after_ms")?,
            },
        },
        Some("incomplete") => Noted::Incomplete,
        Some(_) => Noted::Closing,
    };
    let lease = Lease {
        lapsed: row.try_get("lapsed")?,
        ends_after_ms: millis("ends_after_ms")?,
        renewed_after_ms: millis("renewed_after_ms")?,
        has_read: row.try_get("has_read")?,
    };
    let known: bool = row.try_get("known")?;
    Ok(NodeFacts { node: row.try_get("node")?, noted, lease: known.then_some(lease) })
}

/// What the receipt says of the revocation. Persons are named only by ids.
fn facts(
    revocation: ListedRevocation,
    counted: Option<i32>,
    salt: Uuid,
) -> Result<RevocationFacts, StoreError> {
    let all = revocation.scope == "all";
    let network = revocation.network.as_deref().map(str::parse::<IpNet>).transpose();
    let network = network.map_err(StoreError::internal)?;
    Ok(RevocationFacts {
        revocation: RevocationId(revocation.id.0),
        target: ReceiptTarget {
            kind: revocation.scope,
            session: revocation.session,
            device: revocation.device,
            user: revocation.user,
            users: revocation.users,
            within: network.map(|network| surrounding(network).to_string()),
            prefix: network.map(|network| network.prefix_len()),
            opened_since: revocation.opened_since,
            subject: revocation.subject.as_deref().map(outward_name),
        },
        cause: revocation.cause,
        reason_hash: Reason::outward(&revocation.reason, salt).hash(),
        actor: revocation.actor,
        committed_at: revocation.at,
        except_session: revocation.except,
        // The rows of all sessions are ended later, so only the count at the commit is complete.
        sessions: if all { counted.map(i32::unsigned_abs) } else { Some(revocation.sessions) },
        excluded: revocation.excluded,
        more: revocation.more,
    })
}
