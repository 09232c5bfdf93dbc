//! Binary frames of a stranger, and bodies of emulation requests: as for text frames.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{Encoding, protobuf};

#[path = "passed_on.rs"]
mod passed_on;

fuzz_target!(|frame: &[u8]| {
    passed_on::check(Encoding::Protobuf, frame);
    if let Ok(emulated) = protobuf::decode_emulated(frame) {
        passed_on::check(Encoding::Protobuf, &emulated.data);
    }
});
