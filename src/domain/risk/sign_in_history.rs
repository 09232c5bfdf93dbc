//! A cache of sign-in histories, so that a burst of sign-ins to one account from one address reads the database once.
//!
//! The `DeviceTracker` actor holds the cache. Attempts on this node are added at once. Attempts on other nodes become visible
//! when the cached history expires and is read again.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use protocol::id::UserId;

use crate::risk::{History, Place, Visit};

/// How long a history is cached.
const KEPT: Duration = Duration::from_secs(10);
/// Maximum number of cached histories.
const MAX: usize = 4_096;
/// Maximum number of visits in a history; older visits are not needed.
pub const VISITS_MAX: usize = 50;
/// Maximum number of failures in a history.
pub const FAILURES_MAX: usize = 50;

/// A sign-in attempt to an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempted {
    /// The account.
    pub user: UserId,
    /// The time of the attempt, in milliseconds since the epoch.
    pub at_ms: i64,
    /// The location, if the attempt succeeded; `None` if it failed.
    pub succeeded: Option<Place>,
}

/// The state of the cache when a read of a history began. If an attempt was noted after that moment, the history may lack the
/// attempt and is not cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

struct Entry {
    /// The history counts accounts with failures for this address.
    address: IpAddr,
    history: History,
    read_at: Instant,
}

/// The cached histories of some users.
#[derive(Default)]
pub struct Histories {
    entries: HashMap<UserId, Entry>,
    noted: u64,
}

impl Histories {
    /// The cached history of a user for a sign-in from `address`. `None` if the history is not cached or too old, or was read
    /// for another address.
    #[must_use]
    pub fn get(&self, user: UserId, address: IpAddr, now: Instant) -> Option<&History> {
        let entry = self.entries.get(&user)?;
        let fresh = entry.address == address && now.duration_since(entry.read_at) < KEPT;
        fresh.then_some(&entry.history)
    }

    /// The state of the cache now. The calling code takes this mark before it reads a history.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.noted)
    }

    /// Caches a history if no attempt was noted since `mark`, where its reading began, and the cache is not full.
    pub fn put(&mut self, user: UserId, address: IpAddr, history: History, mark: Mark, now: Instant) {
        if mark != self.mark() {
            return;
        }
        if self.entries.len() >= MAX {
            self.entries.retain(|_, entry| now.duration_since(entry.read_at) < KEPT);
        }
        if self.entries.len() < MAX {
            self.entries.insert(user, Entry { address, history, read_at: now });
        }
    }

    /// Adds an attempt on this node to the history of the account, if this history is cached.
    pub fn note(&mut self, attempted: Attempted) {
        self.noted += 1;
        let Some(Entry { history, .. }) = self.entries.get_mut(&attempted.user) else {
            return;
        };
        match attempted.succeeded {
            Some(place) => {
                history.visits.insert(0, Visit { at_ms: attempted.at_ms, place });
                history.visits.truncate(VISITS_MAX);
            }
            None => {
                history.failures.insert(0, attempted.at_ms);
                history.failures.truncate(FAILURES_MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId(1);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    fn failed() -> Attempted {
        Attempted { user: ADA, at_ms: 7, succeeded: None }
    }

    fn read(histories: &mut Histories, now: Instant) {
        let mark = histories.mark();
        histories.put(ADA, address(1), History::default(), mark, now);
    }

    #[test]
    fn a_cached_history_is_valid_for_ten_seconds_and_for_one_address() {
        let (mut histories, now) = (Histories::default(), Instant::now());
        read(&mut histories, now);
        assert!(histories.get(ADA, address(1), now + KEPT / 2).is_some());
        assert!(histories.get(ADA, address(1), now + KEPT).is_none());
        assert!(histories.get(ADA, address(2), now).is_none());
        assert!(histories.get(UserId(2), address(1), now).is_none());
    }

    #[test]
    fn attempts_on_this_node_are_added_at_once() {
        let (mut histories, now) = (Histories::default(), Instant::now());
        read(&mut histories, now);
        histories.note(failed());
        histories.note(Attempted { succeeded: Some(Place::default()), ..failed() });
        let history = histories.get(ADA, address(1), now).expect("a cached history");
        assert_eq!((history.failures.len(), history.visits.len()), (1, 1));
    }

    #[test]
    fn a_history_is_not_cached_if_an_attempt_was_noted_while_it_was_read() {
        let (mut histories, now) = (Histories::default(), Instant::now());
        let mark = histories.mark();
        histories.note(failed());
        histories.put(ADA, address(1), History::default(), mark, now);
        assert!(histories.get(ADA, address(1), now).is_none());
    }

    #[test]
    fn the_number_of_failures_in_a_history_is_bounded() {
        let (mut histories, now) = (Histories::default(), Instant::now());
        read(&mut histories, now);
        for _ in 0..1_000 {
            histories.note(failed());
        }
        assert_eq!(histories.get(ADA, address(1), now).map(|found| found.failures.len()), Some(FAILURES_MAX));
    }

    #[test]
    fn the_number_of_cached_histories_is_bounded() {
        let (mut histories, now) = (Histories::default(), Instant::now());
        for user in 0..2 * i64::try_from(MAX).expect("a small number") {
            let mark = histories.mark();
            histories.put(UserId(user), address(1), History::default(), mark, now);
        }
        assert_eq!(histories.entries.len(), MAX);
        let mark = histories.mark();
        histories.put(UserId(-1), address(1), History::default(), mark, now + KEPT);
        assert_eq!(histories.entries.len(), 1);
    }
}
