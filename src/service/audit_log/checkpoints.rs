//! Signing and publishing checkpoints.
//!
//! A checkpoint is signed when enough entries have no checkpoint yet, or when the last one is old. Before that, the stored tree
//! must prove that it continues the tree of the last checkpoint. So a server does not sign a history that was changed while it
//! runs.

use std::time::{Duration, Instant};

use domain::transparency_log::{
    checkpoint::Checkpoint,
    frontier::Frontier,
    hash::Hash,
    proof::{assembled, consistency_ranges, needed, proves_consistency},
};
use store::{LogHead, StoredCheckpoint};

use super::{
    error::AuditLogError,
    log::{AuditLog, OpenedKeys, Published},
};

/// If so many entries have no checkpoint, one is signed at once.
const EVERY_ENTRIES: u64 = 1_000;
/// The longest time for which an entry has no checkpoint.
const EVERY: time::Duration = time::Duration::MINUTE;
/// The published checkpoint is read again after this time.
const PUBLISHED_FOR: Duration = Duration::from_secs(1);

impl AuditLog {
    /// The newest checkpoint of the log, if there is one. It is at most a second old.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn newest_checkpoint(&self) -> Result<Option<String>, AuditLogError> {
        let known = self.published.lock().clone();
        if let Some(known) = known.filter(|known| known.read.elapsed() < PUBLISHED_FOR) {
            return Ok(Some(known.stored.note));
        }
        let head = self.store.audit_log_head().await?;
        let newest = self.store.newest_audit_checkpoint(head.generation).await?;
        *self.published.lock() = newest.clone().map(|stored| Published { stored, read: Instant::now() });
        Ok(newest.map(|newest| newest.note))
    }

    /// Signs a checkpoint of this head if one is due, or in any case with `at_once`.
    pub(super) async fn checkpoint(
        &self,
        head: &LogHead,
        keys: &OpenedKeys,
        at_once: bool,
    ) -> Result<(), AuditLogError> {
        let known = self.signed_before(head).await?;
        let last = known.iter().max_by_key(|known| known.size);
        let (size, now) = (head.size(), self.clock.now());
        // A time of the future, of a clock that is ahead, must not delay the next checkpoint.
        let age = last.map_or(EVERY, |last| (now - last.at).abs());
        let covered = last.map_or(0, |last| last.size);
        // Another node may have signed a larger checkpoint after this head was read.
        if covered >= size {
            metrics::gauge!("audit_checkpoint_age_seconds").set(0.0);
            return Ok(());
        }
        metrics::gauge!("audit_checkpoint_age_seconds").set(age.as_seconds_f64());
        if !at_once && age < EVERY && size.saturating_sub(covered) < EVERY_ENTRIES {
            return Ok(());
        }
        for known in &known {
            let continued = self.require_continuation(known, head, keys).await;
            let conflict = matches!(continued, Err(AuditLogError::Diverged { .. }));
            metrics::gauge!("audit_log_conflict", "witness" => "checkpoint")
                .set(f64::from(u8::from(conflict)));
            continued?;
        }
        let origin = head.origin();
        let note = Checkpoint { origin, size, root: head.frontier.root() }.signed(&keys.signer);
        let stored = StoredCheckpoint { generation: head.generation, size, at: now, note };
        self.store.add_audit_checkpoint(stored.clone()).await?;
        metrics::counter!("audit_checkpoints_total").increment(1);
        metrics::gauge!("audit_checkpoint_age_seconds").set(0.0);
        *self.signed.lock() = Some(Published { stored, read: Instant::now() });
        Ok(())
    }

    /// The newest checkpoints of this generation: the one that this process has signed, and the one that the database has. The row
    /// of a checkpoint can be deleted or changed, but this process remembers what it has signed.
    async fn signed_before(&self, head: &LogHead) -> Result<Vec<StoredCheckpoint>, AuditLogError> {
        let stored = self.store.newest_audit_checkpoint(head.generation).await?;
        let own = self.signed.lock().clone().map(|own| own.stored);
        let own = own.filter(|own| own.generation == head.generation);
        let stored = stored.filter(|stored| own.as_ref().is_none_or(|own| own.note != stored.note));
        Ok(own.into_iter().chain(stored).collect())
    }

    async fn require_continuation(
        &self,
        last: &StoredCheckpoint,
        head: &LogHead,
        keys: &OpenedKeys,
    ) -> Result<(), AuditLogError> {
        let diverged = AuditLogError::Diverged { size: last.size };
        let old =
            Checkpoint::of_some_key(&last.note, keys.signer.verifier()).map_err(|_| diverged.clone())?;
        let is_of_its_row = old.size == last.size && old.origin == head.origin();
        let continued = is_of_its_row && self.continues(&old, head.size(), &head.frontier.root()).await?;
        if continued { Ok(()) } else { Err(diverged) }
    }

    /// Whether the stored tree of `size` entries continues the tree of an earlier checkpoint. `root` is the hash of the stored tree.
    pub(super) async fn continues(
        &self,
        old: &Checkpoint,
        size: u64,
        root: &Hash,
    ) -> Result<bool, AuditLogError> {
        if old.size == 0 {
            return Ok(old.root == Frontier::default().root());
        }
        let Some(ranges) = consistency_ranges(old.size, size) else { return Ok(false) };
        let known = self.store.audit_subtrees(needed(&ranges)).await?;
        let proof = assembled(&ranges, &known).unwrap_or_default();
        Ok(proves_consistency(old.size, &old.root, size, root, &proof))
    }
}
