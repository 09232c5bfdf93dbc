//! Timing of pings and pongs: when the next ping is due, and whether the last ping was answered.
//!
//! This file does not determine the form of a ping: the client state sends WebSocket ping frames before `connect`, and ping
//! messages of the protocol after `connect`.

use std::time::{Duration, Instant};

use super::config::ClientConfig;

/// An event that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Send a ping.
    Ping,
    /// The last ping was not answered in time.
    Lost,
}

/// The timing of one connection's pings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    first_jitter: f64,
    /// When the next ping is due; `None` while there are no pings.
    ping_at: Option<Instant>,
    /// The deadline of the awaited pong; `None` if no pong is awaited.
    pong_by: Option<Instant>,
    /// When the unanswered ping was sent, and the time from the last answered ping to its pong.
    pinged_at: Option<Instant>,
    round_trip: Option<Duration>,
}

impl Heartbeat {
    /// A heartbeat that has not started. `first_jitter` is a number from 0 to 1.
    pub(super) fn new(first_jitter: f64) -> Self {
        let first_jitter = if first_jitter.is_finite() { first_jitter.clamp(0.0, 1.0) } else { 0.5 };
        Self { first_jitter, ping_at: None, pong_by: None, pinged_at: None, round_trip: None }
    }

    /// Starts the pings. The first one is due between half an interval and a whole interval from `now`. Does nothing if pings
    /// have already started.
    pub(super) fn start(&mut self, config: &ClientConfig, now: Instant) {
        let first = config.ping_interval.mul_f64(0.5 + 0.5 * self.first_jitter);
        self.ping_at.get_or_insert(now + first);
    }

    /// Stops waiting for the pong to a WebSocket ping. The client state calls this at `connect`, because later pongs are
    /// messages.
    pub(super) fn forget_pong(&mut self) {
        (self.pong_by, self.pinged_at) = (None, None);
    }

    /// Stops the pings.
    pub(super) fn stop(&mut self) {
        (self.ping_at, self.pong_by) = (None, None);
    }

    /// Records a pong that arrived at `now`. Returns false if no pong was awaited.
    pub(super) fn pong(&mut self, now: Instant) -> bool {
        if self.pong_by.take().is_none() {
            return false;
        }
        self.round_trip = self.pinged_at.take().map(|at| now.saturating_duration_since(at));
        true
    }

    /// The time between the last ping that was answered and its pong.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Makes a ping due now, with a pong that is due soon. Returns whether the ping must be sent. If a pong is already awaited,
    /// no ping is sent, because the peer would answer with a second pong. Only the deadline of the awaited pong becomes
    /// earlier. Nothing changes if the last ping was sent less than `probe_timeout` ago and has been answered, or if pings have
    /// not started. If no ping was sent yet, the last ping is taken to be one interval before the next ping.
    pub(super) fn probe(&mut self, config: &ClientConfig, now: Instant) -> bool {
        let by = now + config.probe_timeout;
        if let Some(pong_by) = &mut self.pong_by {
            *pong_by = by.min(*pong_by);
            return false;
        }
        let pinged_at = self.ping_at.and_then(|at| at.checked_sub(config.ping_interval));
        if pinged_at.is_none_or(|at| now < at + config.probe_timeout) {
            return false;
        }
        (self.ping_at, self.pong_by) = (Some(now + config.ping_interval), Some(by));
        self.pinged_at = Some(now);
        true
    }

    /// The event that is due at `now`, if there is one.
    pub(super) fn tick(&mut self, config: &ClientConfig, now: Instant) -> Option<Beat> {
        if self.pong_by.is_some_and(|deadline| deadline <= now) {
            return Some(Beat::Lost);
        }
        if self.ping_at.is_none_or(|at| at > now) {
            return None;
        }
        self.ping_at = Some(now + config.ping_interval.max(Duration::from_secs(1)));
        // If a pong is already awaited, its deadline stays: a second ping must not extend it.
        self.pong_by.get_or_insert_with(|| {
            self.pinged_at = Some(now);
            now + config.pong_timeout
        });
        Some(Beat::Ping)
    }

    /// The time of the next event; `None` while there are no pings.
    pub(super) fn next(&self) -> Option<Instant> {
        [self.ping_at, self.pong_by].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_measures_the_round_trip_of_the_ping_that_it_answers() {
        let (config, begin) = (ClientConfig::default(), Instant::now());
        let mut heartbeat = Heartbeat::new(0.0);
        heartbeat.start(&config, begin);
        let due = heartbeat.next().expect("a ping");
        assert_eq!(heartbeat.tick(&config, due), Some(Beat::Ping));
        assert_eq!(heartbeat.round_trip(), None);
        assert!(heartbeat.pong(due + Duration::from_millis(40)));
        assert_eq!(heartbeat.round_trip(), Some(Duration::from_millis(40)));
        assert!(!heartbeat.pong(due + Duration::from_millis(90)));
        assert_eq!(heartbeat.round_trip(), Some(Duration::from_millis(40)));
    }
}
