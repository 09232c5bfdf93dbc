//! Signs that `TRUSTED_PROXIES` and the proxies in front of the server do not fit together.
//!
//! A request that says it was forwarded, from a peer that is not a trusted proxy: most often that proxy is missing in the setting;
//! then all clients behind it share one address, its limits and its bans. A client may also have written the header itself, so
//! it is never believed. A request of a trusted proxy that names no client: the proxy sends no `X-Forwarded-For`, with the same
//! effect. The log says each once a minute, and readiness shows it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use domain::client::address::is_in;
use ipnet::IpNet;
use parking_lot::Mutex;

use super::clock::Clock;

/// The headers in which proxies name the client.
const HEADERS: [&str; 2] = ["x-forwarded-for", "forwarded"];
/// How often the log says it.
const LOG_EVERY: Duration = Duration::from_secs(60);
/// How long readiness shows it.
const SHOWN_FOR: Duration = Duration::from_secs(10 * 60);

/// Notes such requests. Clones share what was noted.
#[derive(Clone)]
pub struct ProxyNotices {
    clock: Clock,
    noted: Arc<Mutex<Notices>>,
}

#[derive(Default)]
struct Notices {
    /// Forwarded by a peer that is not trusted.
    untrusted: Noted,
    /// Of a trusted proxy that names no client.
    unnamed: Noted,
}

/// What readiness shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyNotice {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people. It names no address.
    pub detail: &'static str,
}

const UNTRUSTED: ProxyNotice = ProxyNotice {
    code: "untrusted_forwarding",
    detail: "Requests were forwarded by a peer that is not in TRUSTED_PROXIES: its clients share its address.",
};
const UNNAMED: ProxyNotice = ProxyNotice {
    code: "unnamed_clients",
    detail: "A peer in TRUSTED_PROXIES sends no X-Forwarded-For: its clients share its address.",
};

#[derive(Default)]
struct Noted {
    last_ms: Option<i64>,
    logged_ms: Option<i64>,
    /// Since the log said it.
    requests: u64,
}

impl ProxyNotices {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, noted: Arc::default() }
    }

    /// Notes a request if it says that it was forwarded and its peer is not trusted. `has` says whether it has a header of this
    /// name.
    pub fn check_forwarding(&self, peer: IpAddr, trusted: &[IpNet], has: impl Fn(&str) -> bool) {
        let Some(header) = HEADERS.into_iter().find(|name| has(name)) else { return };
        if is_in(peer, trusted) {
            return;
        }
        if let Some(requests) = self.noted.lock().untrusted.note(self.clock.now_ms()) {
            tracing::warn!(
                %peer,
                header,
                requests,
                "requests were forwarded by a peer that is not in TRUSTED_PROXIES: its clients share its address"
            );
        }
    }

    /// Notes a request of a trusted proxy that names no client.
    pub fn note_unnamed_client(&self, proxy: IpAddr) {
        if let Some(requests) = self.noted.lock().unnamed.note(self.clock.now_ms()) {
            tracing::warn!(
                %proxy,
                requests,
                "a peer in TRUSTED_PROXIES sends no X-Forwarded-For: its clients share its address"
            );
        }
    }

    /// What was noted a short while ago.
    #[must_use]
    pub fn recent(&self) -> Vec<ProxyNotice> {
        let now_ms = self.clock.now_ms();
        let noted = self.noted.lock();
        let all = [(&noted.untrusted, UNTRUSTED), (&noted.unnamed, UNNAMED)];
        all.into_iter().filter(|(noted, _)| noted.is_recent(now_ms)).map(|(_, notice)| notice).collect()
    }
}

impl Noted {
    /// Counts a request. If the log should say it now, how many there were since it did.
    fn note(&mut self, now_ms: i64) -> Option<u64> {
        self.last_ms = Some(now_ms);
        self.requests += 1;
        if self.logged_ms.is_some_and(|at| is_within(LOG_EVERY, at, now_ms)) {
            return None;
        }
        self.logged_ms = Some(now_ms);
        Some(std::mem::take(&mut self.requests))
    }

    fn is_recent(&self, now_ms: i64) -> bool {
        self.last_ms.is_some_and(|at| is_within(SHOWN_FOR, at, now_ms))
    }
}

fn is_within(period: Duration, at_ms: i64, now_ms: i64) -> bool {
    u128::try_from(now_ms.saturating_sub(at_ms)).is_ok_and(|age| age < period.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_it_once_a_minute_and_how_often_it_happened() {
        let mut noted = Noted::default();
        assert_eq!(noted.note(1_000), Some(1));
        assert_eq!((noted.note(2_000), noted.note(60_999)), (None, None));
        assert_eq!(noted.note(61_000), Some(3));
    }
}
