//! When a mail is sent again, and when it is given up.
//!
//! Pure: the random number is an argument.

use std::time::Duration;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The pause after this many failed attempts. It doubles with each failure, up to 15 minutes, and is shortened by a random part
/// of at most half. `random` is any number.
#[must_use]
pub fn pause(failures: u32, random: u32) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST);
    let part = f64::from(random) / f64::from(u32::MAX);
    doubled.mul_f64(1.0 - part / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_fifteen_minutes() {
        let pauses: Vec<_> = [1, 2, 3, 8, 9, 40, u32::MAX].map(|n| pause(n, 0).as_secs()).into();
        assert_eq!(pauses, [5, 10, 20, 640, 900, 900, 900]);
    }

    proptest! {
        #[test]
        fn a_pause_is_never_shorter_than_half_of_the_first(failures in 1u32.., random: u32) {
            let pause = pause(failures, random);
            prop_assert!(pause >= FIRST / 2 && pause <= LONGEST);
        }
    }
}
