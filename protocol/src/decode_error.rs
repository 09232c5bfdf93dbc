//! The errors of decoding a frame, in both encodings.

use super::PayloadError;

/// Why a frame is not a sequence of commands. The text is for logs: the peer receives only "bad request" or "too many
/// requests".
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A JSON frame has no object, or has a blank line before, between or after its objects.
    #[error("the frame has a blank line")]
    BlankLine,
    /// A Protobuf frame has no bytes.
    #[error("the frame is empty")]
    Empty,
    /// The frame must be text, but is not UTF-8.
    #[error("the frame is not UTF-8")]
    NotText,
    /// The frame has more than [`super::MAX_COMMANDS_PER_FRAME`] commands.
    #[error("the frame has too many commands")]
    TooMany,
    /// The frame is not JSON, or a field has the wrong type.
    #[error("the frame is not a sequence of commands: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A command or request is JSON, but not an object.
    #[error("a command or request is not an object")]
    NotAnObject,
    /// The frame is not Protobuf, or a field has the wrong type.
    #[error("the frame is not a sequence of messages: {0}")]
    NotMessages(#[from] prost::DecodeError),
    /// The stated length of a message exceeds the rest of the frame.
    #[error("a message ends beyond its frame")]
    Truncated,
    /// The command has an id, but no method of this protocol.
    #[error("the command names no known method")]
    NoMethod,
    /// The command has a method that needs a reply, but no id.
    #[error("the command has no id")]
    NoId,
    /// The data of a command is not a valid payload.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}
