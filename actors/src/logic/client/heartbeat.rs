//! Timing of pings and pongs: when the next ping is due, and whether the last one was answered.
//!
//! This file does not know the form of a ping: the client state sends WebSocket ping frames before `connect`, and ping
//! messages of the protocol after it.

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
    ping_at: Option<Instant>,
    pong_by: Option<Instant>,
}

impl Heartbeat {
    /// A heartbeat that has not started. `first_jitter` is 0 to 1.
    pub(super) fn new(first_jitter: f64) -> Self {
        let first_jitter = if first_jitter.is_finite() { first_jitter.clamp(0.0, 1.0) } else { 0.5 };
        Self { first_jitter, ping_at: None, pong_by: None }
    }

    /// Starts the pings. The first one is due between half an interval and a whole interval from `now`. Has no effect if pings
    /// have started already.
    pub(super) fn start(&mut self, config: &ClientConfig, now: Instant) {
        let first = config.ping_interval.mul_f64(0.5 + 0.5 * self.first_jitter);
        self.ping_at.get_or_insert(now + first);
    }

    /// Stops waiting for a pong, because later pings have another form.
    pub(super) fn forget_pong(&mut self) {
        self.pong_by = None;
    }

    /// Stops the pings.
    pub(super) fn stop(&mut self) {
        (self.ping_at, self.pong_by) = (None, None);
    }

    /// Records a pong. Returns false if no ping was waiting for one.
    pub(super) fn pong(&mut self) -> bool {
        self.pong_by.take().is_some()
    }

    /// Brings the next ping forward, with a pong that is due soon. Returns whether the ping is to be sent. An outstanding pong is
    /// only due sooner, because a second ping would get a pong of its own. A peer that has just answered a ping lives.
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
        // An outstanding pong keeps its deadline: a second ping must not extend it.
        self.pong_by.get_or_insert(now + config.pong_timeout);
        Some(Beat::Ping)
    }

    /// The time of the next event.
    pub(super) fn next(&self) -> Option<Instant> {
        [self.ping_at, self.pong_by].into_iter().flatten().min()
    }
}
