//! The Protobuf codec: binary frames to commands, answers and pushes to messages.
//!
//! Both ways a frame is one or more messages, each behind its length as a varint. [`decode_frame`] takes a whole frame;
//! [`encode_reply`] and [`encode_push`] make one message with its length, and the connection frames them. Payloads are
//! the same JSON texts as in the other encoding, carried as bytes.

mod decode;
mod encode;
pub mod requests;
pub mod results;

pub use decode::{Emulated, decode_emulated, decode_frame};
pub use encode::{PING, encode_push, encode_reply};
