//! Bytes of a client that claims to speak the WebSocket protocol: reading does not panic, holds no more bytes than its bound,
//! and returns no message over the limit. The result does not depend on how the bytes are split.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{Encoding, FrameError, FrameReader, Incoming};

const LIMIT: usize = 1024;

/// Feeds the bytes in portions of at most `portion` bytes, and takes the messages in them.
fn read(bytes: &[u8], portion: usize) -> (Vec<Incoming>, Option<FrameError>) {
    let (mut reader, mut rest) = (FrameReader::new(Encoding::Json, LIMIT), bytes);
    let most = reader.room();
    let mut taken = Vec::new();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(portion).min(reader.room()));
        assert!(!now.is_empty(), "a reader without a whole frame has room");
        reader.feed(now);
        assert!(reader.held() <= most);
        loop {
            match reader.take() {
                Ok(Some(incoming)) => {
                    assert!(!matches!(&incoming, Incoming::Message(message) if message.len() > LIMIT));
                    taken.push(incoming);
                }
                Ok(None) => break,
                Err(error) => return (taken, Some(error)),
            }
        }
        rest = later;
    }
    (taken, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((portion, bytes)) = bytes.split_first() else { return };
    assert_eq!(read(bytes, usize::MAX), read(bytes, usize::from(*portion).max(1)));
});
