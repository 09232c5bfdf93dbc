//! Equal answer times, so that the time of an answer does not reveal, for example, whether a password was correct.
//!
//! After the password was compared with its hash, a correct password leads to a transaction and a wrong password to a short
//! record. So every answer is delayed up to the time that nine of ten recent correct passwords needed. For registrations, a new
//! address counts like a correct password. This file reads no clock and does not wait; `even_answers` does both.

use std::time::Duration;

/// The number of samples: enough for a ninth decile, and few enough to follow changes of the load soon.
const SAMPLES: usize = 64;

/// The delay before the first sample.
const INITIAL: Duration = Duration::from_millis(4);

/// The longest delay. If the database is slower than this, the variation of its answers hides the remaining difference.
const MAX_DELAY: Duration = Duration::from_millis(50);

/// The times of the last successes. A time begins where successes and failures begin to differ, for example with the comparison
/// of the password.
#[derive(Debug)]
pub(crate) struct AnswerTiming {
    recent: [Duration; SAMPLES],
    next: usize,
}

impl Default for AnswerTiming {
    fn default() -> Self {
        Self { recent: [INITIAL; SAMPLES], next: 0 }
    }
}

impl AnswerTiming {
    /// Adds the time of a success. The shorter times of failures must not be added. They would make the delay too short, and
    /// then successes would be answered later than failures.
    pub(crate) fn note(&mut self, tail: Duration) {
        self.recent[self.next % SAMPLES] = tail.min(MAX_DELAY);
        self.next = (self.next + 1) % SAMPLES;
    }

    /// The delay of an answer. The time begins where successes and failures begin to differ. Nine of ten successes need at most
    /// this time, unless [`MAX_DELAY`] is shorter.
    pub(crate) fn due(&self) -> Duration {
        let mut sorted = self.recent;
        *sorted.select_nth_unstable(SAMPLES * 9 / 10).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn there_is_a_delay_before_the_first_sample() {
        assert_eq!(AnswerTiming::default().due(), INITIAL);
    }

    #[test]
    fn nine_of_ten_samples_are_within_the_delay() {
        let mut timing = AnswerTiming::default();
        for tail in 1..=40 {
            timing.note(millis(tail));
        }
        for _ in 40..SAMPLES {
            timing.note(millis(1));
        }
        let due = timing.due();
        let within = timing.recent.iter().filter(|tail| **tail <= due).count();
        assert!((SAMPLES * 9 / 10..=SAMPLES * 9 / 10 + 1).contains(&within), "{within}");
    }

    #[test]
    fn a_few_slow_samples_do_not_change_the_delay() {
        let mut timing = AnswerTiming::default();
        for _ in 0..SAMPLES / 16 {
            timing.note(millis(40));
        }
        assert_eq!(timing.due(), INITIAL);
    }

    #[test]
    fn new_samples_replace_the_old_ones() {
        let mut timing = AnswerTiming::default();
        for _ in 0..SAMPLES {
            timing.note(millis(40));
        }
        assert_eq!(timing.due(), millis(40));
        for _ in 0..SAMPLES {
            timing.note(millis(2));
        }
        assert_eq!(timing.due(), millis(2));
    }

    #[test]
    fn a_delay_is_at_most_the_maximum() {
        let mut timing = AnswerTiming::default();
        for _ in 0..SAMPLES {
            timing.note(Duration::MAX);
        }
        assert_eq!(timing.due(), MAX_DELAY);
    }
}
