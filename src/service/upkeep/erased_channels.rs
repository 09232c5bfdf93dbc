//! Makes this node read durable channels again after publications were erased in the journal: by operators of any node, or by the
//! erasure of a person.
//!
//! This is a job. The rows of the channels are the announcement, so it reaches a node even if the node of the erasure has
//! stopped after its commit.

use std::{collections::HashMap, time::Duration};

use actors::Realtime;
use parking_lot::Mutex;
use protocol::channel_name::ChannelName;
use store::{ERASED_CHANNELS, Store};

use crate::core::failure::Failure;

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_millis(500);

/// Looks for channels with erased publications.
pub(crate) struct ErasedChannelsJob {
    store: Store,
    realtime: Realtime,
    last: Mutex<Look>,
}

/// The last look.
#[derive(Clone, Default)]
struct Look {
    /// Where the next look begins.
    next: Option<String>,
    /// The channels that it found, with the transactions.
    found: HashMap<ChannelName, String>,
}

impl ErasedChannelsJob {
    pub(crate) fn new(store: Store, realtime: Realtime) -> Self {
        Self { store, realtime, last: Mutex::default() }
    }

    /// Notes where the first look begins. Called before the first channel is read: then everything that is erased later is found, and
    /// the first look need not make the node read all channels again. A channel that was forgotten meanwhile would lose its
    /// subscribers.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub(crate) async fn begin(&self) -> Result<(), Failure> {
        let found = self.store.erased_channels(None).await?;
        *self.last.lock() = Look { next: Some(found.next), found: HashMap::new() };
        Ok(())
    }

    /// One pass.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached, or if a shard is overloaded. The next pass finds the same channels.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let last = self.last.lock().clone();
        let found = self.store.erased_channels(last.next.clone()).await?;
        // Without a beginning, this pass does not know what was erased since the start.
        let all = last.next.is_none() || found.channels.len() >= ERASED_CHANNELS;
        let is_new = |(name, changed): &&(ChannelName, String)| last.found.get(name) != Some(changed);
        let new = || found.channels.iter().filter(is_new).map(|(name, _)| name.clone());
        let channels = (!all).then(|| new().collect());
        if all || new().next().is_some() {
            self.realtime.reread_channels(channels).map_err(|_| Failure::unavailable())?;
        }
        *self.last.lock() = Look { next: Some(found.next), found: found.channels.into_iter().collect() };
        Ok(())
    }
}
