//! Retention of durable channels: what they do not keep any more is cleared away, as fast as it comes.
//!
//! Runs on the database's runtime, apart from the sweep, which must not wait for it. Nobody sees what is too old or too much,
//! cleared away or not; this only frees the room. It goes on as long as there is more, in bounded statements on one
//! connection, and rests after each for as long as that took. Only channels that are due are looked at, and those in which
//! nothing is kept, and nothing was published for long, are forgotten.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{Failure, Parts, Services, upkeep::expiry::noted};
use store::ChannelRetention;

/// How often channels are looked at.
const EVERY: Duration = Duration::from_secs(30);
/// Channels that are looked at together.
const BATCH: u32 = 100;

/// Clears away until told to stop, or until the services are gone.
pub(crate) async fn run(parts: Weak<Parts>, mut stop: watch::Receiver<bool>) {
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
    pub(crate) async fn keep_channels(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let keys = self.store.delete_expired_idempotency_keys(now).await.map_err(Failure::from);
        let keys = noted("idempotency keys that have expired", keys.map(drop));
        keys.and(noted("publications that are not kept", self.clear_channels(now).await))
    }

    async fn clear_channels(&self, now: OffsetDateTime) -> Result<(), Failure> {
        let mut forgets = true;
        loop {
            let began = Instant::now();
            let due = self.store.due_channels(now, BATCH).await?;
            let last = due.len() < BATCH as usize;
            let (mut kept, mut others) = (Vec::new(), Vec::new());
            for channel in due {
                match self.realtime.retention(&channel) {
                    Some((retention, meta_ttl)) => {
                        kept.push(ChannelRetention { channel, retention, meta_ttl })
                    }
                    // What a namespace that is no longer durable has left behind is not touched: the file may be mistaken.
                    None => others.push(channel),
                }
            }
            self.clear(&kept, now).await?;
            // If it cannot be done now, it is not tried with every batch: each time others wait.
            forgets = forgets && self.store.forget_channels(kept.clone(), now).await?.is_some();
            self.store.schedule_channels(kept, others, now).await?;
            if last {
                return Ok(());
            }
            tokio::time::sleep(began.elapsed()).await;
        }
    }

    /// Clears these, wholly.
    async fn clear(&self, kept: &[ChannelRetention], now: OffsetDateTime) -> Result<(), Failure> {
        loop {
            let began = Instant::now();
            if self.store.clear_messages(kept.to_vec(), now).await? {
                return Ok(());
            }
            // The rest of the database's work goes on meanwhile.
            tokio::time::sleep(began.elapsed()).await;
        }
    }
}
