//! Durable channels: the state machine of one channel, and the types that it exchanges with the journal.
//!
//! The types in this file are the arguments and results of the `Journal` port. [`DurableChannel`] is the state of one channel,
//! and the channel's shard calls it. The code in this folder does no I/O, and does not depend on how the journal is stored.

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
    /// The payload.
    pub data: Payload,
    /// The client that publishes; `None` if the server publishes.
    pub info: Option<Arc<ClientInfo>>,
    /// Names and values that a publisher adds through the server API.
    pub tags: Vec<(String, String)>,
    /// When the message was accepted, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The idempotency key that the publisher chose. A further message with the same key is not published while the key is
    /// remembered.
    pub idempotency_key: Option<String>,
    /// The version of the message. The message is not published if this version is outdated (see [`Version::is_outdated`]).
    pub version: Option<Version>,
}

impl NewMessage {
    /// This message as a publication at this offset.
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

    /// The weight of this message as a publication, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        weight_of(&self.data, self.info.as_deref(), &self.tags)
    }
}

/// The bounds of the publications that a channel keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How many of the newest publications are kept.
    pub size: u32,
    /// How long publications are kept.
    pub ttl: Duration,
}

impl Retention {
    /// The retention that the options of a namespace state.
    #[must_use]
    pub fn of(options: &Options) -> Self {
        Self { size: u32::try_from(options.history_size).unwrap_or(u32::MAX), ttl: options.history_ttl }
    }

    /// A publication has expired at `now_ms` if it was accepted at the returned moment or earlier. Both moments are in
    /// milliseconds since the Unix epoch.
    #[must_use]
    pub fn expired_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(i64::try_from(self.ttl.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The publications to read from the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Only publications with a greater offset.
    pub after: u64,
    /// Only publications with a smaller offset.
    pub before: u64,
    /// The largest number of publications.
    pub limit: u32,
    /// The largest weight of all publications, in bytes (see [`weight`](crate::history::weight)). For tags, the journal may
    /// count slightly more. For data that is not JSON, the journal counts less: the bytes and not their base64 string. The
    /// first publication is always read.
    pub bytes: usize,
    /// Whether the newest publication comes first.
    pub reverse: bool,
    /// Only publications among the newest `size` of the channel.
    pub size: u32,
    /// Only publications that were accepted after this moment, in milliseconds since the Unix epoch.
    pub younger_than_ms: i64,
}

/// The result of a written batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// One placement for each message of the batch, in the order of the batch.
    pub placed: Vec<Placement>,
    /// The newest offset of the channel after the batch.
    pub top: u64,
    /// The epoch of all offsets. All durable channels of a database have the same epoch.
    pub epoch: Arc<str>,
}

/// The result for one message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The message was published at this offset. The new offsets of a batch follow each other without a gap.
    New(u64),
    /// An earlier message with the same idempotency key is at this offset.
    Earlier(u64),
    /// The message is not published, because its version is outdated. The offset is the newest offset of the channel.
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

/// The result of an open: the newest publications of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The epoch of all offsets. All durable channels of a database have the same epoch.
    pub epoch: Arc<str>,
    /// The newest offset. If the journal does not know the channel, this is the floor: the channel's offsets begin after it.
    pub top: u64,
    /// The newest kept publications, oldest first.
    pub newest: Vec<Arc<Publication>>,
    /// Whether `newest` has all kept publications. If not, there are older kept publications that the bounds of the read
    /// excluded.
    pub whole: bool,
}

/// The result of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// All publications up to this offset were removed.
    pub upto: u64,
    /// The epoch of all offsets.
    pub epoch: Arc<str>,
}
