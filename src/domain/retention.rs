//! Retention periods: how long old rows are kept before they are deleted.

use std::time::Duration;

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

impl Default for RetentionPeriods {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            sessions: Duration::from_secs(90 * DAY),
            revocations: Duration::from_secs(90 * DAY),
            devices: Duration::from_secs(365 * DAY),
            audit: Duration::from_secs(365 * DAY),
            mails: Duration::from_secs(30 * DAY),
        }
    }
}
