//! Counts of events since the last time that they were taken, for the statistics of operators.
//!
//! Every part that holds `Realtime` counts here. A job takes the counts every few seconds and adds them to the rows of the current
//! minute. Pure: no clock and no I/O.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The upper bounds of the buckets of durations, in microseconds. The last bucket has no bound. Stored rows depend on these
/// numbers.
pub const BOUNDS_US: [u64; 14] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];
/// The number of buckets.
pub const BUCKETS: usize = BOUNDS_US.len() + 1;
/// The most labels of all series together. Labels are words of the program, so there are fewer.
const LABELS_MAX: usize = 1_000;
/// The label of events beyond that number.
const OTHER: &str = "other";

/// What is counted over time. The word is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Series {
    /// Sign-ins, by outcome.
    SignIns,
    /// Uses of refresh tokens, by outcome; `reuse` is a token that may have been copied.
    Refreshes,
    /// Requests and commands beyond a limit, by limit.
    Limits,
    /// Revocations, by cause, with the time until their sockets on the node were closed.
    Revocations,
    /// Sessions that revocations ended, by cause.
    SessionsRevoked,
    /// Doors that drills have opened, with the time until a revocation shut them, by door; a door that stayed open counts with
    /// five seconds.
    Drills,
    /// Open sessions of accounts, in the whole database.
    Sessions,
    /// Open connections of each node.
    Connections,
    /// Different users with connections on each node.
    ConnectedUsers,
}

/// How the values of a series are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesKind {
    /// A number of events.
    Count,
    /// A number of events with their durations.
    Duration,
    /// A value at a moment.
    Gauge,
}

impl Series {
    /// Every series.
    pub const ALL: [Self; 9] = [
        Self::SignIns,
        Self::Refreshes,
        Self::Limits,
        Self::Revocations,
        Self::SessionsRevoked,
        Self::Drills,
        Self::Sessions,
        Self::Connections,
        Self::ConnectedUsers,
    ];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIns => "sign_ins",
            Self::Refreshes => "refreshes",
            Self::Limits => "limits",
            Self::Revocations => "revocations",
            Self::SessionsRevoked => "sessions_revoked",
            Self::Drills => "drills",
            Self::Sessions => "sessions",
            Self::Connections => "connections",
            Self::ConnectedUsers => "connected_users",
        }
    }

    /// The series with this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|series| series.as_str() == word)
    }

    /// How its values are added up.
    #[must_use]
    pub fn kind(self) -> SeriesKind {
        match self {
            Self::SignIns | Self::Refreshes | Self::Limits | Self::SessionsRevoked => SeriesKind::Count,
            Self::Revocations | Self::Drills => SeriesKind::Duration,
            Self::Sessions | Self::Connections | Self::ConnectedUsers => SeriesKind::Gauge,
        }
    }
}

/// What was counted for a label of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The number of events.
    pub count: u64,
    /// If they have durations: how many of them lie in each bucket.
    pub buckets: Option<[u64; BUCKETS]>,
}

/// The counts since they were last taken, by series and label.
pub type Counts = BTreeMap<(Series, String), Counted>;

/// Counts events. All threads of a node share one tally.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

impl Tally {
    /// Counts events without durations.
    pub fn count(&self, series: Series, label: &str, by: u64) {
        if by > 0 {
            self.with(series, label, |counted| counted.count += by);
        }
    }

    /// Counts an event with its duration.
    pub fn observe(&self, series: Series, label: &str, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS_US.len());
        self.with(series, label, |counted| {
            counted.count += 1;
            counted.buckets.get_or_insert([0; BUCKETS])[bucket] += 1;
        });
    }

    /// Takes all counts. From now on, counting begins at 0.
    #[must_use]
    pub fn take(&self) -> Counts {
        std::mem::take(&mut *self.counts())
    }

    /// Gives counts back that could not be stored.
    pub fn give_back(&self, counts: Counts) {
        for ((series, label), given) in counts {
            self.with(series, &label, |counted| {
                counted.count += given.count;
                for (bucket, by) in given.buckets.into_iter().flatten().enumerate() {
                    counted.buckets.get_or_insert([0; BUCKETS])[bucket] += by;
                }
            });
        }
    }

    fn with(&self, series: Series, label: &str, change: impl FnOnce(&mut Counted)) {
        let mut counts = self.counts();
        let full = counts.len() >= LABELS_MAX && !counts.contains_key(&(series, label.to_owned()));
        let label = if full { OTHER } else { label };
        change(counts.entry((series, label.to_owned())).or_default());
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // A panic between two changes of a count loses at most one event.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The estimated duration, in microseconds, that this share of the events does not exceed. The events of a bucket count as
/// evenly spread over the bucket. `None` if there are no events. In the last bucket, its lower bound is returned.
#[must_use]
pub fn quantile_us(buckets: &[u64], share: f64) -> Option<u64> {
    let total: u64 = buckets.iter().sum();
    if total == 0 {
        return None;
    }
    let wanted = share * total as f64;
    let mut below = 0_u64;
    for (index, count) in buckets.iter().enumerate() {
        if *count > 0 && (below + count) as f64 >= wanted {
            let lower = index.checked_sub(1).map_or(0, |before| BOUNDS_US[before.min(BOUNDS_US.len() - 1)]);
            let Some(upper) = BOUNDS_US.get(index) else { return Some(lower) };
            let within = ((wanted - below as f64) / *count as f64).clamp(0.0, 1.0);
            return Some(lower + ((upper - lower) as f64 * within) as u64);
        }
        below += count;
    }
    BOUNDS_US.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_taken_once_and_can_be_given_back() {
        let tally = Tally::default();
        tally.count(Series::SignIns, "success", 2);
        tally.count(Series::SignIns, "refused", 0);
        let taken = tally.take();
        assert_eq!(taken.len(), 1);
        assert!(tally.take().is_empty());
        tally.count(Series::SignIns, "success", 1);
        tally.give_back(taken);
        assert_eq!(tally.take()[&(Series::SignIns, "success".to_owned())].count, 3);
    }

    #[test]
    fn the_number_of_labels_is_bounded() {
        let tally = Tally::default();
        for number in 0..2_000 {
            tally.count(Series::Limits, &number.to_string(), 1);
        }
        let taken = tally.take();
        assert_eq!(taken.len(), LABELS_MAX + 1);
        assert_eq!(taken[&(Series::Limits, OTHER.to_owned())].count, 1_000);
    }

    #[test]
    fn a_quantile_lies_in_the_bucket_of_its_event() {
        let tally = Tally::default();
        for millis in 1..=100 {
            tally.observe(Series::Revocations, "revoked", Duration::from_millis(millis));
        }
        tally.observe(Series::Revocations, "revoked", Duration::from_secs(60));
        let taken = tally.take();
        let buckets = taken[&(Series::Revocations, "revoked".to_owned())].buckets.unwrap();
        assert_eq!(buckets.iter().sum::<u64>(), 101);
        let half = quantile_us(&buckets, 0.5).unwrap();
        assert!((45_000..=55_000).contains(&half), "{half}");
        assert_eq!(quantile_us(&buckets, 1.0), Some(30_000_000));
        assert_eq!(quantile_us(&[0; BUCKETS], 0.5), None);
    }

    #[test]
    fn words_of_series_round_trip() {
        for series in Series::ALL {
            assert_eq!(Series::of(series.as_str()), Some(series));
        }
        assert_eq!(Series::of("nonsense"), None);
    }
}
