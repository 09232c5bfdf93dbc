//! The JSON codec. It decodes text frames into commands, and encodes answers and pushes as JSON objects.
//!
//! In both directions, a frame is one or more objects, separated by exactly one line feed. [`decode_frame`] decodes a whole
//! frame. [`encode_reply`] and [`encode_push`] encode one object without a line feed; the connection builds the frames.

mod decode;
mod encode;

pub use decode::decode_frame;
pub use encode::{PING, encode_push, encode_reply};
