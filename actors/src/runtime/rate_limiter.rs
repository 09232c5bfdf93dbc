//! The `RateLimiter` actor: who may try again, and when.
//!
//! One shard per slice of keys, so that a flood on one key delays only its own slice. Owns GCRA state per key. Who sends:
//! `Realtime::check`. When it dies, its successor starts empty: attempts are counted anew, which lasts one period at
//! most and is why bans do not live here. A full mailbox refuses, it never lets through.

use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message};
use tokio::sync::oneshot;

use crate::logic::limits::{Limit, Limiter, Verdict};

const PURGE_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Check {
    pub(crate) key: String,
    pub(crate) limit: Limit,
    pub(crate) reply: oneshot::Sender<Verdict>,
}

pub(crate) struct RateLimiter {
    limiter: Limiter,
}

impl RateLimiter {
    pub(crate) fn new(max_keys: usize) -> Self {
        Self { limiter: Limiter::new(max_keys) }
    }
}

impl Actor for RateLimiter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(PURGE_INTERVAL, |actor, _| actor.limiter.purge(Instant::now()));
    }
}

impl Handler<Check> for RateLimiter {
    type Result = ();

    fn handle(&mut self, message: Check, _: &mut Self::Context) {
        let verdict = self.limiter.check(&message.key, &message.limit, Instant::now());
        if matches!(verdict, Verdict::Denied { .. }) {
            metrics::counter!("rate_limited_total", "limit" => message.limit.name).increment(1);
        }
        // Whoever asked may have gone away.
        let _ = message.reply.send(verdict);
    }
}
