//! Retention of the audit log: drops old months, and thins old checkpoints.
//!
//! This is a job. Every node runs it; the lock of the head lets one of them work.

use std::time::Duration;

use store::Store;

use crate::core::{audit::AuditTrail, clock::Clock, failure::Failure};

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(600);

/// Drops old months of the audit log.
pub(crate) struct AuditMonths {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    /// How long entries are kept. A month is dropped when all its entries are older.
    pub(crate) kept: Duration,
}

impl AuditMonths {
    /// Drops the months that are old.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; the next pass continues.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        loop {
            let event = self.audit.local_event("audit.month_dropped");
            let Some(month) = self.store.drop_audit_month(now - self.kept, event).await? else { break };
            tracing::info!(%month, "a month of the audit log was dropped");
        }
        self.store.thin_audit_checkpoints(now).await?;
        Ok(())
    }
}
