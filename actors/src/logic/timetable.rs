//! [`Timetable`]: the times at which keys need work. With it, periodic work visits only the keys that are due.
//!
//! Time is divided into steps, and a key is due at the end of the step that contains its time. A key has at most one entry. The
//! caller stores the entry with the key, and passes it to later calls. Pure.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The entry of one key. Entries are ordered by their steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    step: u64,
    /// Makes the entry unique.
    number: u64,
}

/// The entries of all keys.
#[derive(Debug)]
pub struct Timetable<K> {
    began: Instant,
    step: Duration,
    number: u64,
    entries: BTreeMap<Entry, K>,
}

impl<K> Timetable<K> {
    /// An empty timetable. `step` is the interval between two calls of [`Self::take_due`].
    #[must_use]
    pub fn new(began: Instant, step: Duration) -> Self {
        Self { began, step, number: 0, entries: BTreeMap::new() }
    }

    /// Enters a key that needs work at `at`. `present` is the entry that the key has already. If this entry is due in the same
    /// step or earlier, the entry stays. The caller of [`Self::take_due`] then visits the key and enters it again.
    #[must_use]
    pub fn enter(&mut self, present: Option<Entry>, at: Instant, key: impl FnOnce() -> K) -> Entry {
        let passed = at.saturating_duration_since(self.began).as_nanos();
        let step = u64::try_from(passed.div_ceil(self.step.as_nanos().max(1))).unwrap_or(u64::MAX);
        if let Some(present) = present {
            if present.step <= step {
                return present;
            }
            self.entries.remove(&present);
        }
        self.number += 1;
        let entry = Entry { step, number: self.number };
        self.entries.insert(entry, key());
        entry
    }

    /// Removes an entry.
    pub fn remove(&mut self, entry: Entry) {
        self.entries.remove(&entry);
    }

    /// Removes the keys that are due, and returns them in the order of their steps.
    pub fn take_due(&mut self, now: Instant) -> impl Iterator<Item = K> + use<K> {
        let passed = now.saturating_duration_since(self.began).as_nanos() / self.step.as_nanos().max(1);
        let next = u64::try_from(passed).unwrap_or(u64::MAX).saturating_add(1);
        let later = self.entries.split_off(&Entry { step: next, number: 0 });
        std::mem::replace(&mut self.entries, later).into_values()
    }

    /// How many keys have an entry.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no key has an entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_secs(5);

    fn timetable() -> (Timetable<&'static str>, Instant) {
        let began = Instant::now();
        (Timetable::new(began, STEP), began)
    }

    fn due(timetable: &mut Timetable<&'static str>, now: Instant) -> Vec<&'static str> {
        timetable.take_due(now).collect()
    }

    #[test]
    fn a_key_is_due_once_at_the_end_of_its_step() {
        let (mut timetable, began) = timetable();
        let _ = timetable.enter(None, began + Duration::from_secs(11), || "a");
        let _ = timetable.enter(None, began + Duration::from_secs(3), || "b");
        assert!(due(&mut timetable, began + Duration::from_secs(4)).is_empty());
        assert_eq!(due(&mut timetable, began + STEP), ["b"]);
        assert!(due(&mut timetable, began + 2 * STEP).is_empty());
        assert_eq!(due(&mut timetable, began + 3 * STEP), ["a"]);
        assert!(timetable.is_empty());
    }

    #[test]
    fn keys_of_missed_steps_are_due_at_the_next_call() {
        let (mut timetable, began) = timetable();
        let _ = timetable.enter(None, began + 2 * STEP, || "later");
        let _ = timetable.enter(None, began, || "first");
        assert_eq!(due(&mut timetable, began + 100 * STEP), ["first", "later"]);
    }

    #[test]
    fn a_key_is_due_at_the_earlier_of_two_times() {
        let (mut timetable, began) = timetable();
        let first = timetable.enter(None, began + 2 * STEP, || "a");
        assert_eq!(timetable.enter(Some(first), began + 3 * STEP, || "a"), first);
        let earlier = timetable.enter(Some(first), began + STEP, || "a");
        assert!(earlier < first && timetable.len() == 1);
        assert_eq!(due(&mut timetable, began + STEP), ["a"]);
        assert!(due(&mut timetable, began + 3 * STEP).is_empty());
    }

    #[test]
    fn a_removed_entry_is_never_due() {
        let (mut timetable, began) = timetable();
        let entry = timetable.enter(None, began, || "a");
        timetable.remove(entry);
        assert!(timetable.is_empty() && due(&mut timetable, began + STEP).is_empty());
    }
}
