//! The messages of the Centrifuge client protocol, version 2, and the vocabulary that all parts of the server share.
//!
//! The messages ([`Command`], [`Answer`], [`Push`]) are independent of their encoding. [`json`] is the codec of text frames,
//! [`protobuf`] is the codec of binary frames, and [`Encoding`] chooses between them. [`FrameReader`] decodes the WebSocket
//! frames that contain messages. Connections and channel shards build and read these messages. This crate does not decide
//! whether a command is permitted; the client state does.

pub mod audit;
pub mod channel_name;
pub mod close;
mod command;
mod decode_error;
mod encoding;
mod error;
mod frame_reader;
pub mod id;
pub mod json;
pub mod limit;
mod payload;
pub mod protobuf;
mod reply;
pub mod subscription;

pub use command::{
    Command, CommandBody, ConnectRequest, HistoryRequest, Position, PublishRequest, RefreshRequest,
    SubRefreshRequest, SubscribeRequest,
};
pub use decode_error::DecodeError;
pub use encoding::Encoding;
pub use error::ErrorCode;
pub use frame_reader::{FrameError, FrameReader, Incoming};
pub use payload::{MAX_NESTING, Payload, PayloadError};
pub use reply::{
    Answer, ClientInfo, ConnectResult, DataForm, Emulation, HistoryResult, Lifetime, PresenceStats,
    Publication, Push, SubscribeResult, UnsubscribeCode,
};

/// The largest number of commands in one frame. If a frame has more, the connection is closed with
/// [`close::CloseReason::TooManyRequests`].
///
/// The first frame of centrifuge-js holds `connect` and every pending `subscribe`, so this number is greater than the number
/// of channels that a connection may have.
pub const MAX_COMMANDS_PER_FRAME: usize = 256;
