//! Binary frames of a client, and bodies of emulation requests: the same checks as for text frames.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{Encoding, protobuf};

#[path = "frame_check.rs"]
mod frame_check;

fuzz_target!(|frame: &[u8]| {
    frame_check::check(Encoding::Protobuf, frame);
    if let Ok(emulated) = protobuf::decode_emulated(frame) {
        frame_check::check(Encoding::Protobuf, &emulated.data);
    }
});
