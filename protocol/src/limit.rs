//! The description of a rate limit, without its state.
//!
//! The table of limits is `domain::abuse::throttle`; the state of each key is `logic::limits`.

use std::time::Duration;

/// A rate limit: at most `burst` requests at once, and in the long run `burst` per `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name of the limit, for logs and metrics. Limits with different names count separately, even for the same key.
    pub name: &'static str,
    /// How many requests are permitted at once; 0 refuses every request.
    pub burst: u32,
    /// The time in which `burst` permits become available again.
    pub period: Duration,
}

impl Limit {
    /// The time in which one permit becomes available again. It is rounded up, so that the rate is never exceeded.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let nanos = self.period.as_nanos().div_ceil(u128::from(self.burst.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
