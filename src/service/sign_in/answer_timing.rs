//! Equal answer times of sign-ins, so that the time does not reveal whether a password was right.
//!
//! After the password was compared, a right one leads to a transaction and a wrong one to a short record. Every answer is
//! delayed to the time that nearly all right passwords have needed lately. Pure: durations in, durations out. `password`
//! measures and waits, on a timer that holds neither a thread nor a permit to hash.

use std::time::Duration;

/// The number of samples: enough for a ninth decile, few enough to forget a busy moment soon.
const SAMPLES: usize = 64;

/// The delay before the first sign-in.
const INITIAL: Duration = Duration::from_millis(4);

/// The longest delay. When the database is slower than this, its own variation hides the rest.
const MAX_DELAY: Duration = Duration::from_millis(50);

/// How long the last sign-ins with a right password took after the comparison.
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
    /// Adds a sample of a right password. Wrong ones must not be added: many of them would make the right ones stand out.
    pub(crate) fn note(&mut self, tail: Duration) {
        self.recent[self.next % SAMPLES] = tail.min(MAX_DELAY);
        self.next = (self.next + 1) % SAMPLES;
    }

    /// How long after the comparison an answer is due: nine of ten right passwords need no longer.
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
    fn at_first_something_is_due_already() {
        assert_eq!(AnswerTiming::default().due(), INITIAL);
    }

    #[test]
    fn nine_of_ten_right_passwords_need_no_longer() {
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
    fn a_few_slow_ones_change_nothing() {
        let mut timing = AnswerTiming::default();
        for _ in 0..SAMPLES / 16 {
            timing.note(millis(40));
        }
        assert_eq!(timing.due(), INITIAL);
    }

    #[test]
    fn a_busy_moment_is_forgotten_after_as_many_as_are_remembered() {
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
    fn no_answer_is_kept_back_for_long() {
        let mut timing = AnswerTiming::default();
        for _ in 0..SAMPLES {
            timing.note(Duration::MAX);
        }
        assert_eq!(timing.due(), MAX_DELAY);
    }
}
