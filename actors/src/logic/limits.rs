//! Rate limits by GCRA, the generic cell rate algorithm. The algorithm stores one moment per key, and has no timers and no
//! counters to reset.
//!
//! [`Gcra`] is the state of one key; for example, each connection has a `Gcra` for its commands. [`Limiter`] has the states of
//! a bounded number of keys; each shard of the rate limiter has a `Limiter`.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use protocol::limit::Limit;

/// The result of a check against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Permitted. The requested permits are spent.
    Allowed,
    /// Not permitted now; no permit is spent.
    Denied {
        /// The time until the requested permits are available; for a limit that permits nothing, the period of the limit.
        retry_after: Duration,
    },
}

impl Verdict {
    /// Whether the verdict is [`Verdict::Allowed`].
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// The state of one key: when all of its permits are available again.
#[derive(Clone, Copy, Debug)]
pub struct Gcra {
    full_at: Instant,
}

impl Gcra {
    /// A key with all permits available.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Spends a permit if one is available.
    pub fn check(&mut self, limit: &Limit, now: Instant) -> Verdict {
        self.check_many(limit, 1, now)
    }

    /// Spends `permits` permits at once, if so many are available. Otherwise spends no permit. If `permits` is greater than the
    /// burst, the request is never permitted.
    pub fn check_many(&mut self, limit: &Limit, permits: u32, now: Instant) -> Verdict {
        if limit.burst == 0 {
            return Verdict::Denied { retry_after: limit.period };
        }
        let interval = limit.interval();
        let cost = interval.saturating_mul(permits);
        self.bound(limit, now);
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
    pub fn look(&mut self, limit: &Limit, now: Instant) -> Verdict {
        self.bound(limit, now);
        Self { ..*self }.check(limit, now)
    }

    /// A raised limit applies at once: no key waits longer than a key that has just spent all permits of the new limit.
    fn bound(&mut self, limit: &Limit, now: Instant) {
        let longest = limit.interval().saturating_mul(limit.burst);
        if let Some(bound) = now.checked_add(longest) {
            self.full_at = self.full_at.min(bound);
        }
    }

    /// Whether all permits are available. Forgetting such a key changes no verdict.
    #[must_use]
    pub fn is_idle(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

/// Limits for many keys, in bounded memory.
///
/// When the limiter is full, it first drops keys that have all permits available; this changes no verdict. If that frees too
/// little, it evicts the keys that would have all permits available soonest. So a flood of new keys neither exhausts memory nor
/// causes refusals of unknown keys.
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

    /// Spends a permit of this key if one is available.
    pub fn check(&mut self, key: &str, limit: &Limit, now: Instant) -> Verdict {
        let known = self.keys.get_mut(limit.name).and_then(|keys| keys.get_mut(key));
        if let Some(state) = known {
            return state.check(limit, now);
        }
        if self.len >= self.capacity {
            self.free_entries(now);
        }
        let mut state = Gcra::new(now);
        let verdict = state.check(limit, now);
        self.keys.entry(limit.name).or_default().insert(key.into(), state);
        self.len += 1;
        verdict
    }

    /// The verdict that [`Self::check`] would give. No permit is spent, and an unknown key is not remembered.
    #[must_use]
    pub fn look(&mut self, key: &str, limit: &Limit, now: Instant) -> Verdict {
        let known = self.keys.get_mut(limit.name).and_then(|keys| keys.get_mut(key));
        known.map_or_else(|| Gcra::new(now).look(limit, now), |state| state.look(limit, now))
    }

    /// Makes all permits of a key available again.
    pub fn forget(&mut self, key: &str, name: &str) {
        if self.keys.get_mut(name).is_some_and(|keys| keys.remove(key).is_some()) {
            self.len -= 1;
        }
    }

    /// Drops every key that has all permits available. Call this periodically.
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

    /// Makes a sixteenth of the capacity free, but at least one entry. So this work is seldom needed.
    fn free_entries(&mut self, now: Instant) {
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
