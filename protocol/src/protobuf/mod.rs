//! The Protobuf codec. It decodes binary frames into commands, and encodes answers and pushes as messages.
//!
//! In both directions, a frame is one or more messages, each preceded by its length as a varint. [`decode_frame`] decodes a
//! whole frame. [`encode_reply`] and [`encode_push`] encode one message with its length; the connection builds the frames. A
//! payload is sent unchanged, as the content of a `bytes` field.

mod decode;
mod encode;
pub mod requests;
pub mod results;

pub use decode::{Emulated, decode_emulated, decode_emulated_session, decode_frame};
pub use encode::{PING, encode_push, encode_reply};
