//! How often something may be done: the description of a limit, without its state.
//!
//! The table of limits is `domain::abuse::throttle`; the state of each key is `logic::limits`.

use std::time::Duration;

/// At most `burst` at once, and in the long run `burst` per `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited, for logs and metrics; keys of different names are different keys.
    pub name: &'static str,
    /// How many may come at once; 0 refuses everything.
    pub burst: u32,
    /// How long it takes until `burst` more are allowed.
    pub period: Duration,
}

impl Limit {
    /// The time in which one permit comes back, rounded up so that the rate is never exceeded.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let nanos = self.period.as_nanos().div_ceil(u128::from(self.burst.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
