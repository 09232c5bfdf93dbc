//! Receipts of revocations, with the proofs that the audit log contains them.

use domain::receipt::{document::Receipt, reason::Reason, signed::SignedReceipt};
use protocol::id::RevocationId;
use store::{ReceiptStatus, StoredReceipt};
use uuid::Uuid;

use super::{
    error::AuditLogError,
    log::AuditLog,
    proofs::{EntryName, InclusionProof},
};

/// The most nodes that a sentence names.
const NAMED_NODES: usize = 3;

/// What there is of the receipt of a revocation.
#[derive(Clone, Debug, PartialEq)]
pub enum FoundReceipt {
    /// There is no such revocation, or it is no longer kept.
    Unknown,
    /// The revocation was made before servers wrote receipts.
    Never,
    /// These nodes have not carried the revocation out. Without a node, a job is about to write the receipt.
    Waiting(Vec<Uuid>),
    /// The revocation is complete. Its entry is not in the log yet, or no checkpoint covers it.
    NotLogged,
    /// The receipt with its proofs.
    Signed(Box<SignedReceipt>),
}

impl FoundReceipt {
    /// Why there is no receipt yet, as a sentence. `None` if there is one, or will never be one.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Unknown | Self::Never | Self::Signed(_) => None,
            Self::NotLogged => Some(
                "The revocation is complete. Its entry waits for the audit log and for a checkpoint that covers it.".to_owned(),
            ),
            Self::Waiting(nodes) if nodes.is_empty() => {
                Some("Every node has carried the revocation out. The receipt is about to be written.".to_owned())
            }
            Self::Waiting(nodes) => {
                let named: Vec<_> = nodes.iter().take(NAMED_NODES).map(Uuid::to_string).collect();
                let more = if nodes.len() > NAMED_NODES { ", …" } else { "" };
                Some(format!(
                    "Nodes that have neither carried the revocation out nor lapsed: {} ({}{more}).",
                    nodes.len(),
                    named.join(", ")
                ))
            }
        }
    }
}

impl AuditLog {
    /// The receipt of a revocation. With `sign`, a checkpoint is signed at once if none covers the entry yet.
    ///
    /// # Errors
    /// `NoEntry` if the entry was dropped; see [`AuditLogError`].
    pub async fn receipt(&self, id: RevocationId, sign: bool) -> Result<FoundReceipt, AuditLogError> {
        match self.store.receipt(id).await? {
            None => Ok(FoundReceipt::Unknown),
            Some(ReceiptStatus::Never) => Ok(FoundReceipt::Never),
            Some(ReceiptStatus::Due(receipt)) => Ok(FoundReceipt::Waiting(receipt.pending().collect())),
            Some(ReceiptStatus::Written(stored)) => self.proved(stored, sign).await,
        }
    }

    async fn proved(&self, stored: StoredReceipt, sign: bool) -> Result<FoundReceipt, AuditLogError> {
        let name = EntryName::Id(stored.event);
        // In this order, an event that moves into the log meanwhile is not missed.
        let waits = self.store.audit_event_waits(stored.event).await?;
        let mut proof = match self.prove_inclusion(name, None).await {
            Err(AuditLogError::NoEntry) if waits => return Ok(FoundReceipt::NotLogged),
            proof => proof?,
        };
        if proof.checkpoint.is_none() && sign && self.settings.sequencing {
            let (head, keys) = (self.store.audit_log_head().await?, self.keys(false).await?);
            self.checkpoint(&head, &keys, true).await?;
            proof = self.prove_inclusion(name, None).await?;
        }
        let InclusionProof { entry, hashes, checkpoint: Some(checkpoint), .. } = proof else {
            return Ok(FoundReceipt::NotLogged);
        };
        let damaged = |error: serde_json::Error| store::StoreError::Internal(error.to_string());
        let receipt: Receipt = serde_json::from_str(&stored.document).map_err(damaged)?;
        let entry = serde_json::from_slice(&entry.entry.encoded()).map_err(damaged)?;
        let reason = Reason::outward(&stored.reason, stored.salt);
        let reason = Some(reason).filter(|reason| reason.hash() == receipt.reason_hash);
        let signed = SignedReceipt { batch: stored.place, checkpoint, entry, proof: hashes, reason, receipt };
        Ok(FoundReceipt::Signed(Box::new(signed)))
    }
}
