//! The encodings of the protocol, and the one place that chooses between their codecs.
//!
//! A connection's encoding is fixed at its handshake and kept by its outbox, so that every sender encodes correctly.

use bytes::Bytes;

use super::{Answer, Command, DecodeError, Push, json, protobuf};

/// How messages become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// JSON objects, a line each.
    Json,
    /// Protobuf messages, each behind its length.
    Protobuf,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 2] = [Self::Json, Self::Protobuf];

    /// One answer.
    #[must_use]
    pub fn reply(self, id: u32, answer: &Answer) -> Bytes {
        match self {
            Self::Json => json::encode_reply(id, answer),
            Self::Protobuf => protobuf::encode_reply(id, answer),
        }
    }

    /// One push.
    #[must_use]
    pub fn push(self, push: &Push<'_>) -> Bytes {
        match self {
            Self::Json => json::encode_push(push),
            Self::Protobuf => protobuf::encode_push(push),
        }
    }

    /// The server's ping.
    #[must_use]
    pub fn ping(self) -> Bytes {
        match self {
            Self::Json => json::PING,
            Self::Protobuf => protobuf::PING,
        }
    }

    /// The commands of one frame, in order; at least one, at most [`super::MAX_COMMANDS_PER_FRAME`].
    ///
    /// # Errors
    /// When any part of the frame is not a command of the protocol.
    pub fn decode(self, frame: &[u8]) -> Result<Vec<Command>, DecodeError> {
        match self {
            Self::Json => json::decode_frame(std::str::from_utf8(frame).map_err(|_| DecodeError::NotText)?),
            Self::Protobuf => protobuf::decode_frame(frame),
        }
    }

    /// What stands between the messages of one frame.
    #[must_use]
    pub fn separator(self) -> &'static [u8] {
        match self {
            Self::Json => b"\n",
            // Each message brings its length along.
            Self::Protobuf => b"",
        }
    }

    /// Whether frames are binary; otherwise they are text.
    #[must_use]
    pub fn is_binary(self) -> bool {
        match self {
            Self::Json => false,
            Self::Protobuf => true,
        }
    }

    /// As lists of connections call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Protobuf => "protobuf",
        }
    }
}
