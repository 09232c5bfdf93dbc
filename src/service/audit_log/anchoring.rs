//! Carries the newest checkpoint to the anchor. This is a job of every node.
//!
//! Before it adds a checkpoint, the job proves that the log continues the newest checkpoint of the anchor. If the log is shorter
//! or has other entries, it was cut off or replaced. Then the job adds nothing, and fails until an operator acts.

use domain::transparency_log::checkpoint::Checkpoint;

use super::{error::AuditLogError, log::AuditLog};

/// How often the job runs.
pub(crate) const EVERY: std::time::Duration = std::time::Duration::from_secs(5);

impl AuditLog {
    /// Adds the newest checkpoint to the anchor, unless it is there.
    ///
    /// # Errors
    /// The anchor cannot be read or written, or it has a checkpoint that this log does not continue.
    pub async fn anchor_checkpoint(&self) -> Result<(), AuditLogError> {
        let Some(place) = self.settings.anchor.as_ref().filter(|_| self.settings.sequencing) else {
            return Ok(());
        };
        let head = self.store.audit_log_head().await?;
        let (origin, keys) = match self.keys(false).await {
            // Nothing was signed yet.
            Err(AuditLogError::NoKeys) => return Ok(()),
            keys => (head.origin(), keys?),
        };
        let key = keys.signer.verifier();
        let known = self.anchored.lock().clone().filter(|known| known.origin == origin);
        // The anchor is read before the checkpoint, so a checkpoint that another node adds meanwhile is not mistaken for a
        // conflict.
        let known = match known {
            Some(known) => Some(known),
            None => place.newest_of(&origin, key).await?,
        };
        let Some(newest) = self.store.newest_audit_checkpoint(head.generation).await? else { return Ok(()) };
        let next = Checkpoint::of_some_key(&newest.note, key).ok().filter(|next| next.origin == origin);
        let next = next.ok_or(AuditLogError::Diverged { size: newest.size })?;
        if let Some(known) = &known {
            self.require_anchored(known, &next).await?;
        }
        metrics::gauge!("audit_log_conflict", "witness" => "anchor").set(0.0);
        if known.is_none_or(|known| known.size < next.size) {
            place.add(&next.origin, next.size, &newest.note, self.clock.now()).await?;
        }
        *self.anchored.lock() = Some(next);
        Ok(())
    }

    /// Requires that the log of the next checkpoint continues the newest checkpoint of the anchor.
    async fn require_anchored(&self, known: &Checkpoint, next: &Checkpoint) -> Result<(), AuditLogError> {
        if known.origin == next.origin && self.continues(known, next.size, &next.root).await? {
            return Ok(());
        }
        metrics::gauge!("audit_log_conflict", "witness" => "anchor").set(1.0);
        tracing::error!(
            anchored = known.size,
            size = next.size,
            "the audit log does not continue the newest checkpoint of the anchor: run `portcullis audit verify --anchor`"
        );
        Err(AuditLogError::Diverged { size: known.size })
    }
}
