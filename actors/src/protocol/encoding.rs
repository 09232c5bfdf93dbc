//! The encodings of the protocol, and the one place that chooses between their codecs.
//!
//! A connection's encoding is fixed at its handshake and kept by its outbox, so that whoever speaks to it encodes rightly.

use bytes::Bytes;

use super::{Answer, Command, Push, json};

/// How messages become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// JSON objects, a line each.
    Json,
}

impl Encoding {
    /// One answer.
    #[must_use]
    pub fn reply(self, id: u32, answer: &Answer) -> Bytes {
        match self {
            Self::Json => json::encode_reply(id, answer),
        }
    }

    /// One push.
    #[must_use]
    pub fn push(self, push: &Push<'_>) -> Bytes {
        match self {
            Self::Json => json::encode_push(push),
        }
    }

    /// The server's ping.
    #[must_use]
    pub fn ping(self) -> Bytes {
        match self {
            Self::Json => json::PING,
        }
    }

    /// The commands of one frame, in order; at least one, at most [`super::MAX_COMMANDS_PER_FRAME`].
    ///
    /// # Errors
    /// When any part of the frame is not a command of the protocol.
    pub fn decode(self, frame: &str) -> Result<Vec<Command>, json::DecodeError> {
        match self {
            Self::Json => json::decode_frame(frame),
        }
    }
}
