//! Conversions between a remaining time and a deadline.

use std::time::{Duration, Instant};

use protocol::Lifetime;

/// The moment `now + left`. `left` is limited to about 136 years, because the addition of a longer time may overflow.
pub(super) fn after(now: Instant, left: Duration) -> Instant {
    now + left.min(Duration::from_secs(u32::MAX.into()))
}

/// The time from `now` until `until`, in the form of the protocol: whole seconds, at least 1.
pub(super) fn lifetime(now: Instant, until: Instant) -> Lifetime {
    let left = until.saturating_duration_since(now);
    Lifetime { ttl: u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1) }
}
