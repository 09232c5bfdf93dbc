//! Growing delays after several wrong second factors in a row. During a delay, second factors from the same source are refused.
//!
//! The use cases that judge second factors call [`delay`]. Rate limits bound how fast codes are tried; these delays bound how
//! many codes are tried. The store counts the wrong second factors, for all nodes.

use std::time::Duration;

use protocol::id::{DeviceId, SessionId};
use uuid::Uuid;

/// The number of wrong second factors in a row that cause no delay.
pub const FREE_FAILURES: u32 = 9;
/// The delay after the first failure beyond [`FREE_FAILURES`]. It doubles with each further failure.
const FIRST_DELAY: Duration = Duration::from_secs(60);
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long failures are remembered after the last failure.
pub const MEMORY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The source of attempts on the second factors of a user. Each source has its own count, so that guesses from other sources do
/// not lock out the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FactorSource {
    /// A device that the account knows.
    KnownDevice(DeviceId),
    /// All other devices together.
    OtherDevices,
    /// A session that steps up.
    Session(SessionId),
}

impl FactorSource {
    /// The stored id.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::KnownDevice(device) => device.0,
            Self::OtherDevices => Uuid::nil(),
            Self::Session(session) => session.0,
        }
    }
}

/// How long second factors are refused after this many failures in a row. `None` for no delay.
#[must_use]
pub fn delay(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(FREE_FAILURES + 1)?;
    let delay = 1_u32.checked_shl(doublings).and_then(|factor| FIRST_DELAY.checked_mul(factor));
    Some(delay.map_or(LONGEST_DELAY, |delay| delay.min(LONGEST_DELAY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failures_cause_no_delay_and_later_failures_double_the_delay() {
        assert!((0..=FREE_FAILURES).all(|failures| delay(failures).is_none()));
        let delays: Vec<_> = (10..14).filter_map(delay).map(|delay| delay.as_secs()).collect();
        assert_eq!(delays, [60, 120, 240, 480]);
    }

    #[test]
    fn no_delay_is_longer_than_a_day() {
        for failures in [20, 21, 40, 41, 42, 43, 1000, u32::MAX] {
            assert!(delay(failures).is_some_and(|delay| delay <= LONGEST_DELAY), "{failures}");
        }
        assert_eq!(delay(u32::MAX), Some(LONGEST_DELAY));
    }

    #[test]
    fn a_month_of_guessing_tries_few_codes() {
        let (mut tried, mut elapsed) = (0, Duration::ZERO);
        while elapsed < Duration::from_secs(30 * 24 * 60 * 60) {
            tried += 1;
            elapsed += delay(tried).unwrap_or_default();
        }
        assert!(tried < 60, "{tried}");
    }
}
