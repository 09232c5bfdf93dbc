//! Reading receipts.

use domain::{
    receipt::{batch::BatchPlace, document::Receipt},
    transparency_log::hash::Hash,
};
use protocol::id::RevocationId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::standing;
use crate::{error::StoreError, pool::Store};

/// A stored receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt {
    /// The canonical form.
    pub document: String,
    /// The reason in the row of the revocation, which an erasure empties.
    pub reason: String,
    /// The salt of the hash of the reason.
    pub salt: Uuid,
    /// The audit event that commits to the batch of the receipt.
    pub event: Uuid,
    /// The place in the batch.
    pub place: BatchPlace,
}

/// What there is of the receipt of a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptStatus {
    /// The revocation was made before servers wrote receipts.
    Never,
    /// The receipt as it would be now. It is written when every node has carried the revocation out.
    Due(Box<Receipt>),
    /// The receipt.
    Written(StoredReceipt),
}

impl Store {
    /// The receipt of a revocation. `None` if there is no such revocation, or if it was deleted after its retention.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn receipt(&self, id: RevocationId) -> Result<Option<ReceiptStatus>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql = "SELECT r.reason, c.document, c.reason_salt, c.event_id, c.batch_index, c.batch_size, c.batch_proof
                           FROM revocations r LEFT JOIN revocation_receipts c ON c.revocation_id = r.id WHERE r.id = $1";
                let statement = client.prepare_cached(sql).await?;
                let Some(row) = client.query_opt(&statement, &[&id.0]).await? else { return Ok(None) };
                if let Some(stored) = stored(&row)? {
                    return Ok(Some(ReceiptStatus::Written(stored)));
                }
                let now = standing::receipts(&*client, "d.revocation_id = $1", &[&id.0]).await?.pop();
                let status = now.map(|draft| ReceiptStatus::Due(Box::new(draft.receipt)));
                Ok(Some(status.unwrap_or(ReceiptStatus::Never)))
            })
        })
        .await
    }
}

fn stored(row: &Row) -> Result<Option<StoredReceipt>, StoreError> {
    let Some(document) = row.try_get("document")? else { return Ok(None) };
    let (proof, rest) = row.try_get::<_, &[u8]>("batch_proof")?.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(StoreError::internal("the proof of a receipt is damaged"));
    }
    let number = |column| Ok::<_, StoreError>(u64::from(row.try_get::<_, i32>(column)?.unsigned_abs()));
    let proof: Vec<Hash> = proof.to_vec();
    let place = BatchPlace { index: number("batch_index")?, proof, size: number("batch_size")? };
    let (reason, salt, event) =
        (row.try_get("reason")?, row.try_get("reason_salt")?, row.try_get("event_id")?);
    Ok(Some(StoredReceipt { document, reason, salt, event, place }))
}
