//! Detection of credential stuffing: the number of distinct wrong pairs of account and password from one address.
//!
//! Pure state for a shard of the rate limiter. Only *distinct* pairs count: a repeated pair counts once, and at most
//! [`PER_ACCOUNT`] passwords of one account count. So a user may try many passwords after forgetting one: the wrong passwords
//! of one account alone do not reach the default limit. Pairs arrive as keyed hashes; this code never has a password.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use protocol::limit::Limit;

/// The number of wrong passwords of one account, from one address, that count.
pub const PER_ACCOUNT: usize = 5;

/// Keyed hashes of an account's name, and of the name with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The account.
    pub account: u64,
    /// The account and the password.
    pub password: u64,
}

/// The wrong pairs of many addresses, in bounded memory.
#[derive(Debug)]
pub struct Stuffing {
    addresses: HashMap<Box<str>, Vec<(Pair, Instant)>>,
    capacity: usize,
}

impl Stuffing {
    /// Keeps at most `capacity` addresses (at least one). If a further address does not fit, the addresses without a wrong pair
    /// for the longest time are removed.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { addresses: HashMap::new(), capacity: capacity.max(1) }
    }

    /// Counts a wrong pair from this address. Returns `true` if the number of distinct pairs within the limit's period reaches
    /// the limit. Then the pairs of the address are removed, and counting starts again at zero.
    pub fn note(&mut self, address: &str, pair: Pair, limit: &Limit, now: Instant) -> bool {
        if !self.addresses.contains_key(address) {
            self.make_room();
            self.addresses.insert(address.into(), Vec::new());
        }
        let Some(pairs) = self.addresses.get_mut(address) else { return false };
        pairs.retain(|(_, at)| now.saturating_duration_since(*at) < limit.period);
        if let Some((_, at)) = pairs.iter_mut().find(|(known, _)| *known == pair) {
            *at = now;
        } else if pairs.iter().filter(|(known, _)| known.account == pair.account).count() < PER_ACCOUNT {
            pairs.push((pair, now));
        }
        let reached = pairs.len() >= usize::try_from(limit.burst).unwrap_or(usize::MAX);
        if reached {
            self.addresses.remove(address);
        }
        reached
    }

    /// Removes pairs that are older than `period`. The shard must call this regularly.
    pub fn purge(&mut self, period: Duration, now: Instant) {
        self.addresses.retain(|_, pairs| {
            pairs.retain(|(_, at)| now.saturating_duration_since(*at) < period);
            !pairs.is_empty()
        });
    }

    /// The number of addresses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether there is no address.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// If `addresses` is full, frees a sixteenth of the capacity, but at least one entry. So this work is seldom needed.
    fn make_room(&mut self) {
        if self.addresses.len() < self.capacity {
            return;
        }
        let latest = |pairs: &Vec<(Pair, Instant)>| pairs.iter().map(|(_, at)| *at).max();
        let mut all: Vec<_> = self.addresses.values().map(latest).collect();
        let excess = (self.capacity / 16).clamp(1, all.len());
        let (_, cut, _) = all.select_nth_unstable(excess - 1);
        let cut = *cut;
        self.addresses.retain(|_, pairs| latest(pairs) > cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { name: "stuffing", burst: 15, period: Duration::from_secs(600) };

    fn pair(account: u64, password: u64) -> Pair {
        Pair { account, password: account << 32 | password }
    }

    fn stuffing() -> Stuffing {
        Stuffing::new(100)
    }

    #[test]
    fn fifteen_accounts_from_one_address_are_stuffing() {
        let (mut stuffing, now) = (stuffing(), Instant::now());
        assert!((0..14).all(|account| !stuffing.note("a", pair(account, 1), &LIMIT, now)));
        assert!(stuffing.note("a", pair(14, 1), &LIMIT, now));
        assert!(stuffing.is_empty(), "counting starts again");
    }

    #[test]
    fn the_same_pair_counts_once() {
        let (mut stuffing, now) = (stuffing(), Instant::now());
        assert!((0..100).all(|_| !stuffing.note("a", pair(1, 1), &LIMIT, now)));
    }

    #[test]
    fn typing_errors_on_one_account_are_never_stuffing() {
        let (mut stuffing, now) = (stuffing(), Instant::now());
        assert!((0..100).all(|password| !stuffing.note("a", pair(1, password), &LIMIT, now)));
    }

    #[test]
    fn many_passwords_of_a_few_accounts_are_stuffing() {
        let (mut stuffing, now) = (stuffing(), Instant::now());
        let noted = (0..15).filter(|n| stuffing.note("a", pair(n % 3, *n), &LIMIT, now)).count();
        assert_eq!(noted, 1);
    }

    #[test]
    fn addresses_count_separately_and_old_pairs_do_not_count() {
        let (mut stuffing, now) = (stuffing(), Instant::now());
        assert!((0..14).all(|account| !stuffing.note("a", pair(account, 1), &LIMIT, now)));
        assert!(!stuffing.note("b", pair(14, 1), &LIMIT, now));
        assert!(!stuffing.note("a", pair(14, 1), &LIMIT, now + LIMIT.period));
        stuffing.purge(LIMIT.period, now + 2 * LIMIT.period);
        assert!(stuffing.is_empty());
    }

    #[test]
    fn the_number_of_addresses_is_bounded_and_the_latest_address_is_kept() {
        let (mut stuffing, start) = (Stuffing::new(32), Instant::now());
        for number in 0..1_000u32 {
            let now = start + Duration::from_millis(number.into());
            assert!(!stuffing.note(&number.to_string(), pair(1, 1), &LIMIT, now));
            assert!(stuffing.len() <= 32);
        }
        assert!(stuffing.addresses.contains_key("999"));
    }
}
