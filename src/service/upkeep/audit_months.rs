//! Retention of the audit log: drops old months, and thins old checkpoints.
//!
//! This is a job. Every node runs it; the lock of the head lets one of them work.

use std::time::Duration;

use parking_lot::Mutex;
use store::{MonthDrop, Store};
use time::Date;

use crate::core::{audit::AuditTrail, clock::Clock, failure::Failure};

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(600);

/// Drops old months of the audit log.
pub(crate) struct AuditMonths {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    /// How long entries are kept, in days. A month is dropped when all its entries are older.
    pub(crate) kept_days: i32,
    /// The month that was last reported as kept.
    pub(crate) reported: Mutex<Option<Date>>,
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
            match self
                .store
                .drop_audit_month(now - time::Duration::days(self.kept_days.into()), event)
                .await?
            {
                MonthDrop::Dropped(month) => tracing::info!(%month, "a month of the audit log was dropped"),
                MonthDrop::KeptByOwner { month, noted_days } => {
                    self.report_kept(month, noted_days);
                    break;
                }
                MonthDrop::NotDue => break,
            }
        }
        self.store.thin_audit_checkpoints(now).await?;
        Ok(())
    }

    /// Says once of each month why it is not dropped.
    fn report_kept(&self, month: Date, noted_days: i32) {
        if self.reported.lock().replace(month) == Some(month) {
            return;
        }
        let setting_days = self.kept_days;
        tracing::warn!(
            %month,
            setting_days,
            database_days = noted_days,
            "a month of the audit log is older than AUDIT_RETENTION_DAYS and is kept, because the database has noted a longer \
             time: run `portcullis migrate` with AUDIT_RETENTION_DAYS={setting_days}, or give this server the noted number of days"
        );
    }
}
