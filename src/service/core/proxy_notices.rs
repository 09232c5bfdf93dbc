//! Signs that `TRUSTED_PROXIES` does not fit the proxies in front of the server. There are two signs:
//!
//! - A peer outside of the trusted proxies sends a request with a header that normally only proxies write. Most often the peer
//!   is a proxy that is missing from the setting. The peer may also be a client that wrote the header itself, so the header is
//!   never believed.
//! - A trusted proxy sends a request that names no client, because the proxy does not send `X-Forwarded-For`.
//!
//! In both cases, all clients behind the proxy share its address, with the limits and bans of this address. Each sign is logged
//! at most once a minute. Readiness shows it for ten minutes.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::client::address::is_in;
use ipnet::IpNet;
use parking_lot::Mutex;

use super::clock::Clock;

/// The headers with the client's address, as proxies set them.
const HEADERS: [&str; 2] = ["x-forwarded-for", "forwarded"];
/// The shortest time between two log lines about the same sign.
const LOG_EVERY: Duration = Duration::from_secs(60);
/// How long readiness shows a sign.
const SHOWN_FOR: Duration = Duration::from_secs(10 * 60);

/// Notes requests that are signs of a wrong setting. Clones share what was noted.
#[derive(Clone)]
pub struct ProxyNotices {
    clock: Clock,
    noted: Arc<Mutex<Notices>>,
}

#[derive(Default)]
struct Notices {
    /// Forwarded requests from a peer that is not a trusted proxy.
    untrusted: Noted,
    /// Requests of a trusted proxy that name no client.
    unnamed: Noted,
}

/// A sign, as readiness shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyNotice {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people. The text contains no address.
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
    last: Option<Instant>,
    logged: Option<Instant>,
    /// The number of requests since the last log line.
    requests: u64,
}

impl ProxyNotices {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, noted: Arc::default() }
    }

    /// Notes a request if it says that it was forwarded and its peer is not trusted. `has` says whether the request has a
    /// header with this name.
    pub fn check_forwarding(&self, peer: IpAddr, trusted: &[IpNet], has: impl Fn(&str) -> bool) {
        let Some(header) = HEADERS.into_iter().find(|name| has(name)) else { return };
        if is_in(peer, trusted) {
            return;
        }
        if let Some(requests) = self.noted.lock().untrusted.note(self.clock.moment()) {
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
        if let Some(requests) = self.noted.lock().unnamed.note(self.clock.moment()) {
            tracing::warn!(
                %proxy,
                requests,
                "a peer in TRUSTED_PROXIES sends no X-Forwarded-For: its clients share its address"
            );
        }
    }

    /// The signs that were noted during the last ten minutes.
    #[must_use]
    pub fn recent(&self) -> Vec<ProxyNotice> {
        let now = self.clock.moment();
        let noted = self.noted.lock();
        let all = [(&noted.untrusted, UNTRUSTED), (&noted.unnamed, UNNAMED)];
        all.into_iter().filter(|(noted, _)| noted.is_recent(now)).map(|(_, notice)| notice).collect()
    }
}

impl Noted {
    /// Counts a request. If a log line is due now, returns the number of requests since the last line.
    fn note(&mut self, now: Instant) -> Option<u64> {
        self.last = Some(now);
        self.requests += 1;
        if self.logged.is_some_and(|at| now.duration_since(at) < LOG_EVERY) {
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.requests))
    }

    fn is_recent(&self, now: Instant) -> bool {
        self.last.is_some_and(|at| now.duration_since(at) < SHOWN_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_logged_once_a_minute_with_the_number_of_requests() {
        let mut noted = Noted::default();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(noted.note(at(1_000)), Some(1));
        assert_eq!((noted.note(at(2_000)), noted.note(at(60_999))), (None, None));
        assert_eq!(noted.note(at(61_000)), Some(3));
    }
}
