//! Deltas: applying the delta of two texts to the first gives the second, and applying any bytes as a delta does not panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logic::delta::{apply, fossil};

fuzz_target!(|bytes: &[u8]| {
    // The first byte is the length of the source, as a fraction of 256.
    let Some((part, rest)) = bytes.split_first() else { return };
    let (source, target) = rest.split_at(rest.len() * usize::from(*part) / 256);
    let delta = fossil(source, target);
    assert!(delta.len() <= target.len() + 24 || std::str::from_utf8(target).is_err());
    assert!(std::str::from_utf8(target).is_err() || std::str::from_utf8(&delta).is_ok());
    assert_eq!(apply(source, &delta).as_deref(), Some(target));
    let _ = apply(source, target);
});
