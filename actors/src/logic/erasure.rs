//! Erased publications: their content is replaced, and their offset stays, so that clients with positions recover as before.

use std::sync::Arc;

use protocol::{Payload, Publication, id::Subject};

/// The tag of an erased publication. Its value is `true`.
pub const REMOVED_TAG: &str = "removed";

/// Which publications are erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erased {
    /// The publication with this offset.
    Offset(u64),
    /// The publications of this user.
    Of(Subject),
}

/// An erasure of publications of one channel, or of all channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Which publications are erased.
    pub what: Erased,
    /// Only publications up to this time, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

impl Erasure {
    /// Whether this publication is to be erased, and is not yet.
    #[must_use]
    pub fn covers(&self, publication: &Publication) -> bool {
        let is_meant = match &self.what {
            Erased::Offset(offset) => publication.offset == *offset,
            Erased::Of(subject) => publication.info.as_ref().is_some_and(|info| info.user == *subject),
        };
        is_meant && publication.time_ms <= self.until_ms && !is_erased(publication)
    }
}

/// Whether this publication was erased.
#[must_use]
pub fn is_erased(publication: &Publication) -> bool {
    publication.info.is_none() && publication.tags.iter().any(|(name, _)| name == REMOVED_TAG)
}

/// What remains of an erased publication: its offset and its time. The data is the JSON value `null`.
#[must_use]
pub fn remains_of(publication: &Publication) -> Arc<Publication> {
    Arc::new(Publication {
        data: Payload::from_bytes(bytes::Bytes::from_static(b"null")),
        info: None,
        offset: publication.offset,
        tags: vec![(REMOVED_TAG.to_owned(), "true".to_owned())],
        time_ms: publication.time_ms,
    })
}
