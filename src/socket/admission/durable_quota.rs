//! [`DurableQuota`]: limits what a user may store in durable channels, over all of the user's connections to this node. It
//! counts bytes, and the channels that the user begins to publish in. Channels are counted because clients choose the names of
//! channels, and each channel is kept for a long time (`history_meta_ttl`, by default 30 days).
//!
//! Drivers check the quota before they publish. For each user, the quota stores the state of two rate limits, and hashes of the
//! channels that the user most recently began to publish in.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use dashmap::DashMap;
use logic::limits::Gcra;
use protocol::{channel_name::ChannelName, id::Subject, limit::Limit};

/// Number of stored users before idle users (those that have their whole quota) are removed for the first time.
const PURGE_MIN: usize = 1_024;
/// Number of channels that are remembered per user. A publication in any other channel counts as the beginning of a channel.
const REMEMBERED: usize = 256;
/// Number of bytes that are counted for a publication in addition to its payload.
const OVERHEAD: usize = 256;

/// The quota of every user that has published in durable channels recently.
pub(crate) struct DurableQuota {
    users: DashMap<Subject, Usage>,
    hasher: RandomState,
    /// At this number of users, idle users are removed.
    purge_at: AtomicUsize,
}

/// The quota: bytes, and new channels of a user's publications.
pub(crate) struct DurableLimits {
    pub(crate) bytes: Limit,
    pub(crate) channels: Limit,
}

struct Usage {
    bytes: Gcra,
    channels: Gcra,
    /// Hashes of the channels that the user most recently began to publish in; the newest is the last.
    recent: VecDeque<u64>,
}

impl DurableQuota {
    pub(crate) fn new() -> Self {
        Self { users: DashMap::new(), hasher: RandomState::new(), purge_at: AtomicUsize::new(PURGE_MIN) }
    }

    /// Counts a publication of this size towards the quota of the user. `Err` with the name of
    /// the limit if the quota is exceeded.
    pub(crate) fn allow(
        &self,
        limits: &DurableLimits,
        user: &Subject,
        channel: &ChannelName,
        payload: usize,
        now: Instant,
    ) -> Result<(), &'static str> {
        self.purge(now);
        let hash = self.hasher.hash_one(channel.as_str());
        let mut usage = self.users.entry(user.clone()).or_insert_with(|| Usage::new(now));
        let exceeded = if !usage.begin(hash, &limits.channels, now) {
            Some(limits.channels.name)
        } else if !usage.store(payload, &limits.bytes, now) {
            Some(limits.bytes.name)
        } else {
            None
        };
        if let Some(limit) = exceeded {
            metrics::counter!("rate_limited_total", "limit" => limit).increment(1);
        }
        exceeded.map_or(Ok(()), Err)
    }

    /// Removes users that have their whole quota again. Only the list of their recent channels is lost.
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

    /// Whether the user may publish in this channel. A publication in a channel outside of `recent` uses up one channel of the
    /// quota.
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

    const LIMITS: DurableLimits = DurableLimits {
        bytes: Limit { name: "durable_bytes_user", burst: 10_000, period: DAY },
        channels: Limit { name: "durable_channels_user", burst: 3, period: DAY },
    };

    fn channel(number: usize) -> ChannelName {
        ChannelName::parse(&format!("chat:{number}")).unwrap()
    }

    #[test]
    fn the_bytes_that_a_user_stores_per_day_are_limited() {
        let (quota, now, user) = (DurableQuota::new(), Instant::now(), UserId(1).into());
        let allowed = (0..20).filter(|_| quota.allow(&LIMITS, &user, &channel(0), 744, now).is_ok()).count();
        assert_eq!(allowed, 10);
        assert!(quota.allow(&LIMITS, &UserId(2).into(), &channel(0), 744, now).is_ok(), "another user");
        assert!(quota.allow(&LIMITS, &user, &channel(0), 744, now + DAY / 10).is_ok());
    }

    #[test]
    fn new_channels_per_day_are_limited_and_earlier_channels_stay_usable() {
        let (quota, now, user) = (DurableQuota::new(), Instant::now(), UserId(1).into());
        let begun: Vec<_> =
            (0..5).map(|number| quota.allow(&LIMITS, &user, &channel(number), 1, now).is_ok()).collect();
        assert_eq!(begun, [true, true, true, false, false]);
        assert!((0..3).all(|number| quota.allow(&LIMITS, &user, &channel(number), 1, now).is_ok()));
        assert!(quota.allow(&LIMITS, &user, &channel(4), 1, now + DAY / 3).is_ok());
    }

    #[test]
    fn users_that_have_their_whole_quota_again_are_removed() {
        let (quota, start) = (DurableQuota::new(), Instant::now());
        for number in 0..5_000_u32 {
            let now = start + DAY * number;
            assert!(quota.allow(&LIMITS, &UserId(number.into()).into(), &channel(0), 1, now).is_ok());
        }
        assert!(quota.users.len() <= 2 * PURGE_MIN, "{}", quota.users.len());
    }
}
