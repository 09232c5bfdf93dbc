//! The Centrifuge client protocol, version 2: what clients and server say to each other.
//!
//! The messages ([`Command`], [`Answer`], [`Push`]) are independent of their encoding; [`json`] is the codec of text
//! frames, [`protobuf`] that of binary ones, and [`Encoding`] chooses between them. Connections and channel shards build and read messages here, and
//! nothing here decides anything: whether a command is allowed is a rule of the connection.

pub mod audit;
pub mod channel_name;
pub mod close;
mod command;
mod decode_error;
mod encoding;
mod error;
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
pub use payload::{MAX_NESTING, Payload, PayloadError};
pub use reply::{
    Answer, ClientInfo, ConnectResult, DataForm, Emulation, HistoryResult, Lifetime, PresenceStats,
    Publication, Push, SubscribeResult, UnsubscribeCode,
};

/// The most commands one frame may carry; a frame with more is too many requests at once.
///
/// centrifuge-js opens with `connect` and every pending `subscribe` in one frame, so this stays above the number of
/// channels a connection may have.
pub const MAX_COMMANDS_PER_FRAME: usize = 256;
