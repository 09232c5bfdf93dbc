//! [`DataKind`]: which data the channels of a namespace carry.

use protocol::{Encoding, Payload};

/// The kind of data that may be published in a channel. The kind also determines which clients may subscribe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataKind {
    /// JSON only. Clients of both protocols may subscribe.
    #[default]
    Json,
    /// Any bytes. Clients of the JSON protocol receive data that is not JSON as a base64 string.
    Any,
    /// Any bytes, to clients of the Protobuf protocol only.
    Binary,
}

impl DataKind {
    /// Whether this data may be published.
    pub(super) fn admits(self, data: &Payload) -> bool {
        self != Self::Json || data.is_json()
    }

    /// Whether a connection with this encoding may subscribe.
    pub(super) fn reaches(self, encoding: Encoding) -> bool {
        self != Self::Binary || encoding == Encoding::Protobuf
    }
}
