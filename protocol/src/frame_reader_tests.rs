//! Tests of the frame reader: what it decodes, what it refuses at the header, and how much it holds.

use proptest::prelude::*;

use super::*;

const LIMIT: usize = 4096;
const MASK: [u8; 4] = [0x5a, 0x17, 0xc3, 0x08];

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const LAST: u8 = 0x80;

fn reader() -> FrameReader {
    FrameReader::new(Encoding::Json, LIMIT)
}

/// The header of a masked frame that declares `length` bytes.
fn header(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// What the reader decodes from `bytes`. The bytes are fed in parts, because the reader accepts a limited number at once.
fn read(reader: &mut FrameReader, mut bytes: &[u8]) -> Result<Vec<Incoming>, FrameError> {
    let mut taken = Vec::new();
    loop {
        let (now, later) = bytes.split_at(bytes.len().min(reader.room()));
        reader.feed(now);
        while let Some(incoming) = reader.take()? {
            taken.push(incoming);
        }
        if now.is_empty() {
            return Ok(taken);
        }
        bytes = later;
    }
}

fn refused(bytes: &[u8]) -> FrameError {
    read(&mut reader(), bytes).expect_err("the frame must be refused")
}

fn message(text: &[u8]) -> Incoming {
    Incoming::Message(Bytes::copy_from_slice(text))
}

#[test]
fn an_unfragmented_frame_is_one_message() {
    assert_eq!(read(&mut reader(), &frame(LAST | TEXT, b"{}")), Ok(vec![message(b"{}")]));
}

#[test]
fn a_message_may_be_empty() {
    assert_eq!(read(&mut reader(), &frame(LAST | TEXT, b"")), Ok(vec![message(b"")]));
}

#[test]
fn fragments_become_one_message() {
    let bytes = [frame(TEXT, b"a"), frame(CONTINUATION, b"b"), frame(LAST | CONTINUATION, b"c")].concat();
    let expected = vec![Incoming::Fragment, Incoming::Fragment, message(b"abc")];
    assert_eq!(read(&mut reader(), &bytes), Ok(expected));
}

#[test]
fn control_frames_may_come_between_fragments() {
    let bytes = [frame(TEXT, b"a"), frame(LAST | PING, b"x"), frame(LAST | CONTINUATION, b"b")].concat();
    let expected = vec![Incoming::Fragment, Incoming::Ping(Bytes::from_static(b"x")), message(b"ab")];
    assert_eq!(read(&mut reader(), &bytes), Ok(expected));
}

#[test]
fn control_frames_are_distinguished() {
    let bytes = [frame(LAST | PONG, b"x"), frame(LAST | CLOSE, b"\x03\xe8")].concat();
    assert_eq!(read(&mut reader(), &bytes), Ok(vec![Incoming::Pong, Incoming::Close]));
}

#[test]
fn a_data_frame_of_another_kind_than_the_encoding_uses_is_refused() {
    let mut binary = FrameReader::new(Encoding::Protobuf, LIMIT);
    assert_eq!(read(&mut binary, &frame(LAST | BINARY, b"\xff")), Ok(vec![message(b"\xff")]));
    assert_eq!(read(&mut binary, &frame(LAST | TEXT, b"a")), Err(FrameError::Malformed));
    assert_eq!(refused(&frame(LAST | BINARY, b"a")), FrameError::Malformed);
}

#[test]
fn a_size_over_the_limit_is_refused_at_the_header() {
    for length in [LIMIT as u64 + 1, 0xffff, 0x1_0000, 1 << 40, (1 << 63) - 1] {
        assert_eq!(
            refused(&header(LAST | TEXT, length)[..10.min(header(TEXT, length).len())]),
            FrameError::TooLarge
        );
    }
}

#[test]
fn a_length_whose_top_bit_is_set_is_refused() {
    for length in [1 << 63, u64::MAX] {
        assert_eq!(refused(&header(LAST | TEXT, length)), FrameError::TooLarge);
    }
}

#[test]
fn the_largest_message_is_read() {
    let payload = vec![b'a'; LIMIT];
    assert_eq!(read(&mut reader(), &frame(LAST | TEXT, &payload)), Ok(vec![message(&payload)]));
}

#[test]
fn fragments_together_may_not_exceed_the_limit() {
    let mut reader = reader();
    assert_eq!(read(&mut reader, &frame(TEXT, &[b'a'; LIMIT])), Ok(vec![Incoming::Fragment]));
    assert_eq!(read(&mut reader, &frame(LAST | PING, b"")), Ok(vec![Incoming::Ping(Bytes::new())]));
    assert_eq!(read(&mut reader, &header(LAST | CONTINUATION, 1)), Err(FrameError::TooLarge));
}

#[test]
fn a_control_frame_has_at_most_125_bytes() {
    assert_eq!(
        read(&mut reader(), &frame(LAST | PING, &[0; 125])),
        Ok(vec![Incoming::Ping(Bytes::from(vec![0; 125]))])
    );
    for control in [PING, PONG, CLOSE] {
        assert_eq!(refused(&header(LAST | control, 126)[..2]), FrameError::Malformed);
        assert_eq!(refused(&header(LAST | control, 1 << 33)[..2]), FrameError::Malformed);
    }
}

#[test]
fn a_control_frame_is_not_fragmented() {
    assert_eq!(refused(&frame(PING, b"")), FrameError::Malformed);
}

#[test]
fn an_unmasked_frame_is_refused() {
    assert_eq!(refused(b"\x81\x02{}"), FrameError::Malformed);
}

#[test]
fn reserved_bits_and_kinds_are_refused() {
    for first in [0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f] {
        assert_eq!(refused(&[first]), FrameError::Malformed, "{first:#x}");
    }
}

#[test]
fn a_continuation_without_a_beginning_is_refused() {
    assert_eq!(refused(&frame(LAST | CONTINUATION, b"a")), FrameError::Malformed);
    assert_eq!(refused(&frame(CONTINUATION, b"a")), FrameError::Malformed);
}

#[test]
fn a_message_within_a_message_is_refused() {
    assert_eq!(refused(&[frame(TEXT, b"a"), frame(LAST | TEXT, b"b")].concat()), FrameError::Malformed);
}

#[test]
fn a_text_must_be_utf_8_as_a_whole() {
    let parts = [frame(TEXT, b"\xc3"), frame(LAST | CONTINUATION, b"\xa4")].concat();
    assert_eq!(read(&mut reader(), &parts), Ok(vec![Incoming::Fragment, message("ä".as_bytes())]));
    assert_eq!(refused(&frame(LAST | TEXT, b"\xff")), FrameError::Malformed);
}

#[test]
fn a_close_frame_with_one_byte_is_refused() {
    assert_eq!(refused(&frame(LAST | CLOSE, b"\x03")), FrameError::Malformed);
}

#[test]
fn a_reader_holds_no_memory_between_two_messages() {
    let mut reader = reader();
    read(&mut reader, &frame(LAST | TEXT, &[b'a'; LIMIT])).unwrap();
    read(&mut reader, &[frame(TEXT, &[b'a'; 99]), frame(LAST | CONTINUATION, &[b'a'; 99])].concat()).unwrap();
    assert_eq!((reader.buffer.capacity(), reader.message), (0, None));
}

#[test]
fn after_a_message_the_reader_holds_only_the_bytes_of_the_next_frame() {
    let mut reader = reader();
    let bytes = [frame(LAST | TEXT, &[b'a'; LIMIT - 100]), header(LAST | TEXT, 9)].concat();
    read(&mut reader, &bytes).unwrap();
    assert_eq!((reader.held(), reader.buffer.capacity()), (6, 6));
}

#[test]
fn a_reader_stays_within_its_bound_while_no_message_is_taken() {
    let mut reader = reader();
    reader.feed(&frame(LAST | TEXT, &[b'a'; LIMIT]));
    assert_eq!(reader.take().map(|taken| taken.is_some()), Ok(true));
    // Here the owner of the reader stops taking messages, and goes on feeding bytes.
    let room = reader.room();
    reader.feed(&vec![b'a'; room]);
    assert_eq!((reader.room(), reader.held()), (0, reader.held_max()));
    assert!(reader.buffer.capacity() <= reader.held_max(), "{}", reader.buffer.capacity());
}

#[test]
fn fragments_are_held_once() {
    let mut reader = reader();
    reader.feed(&[frame(TEXT, &[b'a'; LIMIT - 100]), frame(LAST | PING, b"x")].concat());
    let held = reader.held();
    assert_eq!(reader.take(), Ok(Some(Incoming::Fragment)));
    assert_eq!(reader.held(), held);
    assert_eq!(reader.take(), Ok(Some(Incoming::Ping(Bytes::from_static(b"x")))));
    assert_eq!((reader.take(), reader.held()), (Ok(None), LIMIT - 100));
}

#[test]
fn a_limit_can_be_raised() {
    let mut reader = reader();
    reader.set_limit(2 * LIMIT);
    let payload = vec![b'a'; 2 * LIMIT];
    assert_eq!(read(&mut reader, &frame(LAST | TEXT, &payload)), Ok(vec![message(&payload)]));
}

/// Messages: the text of each, and the places where it is split into fragments.
fn messages() -> impl Strategy<Value = Vec<(String, Vec<usize>)>> {
    let text = prop_oneof![4 => ".{0,200}", 1 => Just("x".repeat(LIMIT))];
    prop::collection::vec((text, prop::collection::vec(0..200_usize, 0..4)), 0..12)
}

/// The frames of a message, with a ping after each fragment.
fn frames(text: &str, cuts: &[usize]) -> Vec<u8> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| (*cut).min(text.len())).collect();
    cuts.sort_unstable();
    let (mut bytes, mut from) = (Vec::new(), 0);
    for (index, to) in cuts.iter().chain([&text.len()]).enumerate() {
        let opcode = if index == 0 { TEXT } else { CONTINUATION };
        let last = if index == cuts.len() { LAST } else { 0 };
        bytes.extend(frame(last | opcode, &text.as_bytes()[from..*to]));
        bytes.extend(frame(LAST | PING, b"ping"));
        from = *to;
    }
    bytes
}

