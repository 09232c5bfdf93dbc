//! Rate limits by GCRA, the generic cell rate algorithm: one instant per key, no timers, no counters to reset.
//!
//! [`Gcra`] is the state of one key: a connection keeps one for its commands. [`Limiter`] holds a bounded number of keys: a
//! shard of the rate limiter keeps one.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use protocol::limit::Limit;

/// The result of a check against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Permitted; one permit is spent.
    Allowed,
    /// Not permitted now; no permit is spent.
    Denied {
        /// The time until the next permit is available.
        retry_after: Duration,
    },
}

impl Verdict {
    /// Whether it is [`Verdict::Allowed`].
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// The state of one key: the moment at which all of its permits are available again.
#[derive(Clone, Copy, Debug)]
pub struct Gcra {
    full_at: Instant,
}

impl Gcra {
    /// A key whose permits are all available.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes a permit if there is one.
    pub fn check(&mut self, limit: &Limit, now: Instant) -> Verdict {
        self.check_many(limit, 1, now)
    }

    /// Takes `permits` permits at once, or none.
    pub fn check_many(&mut self, limit: &Limit, permits: u32, now: Instant) -> Verdict {
        if limit.burst == 0 {
            return Verdict::Denied { retry_after: limit.period };
        }
        let interval = limit.interval();
        let cost = interval.saturating_mul(permits);
        let owed = self.full_at.saturating_duration_since(now).saturating_add(cost);
        let Some(over) = owed.checked_sub(interval.saturating_mul(limit.burst)).filter(|d| !d.is_zero())
        else {
            self.full_at = now.checked_add(owed).unwrap_or(now);
            return Verdict::Allowed;
        };
        Verdict::Denied { retry_after: over }
    }

    /// The verdict that [`Self::check`] would give; no permit is spent.
    #[must_use]
    pub fn look(&self, limit: &Limit, now: Instant) -> Verdict {
        Self { ..*self }.check(limit, now)
    }

    /// Whether all permits are available. Forgetting such a key changes no verdict.
    #[must_use]
    pub fn is_idle(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

/// Limits for many keys, in bounded memory.
///
/// When the limiter is full, it first drops keys whose permits are all available; this changes no verdict. If that frees
/// too little, it evicts the keys that would have all permits next. So a flood of new keys neither exhausts memory nor
/// locks out unknown keys.
#[derive(Debug)]
pub struct Limiter {
    keys: HashMap<&'static str, HashMap<Box<str>, Gcra>>,
    len: usize,
    capacity: usize,
}

impl Limiter {
    /// A limiter that remembers at most `capacity` keys (at least one).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { keys: HashMap::new(), len: 0, capacity: capacity.max(1) }
    }

    /// Takes a permit for this key if there is one.
    pub fn check(&mut self, key: &str, limit: &Limit, now: Instant) -> Verdict {
        let known = self.keys.get_mut(limit.name).and_then(|keys| keys.get_mut(key));
        if let Some(state) = known {
            return state.check(limit, now);
        }
        if self.len >= self.capacity {
            self.make_room(now);
        }
        let mut state = Gcra::new(now);
        let verdict = state.check(limit, now);
        self.keys.entry(limit.name).or_default().insert(key.into(), state);
        self.len += 1;
        verdict
    }

    /// The verdict that [`Self::check`] would give. No permit is spent, and an unknown key is not remembered.
    #[must_use]
    pub fn look(&self, key: &str, limit: &Limit, now: Instant) -> Verdict {
        let known = self.keys.get(limit.name).and_then(|keys| keys.get(key));
        known.map_or_else(|| Gcra::new(now).look(limit, now), |state| state.look(limit, now))
    }

    /// Makes all permits of a key available again, for example when an operator lifts a limit.
    pub fn forget(&mut self, key: &str, name: &str) {
        if self.keys.get_mut(name).is_some_and(|keys| keys.remove(key).is_some()) {
            self.len -= 1;
        }
    }

    /// Drops every key whose permits are all available. Call it periodically.
    pub fn purge(&mut self, now: Instant) {
        self.retain(|state| !state.is_idle(now));
        self.keys.retain(|_, keys| {
            keys.shrink_to(keys.len() * 2);
            !keys.is_empty()
        });
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Frees a sixteenth of the capacity, so that this work is seldom needed, and at least one entry.
    fn make_room(&mut self, now: Instant) {
        self.retain(|state| !state.is_idle(now));
        let target = self.capacity - (self.capacity / 16).max(1);
        let Some(excess) = self.len.checked_sub(target).filter(|excess| *excess > 0) else {
            return;
        };
        let mut ends: Vec<Instant> =
            self.keys.values().flat_map(HashMap::values).map(|s| s.full_at).collect();
        let (_, cut, _) = ends.select_nth_unstable(excess - 1);
        let cut = *cut;
        self.retain(|state| state.full_at > cut);
    }

    fn retain(&mut self, keep: impl Fn(&Gcra) -> bool) {
        for keys in self.keys.values_mut() {
            keys.retain(|_, state| keep(state));
        }
        self.len = self.keys.values().map(HashMap::len).sum();
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
