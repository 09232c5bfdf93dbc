//! [`PublishLimiter`]: the rate limit of publications per user, over all of the user's connections to this node.
//!
//! Drivers check this limit before they publish. The rate limit per connection is not sufficient, because a user may have many
//! connections. For each user the state of the rate limit is stored. Idle users are removed from time to time, once their state
//! is the same as that of a new user.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use dashmap::DashMap;
use logic::limits::Gcra;
use protocol::{id::Subject, limit::Limit};

/// Number of stored users before idle users are removed for the first time.
const PURGE_MIN: usize = 1_024;

/// The rate limit of every user that has published recently.
pub(crate) struct PublishLimiter {
    users: DashMap<Subject, Gcra>,
    /// At this number of users, idle users are removed.
    purge_at: AtomicUsize,
}

impl PublishLimiter {
    pub(crate) fn new() -> Self {
        Self { users: DashMap::new(), purge_at: AtomicUsize::new(PURGE_MIN) }
    }

    /// Counts a publication of this user. Returns false if the rate limit is exceeded.
    pub(crate) fn allow(&self, limit: &Limit, user: &Subject, now: Instant) -> bool {
        self.purge(now);
        let mut state = self.users.entry(user.clone()).or_insert_with(|| Gcra::new(now));
        let allowed = state.check(limit, now).is_allowed();
        if !allowed {
            metrics::counter!("rate_limited_total", "limit" => limit.name).increment(1);
        }
        allowed
    }

    /// Removes idle users. Nothing is lost, because the state of an idle user is that of a new user. The next purge waits until
    /// the number of users has doubled, so that purges stay rare.
    fn purge(&self, now: Instant) {
        if self.users.len() >= self.purge_at.load(Ordering::Relaxed) {
            self.users.retain(|_, state| !state.is_idle(now));
            self.purge_at.store(PURGE_MIN.max(2 * self.users.len()), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::id::UserId;

    use super::*;

    const LIMIT: Limit = Limit { name: "publication_user", burst: 3, period: Duration::from_secs(3) };

    #[test]
    fn each_user_has_separate_permits_and_gets_them_back() {
        let (publications, now) = (PublishLimiter::new(), Instant::now());
        assert!((0..3).all(|_| publications.allow(&LIMIT, &UserId(1).into(), now)));
        assert!(!publications.allow(&LIMIT, &UserId(1).into(), now));
        assert!(publications.allow(&LIMIT, &UserId(2).into(), now));
        assert!(publications.allow(&LIMIT, &UserId(1).into(), now + Duration::from_secs(1)));
    }

    #[test]
    fn idle_users_are_removed() {
        let (publications, start) = (PublishLimiter::new(), Instant::now());
        for number in 0..20_000i64 {
            let now = start + Duration::from_millis(u64::try_from(number).unwrap());
            assert!(publications.allow(&LIMIT, &UserId(number).into(), now));
        }
        assert!(publications.users.len() <= 2 * PURGE_MIN, "{}", publications.users.len());
    }
}
