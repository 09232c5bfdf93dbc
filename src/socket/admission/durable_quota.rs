//! [`DurableQuota`]: limits what a user may store in durable channels, over all of the user's connections to this node. It counts
//! bytes, and channels in which the user begins to publish, because clients choose the names of channels, and each channel is
//! kept for weeks.
//!
//! Drivers check it before they publish. For each user it stores two instants and the channels of the last publications.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use dashmap::DashMap;
use logic::limits::Gcra;
use protocol::{channel_name::ChannelName, id::Subject, limit::Limit};

/// Number of stored users before idle users are removed for the first time.
const PURGE_MIN: usize = 1_024;
/// Number of channels that are remembered per user. A publication in any other channel counts as a new beginning.
const REMEMBERED: usize = 256;
/// Number of bytes that a stored publication takes in addition to its payload.
const OVERHEAD: usize = 256;

/// The quota of every user that has published in durable channels recently.
pub(crate) struct DurableQuota {
    bytes: Limit,
    channels: Limit,
    users: DashMap<Subject, Usage>,
    hasher: RandomState,
    /// At this number of users, idle users are removed.
    purge_at: AtomicUsize,
}

struct Usage {
    bytes: Gcra,
    channels: Gcra,
    /// Hashes of the channels of the last publications; the latest is the last.
    recent: VecDeque<u64>,
}

impl DurableQuota {
    pub(crate) fn new(bytes: Limit, channels: Limit) -> Self {
        Self {
            bytes,
            channels,
            users: DashMap::new(),
            hasher: RandomState::new(),
            purge_at: AtomicUsize::new(PURGE_MIN),
        }
    }

    /// Takes the quota that a publication of this size needs. Returns false if the quota of the user is exceeded.
    pub(crate) fn allow(&self, user: &Subject, channel: &ChannelName, payload: usize, now: Instant) -> bool {
        self.purge(now);
        let hash = self.hasher.hash_one(channel.as_str());
        let mut usage = self.users.entry(user.clone()).or_insert_with(|| Usage::new(now));
        let exceeded = if !usage.begin(hash, &self.channels, now) {
            Some(self.channels.name)
        } else if !usage.store(payload, &self.bytes, now) {
            Some(self.bytes.name)
        } else {
            None
        };
        if let Some(limit) = exceeded {
            metrics::counter!("rate_limited_total", "limit" => limit).increment(1);
        }
        exceeded.is_none()
    }

    /// Removes users whose quota is unused. Only the list of their recent channels is lost.
    fn purge(&self, now: Instant) {
        if self.users.len() >= self.purge_at.load(Ordering::Relaxed) {
            self.users.retain(|_, usage| !(usage.bytes.is_idle(now) && usage.channels.is_idle(now)));
            self.purge_at.store(PURGE_MIN.max(2 * self.users.len()), Ordering::Relaxed);
        }
    }
}

impl Usage {
    fn new(now: Instant) -> Self {
        Self { bytes: Gcra::new(now), channels: Gcra::new(now), recent: VecDeque::new() }
    }

    /// Whether the user may publish in this channel. A channel that is not among the recent ones takes a permit.
    fn begin(&mut self, channel: u64, limit: &Limit, now: Instant) -> bool {
        if self.recent.contains(&channel) {
            return true;
        }
        if !self.channels.check(limit, now).is_allowed() {
            return false;
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(channel);
        true
    }

    fn store(&mut self, payload: usize, limit: &Limit, now: Instant) -> bool {
        let bytes = u32::try_from(payload.saturating_add(OVERHEAD)).unwrap_or(u32::MAX);
        self.bytes.check_many(limit, bytes, now).is_allowed()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::id::UserId;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn quota() -> DurableQuota {
        let limit = |name, burst| Limit { name, burst, period: DAY };
        DurableQuota::new(limit("durable_bytes_user", 10_000), limit("durable_channels_user", 3))
    }

    fn channel(number: usize) -> ChannelName {
        ChannelName::parse(&format!("chat:{number}")).unwrap()
    }

    #[test]
    fn the_bytes_that_a_user_stores_per_day_are_limited() {
        let (quota, now, user) = (quota(), Instant::now(), UserId(1).into());
        let allowed = (0..20).filter(|_| quota.allow(&user, &channel(0), 744, now)).count();
        assert_eq!(allowed, 10);
        assert!(quota.allow(&UserId(2).into(), &channel(0), 744, now), "another user");
        assert!(quota.allow(&user, &channel(0), 744, now + DAY / 10));
    }

    #[test]
    fn new_channels_per_day_are_limited_and_begun_ones_continue() {
        let (quota, now, user) = (quota(), Instant::now(), UserId(1).into());
        let begun: Vec<_> = (0..5).map(|number| quota.allow(&user, &channel(number), 1, now)).collect();
        assert_eq!(begun, [true, true, true, false, false]);
        assert!((0..3).all(|number| quota.allow(&user, &channel(number), 1, now)));
        assert!(quota.allow(&user, &channel(4), 1, now + DAY / 3));
    }

    #[test]
    fn users_with_an_unused_quota_are_removed() {
        let (quota, start) = (quota(), Instant::now());
        for number in 0..5_000_u32 {
            let now = start + DAY * number;
            assert!(quota.allow(&UserId(number.into()).into(), &channel(0), 1, now));
        }
        assert!(quota.users.len() <= 2 * PURGE_MIN, "{}", quota.users.len());
    }
}
