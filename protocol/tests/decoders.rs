//! What a frame costs to read, whatever is in it: memory in proportion to its own bytes, counted by the allocator itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod counting;

use proptest::{collection::vec, prelude::*};
use protocol::{Encoding, MAX_COMMANDS_PER_FRAME};

use counting::taken;

/// A frame that is read whole has at most so many commands, so much is taken for their list at most.
const COMMANDS: usize = MAX_COMMANDS_PER_FRAME * 1024;
/// Bytes that one byte of a frame may cost beyond that; a short name in a list costs a text and a place in the list.
const FACTOR: usize = 64;

/// Bytes that were allocated for reading this frame, freed ones included.
fn cost(encoding: Encoding, frame: &[u8]) -> usize {
    let before = taken();
    drop(encoding.decode(frame));
    (taken() - before).bytes
}

fn is_bounded(frame: &[u8]) -> bool {
    Encoding::ALL.iter().all(|encoding| cost(*encoding, frame) <= COMMANDS + FACTOR * frame.len())
}

#[test]
fn lengths_that_are_only_claimed_cost_nothing() {
    // Four gigabytes of command; of token, of data and of a list within commands of the right length.
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let within = |tags: &[u8]| {
        let inner = [tags, &huge].concat();
        let command = [&[8, 1, tags[0], inner.len() as u8 - 1], &inner[1..]].concat();
        [vec![command.len() as u8], command].concat()
    };
    for frame in [huge.to_vec(), within(&[0x22, 0x0a]), within(&[0x3a, 0x12]), within(&[0x22, 0x1a])] {
        assert!(cost(Encoding::Protobuf, &frame) < 4096, "{frame:?}");
    }
}

#[test]
fn the_dearest_frames_of_the_largest_size_are_bounded() {
    let size = 64 * 1024;
    let entry = |n: usize| {
        let key = format!("{n:04x}");
        let known = [0x18, 0x01];
        let entry = [&[0x0a, 4], key.as_bytes(), &[0x12, 2], &known].concat();
        [vec![0x1a, entry.len() as u8], entry].concat()
    };
    let connect: Vec<u8> = (0..size / 12 - 8).flat_map(entry).collect();
    let mut command = vec![8, 1, 0x22];
    prost::encode_length_delimiter(connect.len(), &mut command).unwrap();
    command.extend(connect);
    let mut frame = Vec::new();
    prost::encode_length_delimiter(command.len(), &mut frame).unwrap();
    frame.extend(command);
    assert!(Encoding::Protobuf.decode(&frame).is_ok());

    let subs: Vec<String> = (0..size / 24).map(|n| format!("\"{n:x}\":{{\"recover\":true}}")).collect();
    let text = format!("{{\"id\":1,\"connect\":{{\"subs\":{{{}}}}}}}", subs.join(","));
    assert!(Encoding::Json.decode(text.as_bytes()).is_ok());

    let nested = format!("{{\"id\":1,\"publish\":{{\"data\":{}}}}}", "[".repeat(size));
    for frame in [
        frame,
        text.into_bytes(),
        nested.into_bytes(),
        vec![0; size],
        vec![b'\n'; size],
        b"{}\n".repeat(size / 3),
    ] {
        assert!(is_bounded(&frame), "{} bytes", frame.len());
    }
}

proptest! {
    #[test]
    fn no_bytes_cost_more_than_their_share(frame in vec(any::<u8>(), 0..400)) {
        prop_assert!(is_bounded(&frame));
    }
}
