//! Retention of durable channels: what they do not keep any more is cleared away, as fast as it comes.
//!
//! Runs on the database's runtime, apart from the sweep, which must not wait for it. Nobody sees what is too old or too much,
//! cleared away or not; this only frees the room. It goes on as long as there is more, in bounded statements on one
//! connection, and rests after each for as long as that took. Channels are gone through in the order of their names, each
//! time from where the time before stopped.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use portcullis_actors::runtime::ChannelName;
use time::OffsetDateTime;
use tokio::sync::watch;

use super::{Failure, Parts, Services, sweep::noted};
use crate::store::Kept;

/// How often channels are looked at.
const EVERY: Duration = Duration::from_secs(30);
/// Channels that are looked at together.
const BATCH: u32 = 100;
/// Batches of one time.
const BATCHES: usize = 20;

/// Where the next time goes on: after this channel; at the beginning if there is none.
#[derive(Debug, Default)]
pub(super) struct Cleared(parking_lot::Mutex<Option<ChannelName>>);

/// Clears away until told to stop, or until the services are gone.
pub(super) async fn run(parts: Weak<Parts>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let Some(services) = parts.upgrade().map(Services) else {
            return;
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            // What failed has been logged, and is tried again next time.
            _ = services.keep_channels() => {}
        }
    }
}

impl Services {
    /// Clears away what durable channels do not keep.
    pub(super) async fn keep_channels(&self) -> Result<(), Failure> {
        noted("publications that are not kept", self.clear_channels(self.clock.now()).await)
    }

    async fn clear_channels(&self, now: OffsetDateTime) -> Result<(), Failure> {
        self.store.delete_expired_idempotency_keys(now).await?;
        for _ in 0..BATCHES {
            let after = self.cleared.0.lock().clone();
            let names = self.store.channels_after(after, BATCH).await?;
            let last = names.last().cloned().filter(|_| names.len() == BATCH as usize);
            // What a namespace that is no longer durable has left behind is not touched: the file may be mistaken.
            let kept = names
                .into_iter()
                .filter_map(|channel| Some(Kept { retention: self.realtime.retention(&channel)?, channel }));
            self.clear(kept.collect(), now).await?;
            let done = last.is_none();
            *self.cleared.0.lock() = last;
            if done {
                break;
            }
        }
        Ok(())
    }

    /// Clears these, wholly.
    async fn clear(&self, kept: Vec<Kept>, now: OffsetDateTime) -> Result<(), Failure> {
        if kept.is_empty() {
            return Ok(());
        }
        loop {
            let began = Instant::now();
            if self.store.clear_messages(kept.clone(), now).await? {
                return Ok(());
            }
            // The rest of the database's work goes on meanwhile.
            tokio::time::sleep(began.elapsed()).await;
        }
    }
}
