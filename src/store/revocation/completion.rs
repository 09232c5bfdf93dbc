//! Completes revocations. Writes the receipts of the revocations that every node has carried out, with one audit event for a
//! batch of them.
//!
//! A job of each node calls this. The rows in `receipts_due` are locked, and a node skips the rows that another node has
//! locked. Receipts, event and the deletion of these rows are one transaction. So a revocation has exactly one receipt and one
//! entry in the log, even if a node stops in the middle.

use deadpool_postgres::Transaction;
use domain::receipt::{
    COMPLETED, RECEIPTS, RECEIPTS_ROOT,
    batch::{BatchPlace, LARGEST, batch, root_text},
};
use protocol::{
    audit::{AuditEvent, Outcome},
    id::RevocationId,
};
use time::OffsetDateTime;

use super::standing::{Draft, receipts};
use crate::{audit, error::StoreError, pool::Store};

/// A revocation waits for a node if it is older than this, in milliseconds. A node that answers needs less time, and the lease of
/// one that does not lapses before.
const WAITS_AFTER_MS: u64 = 30_000;

/// What a call has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The receipts that were written.
    pub receipts: usize,
    /// The revocations that have waited for a node for more than 30 seconds.
    pub waiting: usize,
    /// The last revocation that was examined, if there may be more after it.
    pub next: Option<RevocationId>,
}

impl Store {
    /// Examines a batch of revocations without a receipt, in the order of their ids, from the one after `after`. Writes the
    /// receipts of those that every node has carried out.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Then nothing is written.
    pub async fn complete_revocations(
        &self,
        after: RevocationId,
        now: OffsetDateTime,
    ) -> Result<Completed, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let completed = complete(&transaction, after, now).await?;
                transaction.commit().await?;
                Ok(completed)
            })
        })
        .await
    }
}

async fn complete(
    transaction: &Transaction<'_>,
    after: RevocationId,
    now: OffsetDateTime,
) -> Result<Completed, StoreError> {
    let due = "d.revocation_id > $1 ORDER BY d.revocation_id LIMIT $2 FOR UPDATE OF d SKIP LOCKED";
    let examined = receipts(transaction, due, &[&after.0, &i64::from(LARGEST)]).await?;
    let next = examined.last().filter(|_| examined.len() == LARGEST as usize);
    let next = next.map(|last| last.receipt.revocation);
    let (complete, waiting): (Vec<_>, Vec<_>) =
        examined.into_iter().partition(|draft| draft.receipt.is_final);
    if !complete.is_empty() {
        write(transaction, &complete, now).await?;
    }
    let waiting = waiting.iter().filter(|draft| draft.age_ms >= WAITS_AFTER_MS).count();
    Ok(Completed { receipts: complete.len(), waiting, next })
}

async fn write(
    transaction: &Transaction<'_>,
    complete: &[Draft],
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let (root, places) = batch(&complete.iter().map(|draft| draft.receipt.hash()).collect::<Vec<_>>());
    let at_ms = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    let event = AuditEvent::new(COMPLETED, Outcome::Success, at_ms)
        .with(RECEIPTS, complete.len())
        .with(RECEIPTS_ROOT, root_text(&root));
    let number = |number: u64| i32::try_from(number).unwrap_or(i32::MAX);
    let column =
        |of: fn(&BatchPlace) -> u64| places.iter().map(|place| number(of(place))).collect::<Vec<_>>();
    let ids: Vec<i64> = complete.iter().map(|draft| draft.receipt.revocation.0).collect();
    let documents: Vec<_> = complete.iter().map(|draft| draft.receipt.canonical()).collect();
    let salts: Vec<_> = complete.iter().map(|draft| draft.salt).collect();
    let proofs: Vec<_> = places.iter().map(|place| place.proof.concat()).collect();
    let sql = "INSERT INTO revocation_receipts (revocation_id, document, reason_salt, event_id, batch_index, batch_size,
                                                batch_proof, created_at)
               SELECT i, d, r, $2, n, s, p, $3
               FROM unnest($1::bigint[], $4::text[], $5::uuid[], $6::integer[], $7::integer[], $8::bytea[])
                        AS t (i, d, r, n, s, p)";
    let statement = transaction.prepare_cached(sql).await?;
    let (indexes, sizes) = (column(|place| place.index), column(|place| place.size));
    transaction
        .execute(&statement, &[&ids, &event.id, &now, &documents, &salts, &indexes, &sizes, &proofs])
        .await?;
    let sql = "DELETE FROM receipts_due WHERE revocation_id = ANY ($1)";
    let statement = transaction.prepare_cached(sql).await?;
    transaction.execute(&statement, &[&ids]).await?;
    audit::insert(transaction, &[event]).await
}
