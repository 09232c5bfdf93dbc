//! How often one user publishes, over all of their connections to this node.
//!
//! Asked by connections before they hand a publication on. A connection's own rate does not do: a user may have many. What
//! is kept per user is one instant, and only while permits are missing.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use dashmap::DashMap;
use logic::limits::Gcra;
use protocol::{id::Subject, limit::Limit};

/// Users that are kept before those with all their permits are looked for.
const KEPT: usize = 1_024;

/// Every user who has published lately.
pub(crate) struct PublishLimiter {
    limit: Limit,
    users: DashMap<Subject, Gcra>,
    /// When so many are kept, the idle ones are forgotten.
    purge_at: AtomicUsize,
}

impl PublishLimiter {
    pub(crate) fn new(limit: Limit) -> Self {
        Self { limit, users: DashMap::new(), purge_at: AtomicUsize::new(KEPT) }
    }

    /// Takes a permit of this user, if there is one.
    pub(crate) fn allow(&self, user: &Subject, now: Instant) -> bool {
        self.purge(now);
        let mut state = self.users.entry(user.clone()).or_insert_with(|| Gcra::new(now));
        let allowed = state.check(&self.limit, now).is_allowed();
        if !allowed {
            metrics::counter!("rate_limited_total", "limit" => self.limit.name).increment(1);
        }
        allowed
    }

    /// Forgetting a user with all permits changes nothing. The bound doubles with those who have not, so that the work
    /// stays rare.
    fn purge(&self, now: Instant) {
        if self.users.len() >= self.purge_at.load(Ordering::Relaxed) {
            self.users.retain(|_, state| !state.is_idle(now));
            self.purge_at.store(KEPT.max(2 * self.users.len()), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::id::UserId;

    use super::*;

    fn publications() -> PublishLimiter {
        PublishLimiter::new(Limit { name: "publication_user", burst: 3, period: Duration::from_secs(3) })
    }

    #[test]
    fn each_user_has_permits_of_their_own_and_gets_them_back() {
        let (publications, now) = (publications(), Instant::now());
        assert!((0..3).all(|_| publications.allow(&UserId(1).into(), now)));
        assert!(!publications.allow(&UserId(1).into(), now));
        assert!(publications.allow(&UserId(2).into(), now));
        assert!(publications.allow(&UserId(1).into(), now + Duration::from_secs(1)));
    }

    #[test]
    fn users_who_are_quiet_are_forgotten() {
        let (publications, start) = (publications(), Instant::now());
        for number in 0..20_000i64 {
            let now = start + Duration::from_millis(u64::try_from(number).unwrap());
            assert!(publications.allow(&UserId(number).into(), now));
        }
        assert!(publications.users.len() <= 2 * KEPT, "{}", publications.users.len());
    }
}
