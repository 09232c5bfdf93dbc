//! Requests with a forwarding header from a peer that is not a trusted proxy.
//!
//! The most frequent cause is a proxy that is missing in `TRUSTED_PROXIES`; then all clients behind it share one address, its
//! limits and its bans. But a client can also write the header itself, so the server never uses this header. It logs a warning
//! once a minute, and readiness shows the problem.

use std::{net::IpAddr, sync::Arc, time::Duration};

use domain::client::address::is_in;
use ipnet::IpNet;
use parking_lot::Mutex;

use super::clock::Clock;

/// The headers in which proxies name the client.
const HEADERS: [&str; 2] = ["x-forwarded-for", "forwarded"];
/// How often the warning is logged.
const LOG_EVERY: Duration = Duration::from_secs(60);
/// How long readiness shows the problem.
const SHOWN_FOR: Duration = Duration::from_secs(10 * 60);

/// Counts such requests. Clones share the counts.
#[derive(Clone)]
pub struct UntrustedForwarding {
    clock: Clock,
    noted: Arc<Mutex<Noted>>,
}

#[derive(Default)]
struct Noted {
    last_ms: Option<i64>,
    logged_ms: Option<i64>,
    /// Requests since the last warning.
    requests: u64,
}

impl UntrustedForwarding {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, noted: Arc::default() }
    }

    /// Counts a request if it has a forwarding header and its peer is not trusted. `has` says whether the request has a header
    /// of this name.
    pub fn check(&self, peer: IpAddr, trusted: &[IpNet], has: impl Fn(&str) -> bool) {
        let Some(header) = HEADERS.into_iter().find(|name| has(name)) else { return };
        if is_in(peer, trusted) {
            return;
        }
        if let Some(requests) = self.noted.lock().note(self.clock.now_ms()) {
            tracing::warn!(
                %peer,
                header,
                requests,
                "requests were forwarded by a peer that is not in TRUSTED_PROXIES: its clients share its address"
            );
        }
    }

    /// Whether there was such a request during the last ten minutes.
    #[must_use]
    pub fn is_recent(&self) -> bool {
        self.noted.lock().last_ms.is_some_and(|at| is_within(SHOWN_FOR, at, self.clock.now_ms()))
    }
}

impl Noted {
    /// Counts a request. If a warning is due, returns the number of requests since the last one.
    fn note(&mut self, now_ms: i64) -> Option<u64> {
        self.last_ms = Some(now_ms);
        self.requests += 1;
        if self.logged_ms.is_some_and(|at| is_within(LOG_EVERY, at, now_ms)) {
            return None;
        }
        self.logged_ms = Some(now_ms);
        Some(std::mem::take(&mut self.requests))
    }
}

fn is_within(period: Duration, at_ms: i64, now_ms: i64) -> bool {
    u128::try_from(now_ms.saturating_sub(at_ms)).is_ok_and(|age| age < period.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_is_logged_once_a_minute_with_the_number_of_requests() {
        let mut noted = Noted::default();
        assert_eq!(noted.note(1_000), Some(1));
        assert_eq!((noted.note(2_000), noted.note(60_999)), (None, None));
        assert_eq!(noted.note(61_000), Some(3));
    }
}
