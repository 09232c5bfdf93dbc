//! Text frames of a stranger: no panic, few commands, and payloads that split no frame when they are passed on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::Encoding;

#[path = "passed_on.rs"]
mod passed_on;

fuzz_target!(|frame: &[u8]| passed_on::check(Encoding::Json, frame));
