//! Measures how late the actors are: how long a message waits in a lane, and how long work waits for a thread.
//!
//! A job of the server calls `Realtime::measure_lag` every few seconds. A measurement changes no state of an actor.

use std::time::Instant;

use actix::{Actor, Context, Handler, Message};

use super::{
    channels::shard::ChannelShard,
    services::{audit::Audit, device_tracker::DeviceTracker, rate_limiter::RateLimiter},
    supervision::Lane,
};

/// A message that does nothing but record how long it has waited.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LagMessage {
    sent: Instant,
    lane: &'static str,
}

impl LagMessage {
    /// Sends a message over the lane. A lane that does not accept it is full, or its actor is being restarted. These cases are
    /// counted.
    pub(crate) fn send<A>(lane: &Lane<A>, name: &'static str)
    where
        A: Actor<Context = Context<A>> + Handler<Self>,
    {
        if lane.try_send(Self { sent: Instant::now(), lane: name }).is_err() {
            metrics::counter!("lane_measurements_refused_total", "lane" => name).increment(1);
        }
    }

    fn arrived(&self) {
        metrics::histogram!("lane_wait_seconds", "lane" => self.lane).record(self.sent.elapsed());
    }
}

impl Handler<LagMessage> for ChannelShard {
    type Result = ();

    fn handle(&mut self, message: LagMessage, _: &mut Self::Context) {
        message.arrived();
    }
}

impl Handler<LagMessage> for RateLimiter {
    type Result = ();

    fn handle(&mut self, message: LagMessage, _: &mut Self::Context) {
        message.arrived();
    }
}

impl Handler<LagMessage> for DeviceTracker {
    type Result = ();

    fn handle(&mut self, message: LagMessage, _: &mut Self::Context) {
        message.arrived();
    }
}

impl Handler<LagMessage> for Audit {
    type Result = ();

    fn handle(&mut self, message: LagMessage, _: &mut Self::Context) {
        message.arrived();
    }
}
