//! How long answers to sign-ins are kept back, so that their time does not tell whether a password was right.
//!
//! Once a password has been compared, a right one leads to a transaction and a wrong one to a note: the tail of a sign-in.
//! All tails are made as long as nearly all of those that a right password had lately. Pure: durations in, durations out;
//! `sign_in` measures and waits, on a timer that holds neither a thread nor a turn to hash.

use std::time::Duration;

/// How many tails are remembered: enough for a ninth decile, few enough to forget a busy moment soon.
const REMEMBERED: usize = 64;

/// What is due before anybody has signed in.
const AT_FIRST: Duration = Duration::from_millis(4);

/// No answer is kept back longer: in a moment when the database is this slow, its pace hides what is left.
const AT_MOST: Duration = Duration::from_millis(50);

/// The tails of the last sign-ins whose password was right.
#[derive(Debug)]
pub(crate) struct Tails {
    recent: [Duration; REMEMBERED],
    next: usize,
}

impl Default for Tails {
    fn default() -> Self {
        Self { recent: [AT_FIRST; REMEMBERED], next: 0 }
    }
}

impl Tails {
    /// Remembers what came after a right password. A wrong one must not be noted, or many of them would make the right ones
    /// stand out.
    pub(crate) fn note(&mut self, tail: Duration) {
        self.recent[self.next % REMEMBERED] = tail.min(AT_MOST);
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// How long after the comparison an answer is due: what nine of ten right passwords need no longer than.
    pub(crate) fn due(&self) -> Duration {
        let mut sorted = self.recent;
        *sorted.select_nth_unstable(REMEMBERED * 9 / 10).1
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
        assert_eq!(Tails::default().due(), AT_FIRST);
    }

    #[test]
    fn nine_of_ten_right_passwords_need_no_longer() {
        let mut tails = Tails::default();
        for tail in 1..=40 {
            tails.note(millis(tail));
        }
        for _ in 40..REMEMBERED {
            tails.note(millis(1));
        }
        let due = tails.due();
        let within = tails.recent.iter().filter(|tail| **tail <= due).count();
        assert!((REMEMBERED * 9 / 10..=REMEMBERED * 9 / 10 + 1).contains(&within), "{within}");
    }

    #[test]
    fn a_few_slow_ones_change_nothing() {
        let mut tails = Tails::default();
        for _ in 0..REMEMBERED / 16 {
            tails.note(millis(40));
        }
        assert_eq!(tails.due(), AT_FIRST);
    }

    #[test]
    fn a_busy_moment_is_forgotten_after_as_many_as_are_remembered() {
        let mut tails = Tails::default();
        for _ in 0..REMEMBERED {
            tails.note(millis(40));
        }
        assert_eq!(tails.due(), millis(40));
        for _ in 0..REMEMBERED {
            tails.note(millis(2));
        }
        assert_eq!(tails.due(), millis(2));
    }

    #[test]
    fn no_answer_is_kept_back_for_long() {
        let mut tails = Tails::default();
        for _ in 0..REMEMBERED {
            tails.note(Duration::MAX);
        }
        assert_eq!(tails.due(), AT_MOST);
    }
}
