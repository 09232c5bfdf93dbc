//! The encodings of the protocol. For commands, answers and pushes, only this file chooses between the codecs.
//!
//! The handshake determines the encoding of a connection. The outbox stores the encoding, so that every sender uses it.

use bytes::Bytes;

use super::{Answer, Command, DecodeError, Push, json, protobuf};

/// The form of messages on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// JSON objects, one per line.
    Json,
    /// Protobuf messages, each preceded by its length.
    Protobuf,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 2] = [Self::Json, Self::Protobuf];

    /// Encodes one answer.
    #[must_use]
    pub fn reply(self, id: u32, answer: &Answer) -> Bytes {
        match self {
            Self::Json => json::encode_reply(id, answer),
            Self::Protobuf => protobuf::encode_reply(id, answer),
        }
    }

    /// Encodes one push.
    #[must_use]
    pub fn push(self, push: &Push<'_>) -> Bytes {
        match self {
            Self::Json => json::encode_push(push),
            Self::Protobuf => protobuf::encode_push(push),
        }
    }

    /// A ping of the server.
    #[must_use]
    pub fn ping(self) -> Bytes {
        match self {
            Self::Json => json::PING,
            Self::Protobuf => protobuf::PING,
        }
    }

    /// Decodes the commands of one frame, in order: at least one command, and at most [`super::MAX_COMMANDS_PER_FRAME`].
    ///
    /// # Errors
    /// When the frame has no command or too many, or when any part of it is not a command of the protocol.
    pub fn decode(self, frame: &[u8]) -> Result<Vec<Command>, DecodeError> {
        match self {
            Self::Json => json::decode_frame(std::str::from_utf8(frame).map_err(|_| DecodeError::NotText)?),
            Self::Protobuf => protobuf::decode_frame(frame),
        }
    }

    /// The separator between the messages of one frame.
    #[must_use]
    pub fn separator(self) -> &'static [u8] {
        match self {
            Self::Json => b"\n",
            // Each message begins with its length, so no separator is needed.
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

    /// The name of the encoding in lists of connections.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Protobuf => "protobuf",
        }
    }
}
