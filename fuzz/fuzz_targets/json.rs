//! Text frames of a client: decoding does not panic, the number of commands is limited, and a published payload does not break
//! the frame in which a subscriber receives it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::Encoding;

#[path = "frame_check.rs"]
mod frame_check;

fuzz_target!(|frame: &[u8]| frame_check::check(Encoding::Json, frame));
