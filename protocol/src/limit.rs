//! The description of a rate limit, without its state.
//!
//! The table of limits is in `domain::abuse::throttle`. The state of each key is in `logic::limits`.

use std::time::Duration;

/// A rate limit: at most `burst` requests at once, and on average `burst` requests per `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name of the limit, for logs and metrics. Limits with different names count separately, even for the same key.
    pub name: &'static str,
    /// The number of requests permitted at once; 0 refuses every request.
    pub burst: u32,
    /// The time in which `burst` permits become available again.
    pub period: Duration,
}

impl Limit {
    /// The time until one spent permit is available again. It is rounded up, so that the rate is never exceeded.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let nanos = self.period.as_nanos().div_ceil(u128::from(self.burst.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