proptest! {
    #[test]
    fn messages_are_decoded_from_any_fragments_and_from_reads_of_any_size(
        messages in messages(),
        arrivals in prop::collection::vec(1..300_usize, 1..20),
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|(text, cuts)| frames(text, cuts)).collect();
        let (mut reader, mut rest, mut taken) = (reader(), &bytes[..], Vec::new());
        for size in arrivals.into_iter().cycle() {
            let (now, later) = rest.split_at(size.min(rest.len()));
            for incoming in read(&mut reader, now).unwrap() {
                if let Incoming::Message(text) = incoming {
                    taken.push(text);
                }
            }
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let sent: Vec<&[u8]> = messages.iter().map(|(text, _)| text.as_bytes()).collect();
        prop_assert_eq!(taken, sent);
        prop_assert_eq!(reader.held(), 0);
    }

    #[test]
    fn no_bytes_make_the_reader_hold_more_than_its_bound(
        bytes in prop::collection::vec(any::<u8>(), 0..3 * LIMIT),
        first in prop::sample::select(vec![LAST | TEXT, TEXT, CONTINUATION, LAST | PING]),
        length in prop_oneof![0..=200_u64, Just(LIMIT as u64), any::<u64>()],
    ) {
        let mut reader = reader();
        let mut rest = &[header(first, length), bytes].concat()[..];
        loop {
            let (now, later) = rest.split_at(rest.len().min(reader.room()));
            reader.feed(now);
            prop_assert!(reader.held() <= reader.held_max());
            let taken = reader.take();
            prop_assert!(reader.buffer.capacity() <= reader.held_max(), "{}", reader.buffer.capacity());
            match taken {
                Ok(None) if now.is_empty() => break,
                Ok(_) => {}
                Err(_) => break,
            }
            rest = later;
        }
    }
}
