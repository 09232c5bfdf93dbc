//! Tests that decoding allocates memory only in proportion to the bytes and commands of a frame. A counting allocator measures
//! the memory.

#![allow(clippy::unwrap_used, reason = "a test panics if it cannot continue")]

mod counting;

use counting::taken;
use proptest::{collection::vec, prelude::*};
use protocol::{Encoding, MAX_COMMANDS_PER_FRAME};

/// Bytes that decoding may allocate before the first command, for the list of commands and for an error.
const BASE: usize = 2 * 1024;
/// Bytes that decoding may allocate for each command: its entry in the list of commands. This list doubles when it is full.
const PER_COMMAND: usize = 1024;
/// Bytes that decoding may also allocate for each byte of a frame. For example, a short channel name in `subs` needs a string
/// and an entry.
const FACTOR: usize = 64;

/// Bytes that are allocated to decode this frame, including those that are freed again.
fn cost(encoding: Encoding, frame: &[u8]) -> usize {
    let before = taken();
    drop(encoding.decode(frame));
    (taken() - before).bytes
}

/// An upper bound of the number of commands that a decoder begins to decode in this frame.
fn commands(encoding: Encoding, frame: &[u8]) -> usize {
    let count = match encoding {
        Encoding::Json => 1 + frame.iter().filter(|byte| **byte == b'\n').count(),
        Encoding::Protobuf => {
            let (mut rest, mut count) = (frame, 1);
            while let Ok(length) = prost::decode_length_delimiter(&mut rest)
                && let Some((_, after)) = rest.split_at_checked(length)
            {
                count += 1;
                rest = after;
            }
            count
        }
    };
    count.min(MAX_COMMANDS_PER_FRAME)
}

fn bound(encoding: Encoding, frame: &[u8]) -> usize {
    BASE + PER_COMMAND * commands(encoding, frame) + FACTOR * frame.len()
}

fn is_bounded(frame: &[u8]) -> bool {
    Encoding::ALL.iter().all(|encoding| cost(*encoding, frame) <= bound(*encoding, frame))
}

#[test]
fn the_bound_of_a_short_frame_is_a_few_kibibytes() {
    for encoding in Encoding::ALL {
        assert!(bound(encoding, b"{\"id\":1}\n\n") < 8 * 1024);
    }
}

#[test]
fn stated_lengths_without_bytes_allocate_little_memory() {
    // First a command with a stated length of 4 GiB. Then commands of correct length that contain this stated length for a
    // token, data or an entry of `subs`.
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
fn the_most_expensive_frames_of_the_greatest_size_are_bounded() {
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

/// Pieces of frames of both encodings, so that the decoder reads far into a frame before it finds an error.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"{\"id\":1,\"connect\":{\"subs\":{",
        b"\"a\":{\"recover\":true},",
        b"}}}\n",
        b"{\"id\":2,\"presence\":{\"channel\":\"a\"}}\n",
        b"{}\n",
        b"[[[[[[[[",
        &[0],
        &[2, 8, 1],
        &[7, 8, 1, 0x3a, 3, 0x0a, 1, b'a'],
        &[0xff, 0xff, 0x03],
    ];
    prop_oneof![
        8 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..32),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_stay_within_the_bound(frame in vec(any::<u8>(), 0..400)) {
        prop_assert!(is_bounded(&frame));
    }

    #[test]
    fn large_frames_stay_within_the_bound(fragments in vec(fragment(), 0..4_000)) {
        prop_assert!(is_bounded(&fragments.concat()));
    }

    #[test]
    fn frames_of_one_repeated_part_stay_within_the_bound(part in fragment(), times in 1_usize..2_000) {
        prop_assert!(is_bounded(&part.repeat(times)));
    }
}
