//! When an event is sent again, and when it becomes a dead letter.
//!
//! Pure: the random number is an argument.

use std::time::Duration;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// What an attempt to deliver has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has the event.
    Delivered,
    /// The event is sent again later.
    Failed,
    /// The receiver is gone. It gets no more events until an operator enables it again.
    Gone,
}

/// The verdict on the status of an answer. A redirect is a failure, because it is never followed.
#[must_use]
pub fn verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Delivered,
        410 => Verdict::Gone,
        _ => Verdict::Failed,
    }
}

/// The pause after this many failed attempts. It doubles with each failure, up to an hour, and is shortened by a random part of
/// at most half. `random` is any number.
#[must_use]
pub fn pause(failures: u32, random: u32) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST);
    let part = f64::from(random) / f64::from(u32::MAX);
    doubled.mul_f64(1.0 - part / 2.0)
}

/// The pause that a receiver asks for with `Retry-After` in seconds, up to an hour. Dates are ignored.
#[must_use]
pub fn asked_pause(retry_after: &str) -> Option<Duration> {
    let seconds = retry_after.trim().parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let pauses: Vec<_> = [1, 2, 3, 12, 13, 40, u32::MAX].map(|n| pause(n, 0).as_secs()).into();
        assert_eq!(pauses, [1, 2, 4, 2048, 3600, 3600, 3600]);
        assert_eq!(pause(2, u32::MAX), Duration::from_secs(1));
    }

    #[test]
    fn only_a_success_delivers_and_only_gone_is_final() {
        for (status, expected) in [
            (200, Verdict::Delivered),
            (202, Verdict::Delivered),
            (204, Verdict::Delivered),
            (302, Verdict::Failed),
            (400, Verdict::Failed),
            (410, Verdict::Gone),
            (500, Verdict::Failed),
        ] {
            assert_eq!(verdict(status), expected, "{status}");
        }
    }

    #[test]
    fn a_receiver_asks_for_at_most_an_hour() {
        assert_eq!(asked_pause(" 30 "), Some(Duration::from_secs(30)));
        assert_eq!(asked_pause("99999999"), Some(LONGEST));
        assert_eq!(asked_pause("-1"), None);
        assert_eq!(asked_pause("Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }

    proptest! {
        #[test]
        fn a_pause_is_between_half_a_second_and_an_hour(failures in 1u32.., random: u32) {
            let pause = pause(failures, random);
            prop_assert!(pause >= FIRST / 2 && pause <= LONGEST);
        }
    }
}
