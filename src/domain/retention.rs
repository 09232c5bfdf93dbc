//! Retention periods: how long rows are kept after they have served their purpose.

use std::time::Duration;

/// How long rows are kept. Attempts to sign in have a setting of their own, because they are dropped by months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPeriods {
    /// Sessions after their end.
    pub sessions: Duration,
    /// Revocations.
    pub revocations: Duration,
    /// Devices after their last use.
    pub devices: Duration,
    /// Audit events.
    pub audit: Duration,
}

impl Default for RetentionPeriods {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            sessions: Duration::from_secs(90 * DAY),
            revocations: Duration::from_secs(90 * DAY),
            devices: Duration::from_secs(365 * DAY),
            audit: Duration::from_secs(365 * DAY),
        }
    }
}
