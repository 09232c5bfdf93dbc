//! Retention of durable channels: what they do not keep any more is cleared away, a bounded part of it with every sweep.
//!
//! Nobody sees what is too old or too much, cleared away or not; this only frees the room. Channels are gone through in
//! the order of their names, each sweep where the one before it stopped.

use portcullis_actors::runtime::ChannelName;
use time::OffsetDateTime;

use super::{Failure, Services};
use crate::store::Kept;

/// Channels that are looked at together.
const BATCH: u32 = 100;
/// Batches of one sweep, and statements for one batch that has much to clear away.
const BATCHES: usize = 20;

/// Where the next sweep goes on: after this channel; at the beginning if there is none.
#[derive(Debug, Default)]
pub(super) struct Cleared(parking_lot::Mutex<Option<ChannelName>>);

impl Services {
    /// Clears away part of what durable channels do not keep.
    pub(super) async fn clear_channels(&self, now: OffsetDateTime) -> Result<(), Failure> {
        self.store.delete_expired_idempotency_keys(now).await?;
        for _ in 0..BATCHES {
            let after = self.cleared.0.lock().clone();
            let names = self.store.channels_after(after, BATCH).await?;
            let last = names.last().cloned().filter(|_| names.len() == BATCH as usize);
            // What a namespace that is no longer durable has left behind is not touched: the file may be mistaken.
            let kept = names
                .into_iter()
                .filter_map(|channel| Some(Kept { retention: self.realtime.retention(&channel)?, channel }));
            let kept: Vec<_> = kept.collect();
            for _ in 0..BATCHES {
                if kept.is_empty() || self.store.clear_messages(kept.clone(), now).await? {
                    break;
                }
            }
            let done = last.is_none();
            *self.cleared.0.lock() = last;
            if done {
                break;
            }
        }
        Ok(())
    }
}
