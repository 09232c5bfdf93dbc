//! Durable channels: what is written to and read from the journal, and the state machine that does it.
//!
//! The types here are what the `Journal` port takes and gives; [`DurableChannel`] is the state of one channel, driven by
//! its shard. Nothing in here waits, or knows how the journal is stored.

mod recent_window;
mod state_machine;

#[cfg(test)]
mod model_tests;

use std::{sync::Arc, time::Duration};

pub use state_machine::{Action, Call, DurableChannel, Failed, Outcome};

use protocol::{ClientInfo, Payload, Publication};

use super::{namespace::Options, version::Version};
use crate::history::weight_of;

/// A publication on its way into the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// What is published.
    pub data: Payload,
    /// The publishing client; absent when the server publishes.
    pub info: Option<Arc<ClientInfo>>,
    /// Names and values that the server gives along.
    pub tags: Vec<(String, String)>,
    /// When it was accepted, in milliseconds since the epoch.
    pub time_ms: i64,
    /// A name of the publisher's choosing, under which it is published once.
    pub idempotency_key: Option<String>,
    /// Published only if nothing as new was.
    pub version: Option<Version>,
}

impl NewMessage {
    /// The publication it becomes at this offset.
    #[must_use]
    pub fn at(&self, offset: u64) -> Publication {
        Publication {
            data: self.data.clone(),
            info: self.info.clone(),
            offset,
            tags: self.tags.clone(),
            time_ms: self.time_ms,
        }
    }

    /// What the publication it becomes weighs, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        weight_of(&self.data, self.info.as_deref(), &self.tags)
    }
}

/// How much of a channel is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The newest so many publications.
    pub size: u32,
    /// And of those, which are younger than this.
    pub ttl: Duration,
}

impl Retention {
    /// As the options of a namespace say.
    #[must_use]
    pub fn of(options: &Options) -> Self {
        Self { size: u32::try_from(options.history_size).unwrap_or(u32::MAX), ttl: options.history_ttl }
    }

    /// The moment, in milliseconds since the epoch, at and before which publications have expired.
    #[must_use]
    pub fn expired_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(i64::try_from(self.ttl.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Which publications are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Those with a greater offset.
    pub after: u64,
    /// Those with a smaller offset.
    pub before: u64,
    /// At most so many.
    pub limit: u32,
    /// At most so many bytes, as [`weight`](crate::history::weight) counts them, or a little more strictly; the first is
    /// always read.
    pub bytes: usize,
    /// The newest first.
    pub reverse: bool,
    /// Of the newest so many only.
    pub size: u32,
    /// Accepted after this moment, in milliseconds since the epoch.
    pub younger_than_ms: i64,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// For each message of the batch, in its order.
    pub placed: Vec<Placement>,
    /// The newest offset of the channel after the batch.
    pub top: u64,
    /// The epoch of all offsets; it changes only with the database.
    pub epoch: Arc<str>,
}

/// Where one message of a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It got this offset. The new ones of a batch follow each other without a hole.
    New(u64),
    /// A message with its key was there before, at this offset.
    Earlier(u64),
    /// It is left out, because something as new was published; this offset is the newest.
    Outdated(u64),
}

impl Placement {
    /// The offset.
    #[must_use]
    pub fn offset(self) -> u64 {
        match self {
            Self::New(offset) | Self::Earlier(offset) | Self::Outdated(offset) => offset,
        }
    }
}

/// The newest end of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The epoch of all offsets; it changes only with the database.
    pub epoch: Arc<str>,
    /// The newest offset; where nothing was published, or is remembered of it, the one after which the channel begins.
    pub top: u64,
    /// The newest publications, oldest first, of those that are kept.
    pub newest: Vec<Arc<Publication>>,
    /// Whether these are all that are kept: otherwise there are older ones, that were too many or too large to be read.
    pub whole: bool,
}

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Everything up to this offset.
    pub upto: u64,
    /// The epoch of all offsets.
    pub epoch: Arc<str>,
}
