//! Moves events from the inbox into the log, batch after batch, and signs checkpoints on the way. This is a job of every node;
//! the lock of the head lets one of them work.

use store::SequenceOrder;

use super::{error::AuditLogError, key_store::random, log::AuditLog};

/// How often the job runs.
pub(crate) const EVERY: std::time::Duration = std::time::Duration::from_secs(1);

/// The most events of a batch. A batch takes a few dozen milliseconds.
const BATCH: u32 = 500;
/// The backlog is counted up to this number.
const COUNTED: u32 = 100_000;

impl AuditLog {
    /// Moves all events that wait into the log. Ends when the inbox is empty, or when another node is at work.
    ///
    /// # Errors
    /// See [`AuditLogError`]. The events stay in the inbox.
    pub async fn sequence(&self) -> Result<(), AuditLogError> {
        if !self.settings.sequencing {
            return Ok(());
        }
        if let Err(error) = self.store.make_next_audit_month(self.clock.now()).await {
            // The next call tries again; there is a month of time.
            tracing::warn!(%error, "the partition of the audit log's next month is not made yet");
        }
        let moved = self.move_events().await;
        self.observe().await?;
        moved
    }

    async fn move_events(&self) -> Result<(), AuditLogError> {
        let keys = self.keys(true).await?;
        loop {
            let order = SequenceOrder {
                sealer: std::sync::Arc::clone(&keys.personal),
                seed: random()?,
                now: self.clock.now(),
                limit: BATCH,
            };
            let Some(done) = self.store.sequence_audit(order).await? else { return Ok(()) };
            self.checkpoint(&done.head, &keys, done.month_begins).await?;
            if done.events < BATCH as usize && !done.month_begins {
                return Ok(());
            }
        }
    }

    async fn observe(&self) -> Result<(), AuditLogError> {
        let (events, oldest) = self.store.audit_backlog(COUNTED).await?;
        let waited = oldest.map_or(0.0, |oldest| (self.clock.now() - oldest).as_seconds_f64().max(0.0));
        metrics::gauge!("audit_backlog_events").set(events as f64);
        metrics::gauge!("audit_backlog_seconds").set(waited);
        Ok(())
    }
}
