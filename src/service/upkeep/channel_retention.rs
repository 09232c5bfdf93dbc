//! Retention of durable channels: deletes publications that are no longer kept.
//!
//! This is a job of its own, so that the job `expiry` does not wait for it. Clients never see publications beyond the limits of
//! age and number, even if they are not deleted yet; this job only frees the space. It works until nothing is left, in batches,
//! and pauses after each batch for as long as the batch took. It visits only channels that are due (`store::journal::due` says
//! when). It also deletes channels that keep nothing and had their last publication long ago.

use std::time::{Duration, Instant};

use actors::Realtime;
use store::{ChannelRetention as KeptChannel, Store};
use time::OffsetDateTime;

use super::step_log::logged;
use crate::core::{clock::Clock, failure::Failure};

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(30);
/// The number of channels that are visited together.
const BATCH: u32 = 100;

/// Deletes the publications that durable channels do not keep.
pub(crate) struct ChannelRetention {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
}

impl ChannelRetention {
    /// One pass.
    ///
    /// # Errors
    /// The first failure. It has been logged.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        logged("publications past their retention", self.clear_channels(self.clock.now()).await)
    }

    async fn clear_channels(&self, now: OffsetDateTime) -> Result<(), Failure> {
        let (mut forgets, mut forgotten) = (true, Ok(()));
        loop {
            let began = Instant::now();
            let due = self.store.due_channels(now, BATCH).await?;
            let last = due.len() < BATCH as usize;
            let (mut kept, mut others) = (Vec::new(), Vec::new());
            for channel in due {
                match self.realtime.retention(&channel) {
                    Some((retention, meta_ttl)) => kept.push(KeptChannel { channel, retention, meta_ttl }),
                    // If a channel is no longer durable, or its namespace is missing, its publications stay: the changed
                    // setting may be a mistake.
                    None => others.push(channel),
                }
            }
            self.clear(&kept, now).await?;
            // If channels cannot be deleted now, do not try again with every batch: each attempt makes other requests wait.
            // Publications are deleted in any case.
            if forgets {
                let done = self.store.forget_channels(kept.clone(), now).await;
                forgets = matches!(done, Ok(Some(_)));
                forgotten = done.map(drop);
            }
            self.store.schedule_channels(kept, others, now).await?;
            if last {
                return Ok(forgotten?);
            }
            tokio::time::sleep(began.elapsed()).await;
        }
    }

    /// Deletes all publications of these channels that are not kept.
    async fn clear(&self, kept: &[KeptChannel], now: OffsetDateTime) -> Result<(), Failure> {
        loop {
            let began = Instant::now();
            if self.store.clear_messages(kept.to_vec(), now).await? {
                return Ok(());
            }
            // Pause, so that the database can do other work.
            tokio::time::sleep(began.elapsed()).await;
        }
    }
}
