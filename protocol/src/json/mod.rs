//! The JSON codec: text frames to commands, answers and pushes to JSON objects.
//!
//! Both ways a frame is one or more objects separated by exactly one line feed. [`decode_frame`] takes a whole frame;
//! [`encode_reply`] and [`encode_push`] make one object without a line feed, and the connection frames them.

mod decode;
mod encode;

pub use decode::decode_frame;
pub use encode::{PING, encode_push, encode_reply};
