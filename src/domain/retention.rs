//! Retention periods: how long old rows are kept before they are deleted.

use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// How long rows are kept. Attempts to sign in have a setting of their own, because their rows are dropped in whole months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPeriods {
    /// Sessions after their end, including external sessions.
    pub sessions: Duration,
    /// Revocations.
    pub revocations: Duration,
    /// Devices without a session, after their last use.
    pub devices: Duration,
    /// Audit events.
    pub audit: Duration,
    /// Mails after they were sent or given up.
    pub mails: Duration,
}

impl RetentionPeriods {
    /// For how many whole days audit events are kept.
    #[must_use]
    pub fn audit_days(&self) -> i32 {
        i32::try_from(self.audit.as_secs() / DAY).unwrap_or(i32::MAX)
    }
}

impl Default for RetentionPeriods {
    fn default() -> Self {
        Self {
            sessions: Duration::from_secs(90 * DAY),
            revocations: Duration::from_secs(90 * DAY),
            devices: Duration::from_secs(365 * DAY),
            audit: Duration::from_secs(365 * DAY),
            mails: Duration::from_secs(30 * DAY),
        }
    }
}
