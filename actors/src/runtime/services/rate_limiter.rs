//! The `RateLimiter` actor: decides whether another attempt with a key is permitted now, and if not, when it will be permitted.
//!
//! The keys are divided among the shards, so that a flood of requests with one key delays only the keys of its shard. A shard
//! owns the state of each key's limit (GCRA, the generic cell rate algorithm). For each address it also owns the wrong pairs of
//! account and password, which reveal credential stuffing. `Realtime::check`, `Realtime::look` and `Realtime::note_wrong_pair`
//! send messages to a shard. When a shard dies, the new one starts empty, so the attempts of the current period are counted
//! from zero. For this reason bans are not kept here. While the mailbox of a shard is full, `check` and `look` are refused.

use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message};
use domain::abuse::stuffing::{Pair, Stuffing};
use logic::limits::{Limiter, Verdict};
use protocol::limit::Limit;
use tokio::sync::oneshot;

const PURGE_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Check {
    pub(crate) key: String,
    pub(crate) limit: Limit,
    /// Whether to spend a permit, if one is left.
    pub(crate) spend: bool,
    pub(crate) reply: oneshot::Sender<Verdict>,
}

/// Records a wrong pair of account and password. The answer is whether the address has reached the limit.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct WrongPair {
    pub(crate) address: String,
    pub(crate) pair: Pair,
    pub(crate) limit: Limit,
    pub(crate) reply: oneshot::Sender<bool>,
}

pub(crate) struct RateLimiter {
    limiter: Limiter,
    stuffing: Stuffing,
    /// The longest period of all limits that wrong pairs were recorded under so far.
    window: Duration,
}

impl RateLimiter {
    pub(crate) fn new(max_keys: usize) -> Self {
        Self {
            limiter: Limiter::new(max_keys),
            // An address needs about twenty times the memory of a key.
            stuffing: Stuffing::new(max_keys / 20),
            window: Duration::ZERO,
        }
    }
}

impl Actor for RateLimiter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(PURGE_INTERVAL, |actor, _| {
            actor.limiter.purge(Instant::now());
            actor.stuffing.purge(actor.window, Instant::now());
        });
    }
}

impl Handler<Check> for RateLimiter {
    type Result = ();

    fn handle(&mut self, message: Check, _: &mut Self::Context) {
        let Check { key, limit, spend, reply } = message;
        let now = Instant::now();
        let verdict =
            if spend { self.limiter.check(&key, &limit, now) } else { self.limiter.look(&key, &limit, now) };
        if matches!(verdict, Verdict::Denied { .. }) {
            metrics::counter!("rate_limited_total", "limit" => limit.name).increment(1);
        }
        // The requester may have stopped waiting.
        let _ = reply.send(verdict);
    }
}

impl Handler<WrongPair> for RateLimiter {
    type Result = ();

    fn handle(&mut self, message: WrongPair, _: &mut Self::Context) {
        let WrongPair { address, pair, limit, reply } = message;
        self.window = self.window.max(limit.period);
        let reached = self.stuffing.note(&address, pair, &limit, Instant::now());
        if reached {
            metrics::counter!("rate_limited_total", "limit" => limit.name).increment(1);
        }
        // The requester may have stopped waiting.
        let _ = reply.send(reached);
    }
}

/// Makes the shard panic, for tests.
#[cfg(test)]
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

#[cfg(test)]
impl Handler<Panic> for RateLimiter {
    type Result = ();

    #[expect(clippy::panic, reason = "the message exists to kill the shard")]
    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("a test stops this shard");
    }
}
