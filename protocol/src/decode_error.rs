//! Why bytes from a client are no sequence of commands, in either encoding.

use super::PayloadError;

/// Why a frame is no sequence of commands. For logs; the peer only learns "bad request", or "too many requests".
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No object at all, or a blank line between or after the objects.
    #[error("the frame has a blank line")]
    BlankLine,
    /// A frame without a byte in it.
    #[error("the frame is empty")]
    Empty,
    /// Text of an encoding that is none.
    #[error("the frame is not UTF-8")]
    NotText,
    /// More than [`super::MAX_COMMANDS_PER_FRAME`].
    #[error("the frame has too many commands")]
    TooMany,
    /// Not JSON, or a field of the wrong type.
    #[error("the frame is not a sequence of commands: {0}")]
    Malformed(#[from] serde_json::Error),
    /// JSON, but no object where one must be.
    #[error("a command or request is not an object")]
    NotAnObject,
    /// Not Protobuf, or a field of the wrong type.
    #[error("the frame is not a sequence of messages: {0}")]
    NotMessages(#[from] prost::DecodeError),
    /// A message that is longer than what is left of its frame.
    #[error("a message ends beyond its frame")]
    Truncated,
    /// A number to reply to, but no method that this protocol has.
    #[error("the command names no known method")]
    NoMethod,
    /// A method that needs a reply, without a number to reply to.
    #[error("the command has no id")]
    NoId,
    /// An embedded payload that cannot be passed on.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}
