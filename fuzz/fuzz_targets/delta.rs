//! Deltas: if the delta of two byte strings is applied to the first, the result is the second. The delta of texts is a text,
//! and at most 24 bytes longer than the second text. Any bytes can be applied as a delta without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logic::delta::{apply, fossil};

fuzz_target!(|bytes: &[u8]| {
    // The first byte, divided by 256, is the share of the other bytes that is the source. The remaining bytes are the target.
    let Some((part, rest)) = bytes.split_first() else { return };
    let (source, target) = rest.split_at(rest.len() * usize::from(*part) / 256);
    let delta = fossil(source, target);
    assert!(delta.len() <= target.len() + 24 || std::str::from_utf8(target).is_err());
    assert!(std::str::from_utf8(target).is_err() || std::str::from_utf8(&delta).is_ok());
    assert_eq!(apply(source, &delta).as_deref(), Some(target));
    let _ = apply(source, target);
});
