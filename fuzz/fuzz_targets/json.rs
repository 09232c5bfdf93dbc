//! Text frames of a client: decoding does not panic, the number of commands is limited, and a payload that is sent on does not
//! break a frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::Encoding;

#[path = "frame_check.rs"]
mod frame_check;

fuzz_target!(|frame: &[u8]| frame_check::check(Encoding::Json, frame));
