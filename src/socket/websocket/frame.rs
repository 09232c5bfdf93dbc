//! [`SendBuffer`]: outgoing WebSocket frames that are not sent yet (RFC 6455, section 5.2; frames of a server are not masked).
//!
//! Used by the pump only. The buffer knows where frames begin, so that a cut can drop queued frames without leaving half a
//! frame on the wire.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use protocol::Encoding;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const FIN: u8 = 0x80;
/// Messages are combined into one frame up to about this many bytes.
const FRAME_TARGET: usize = 16 * 1024;

/// The handshake response, and whole frames. A part of the first of these items may have been sent already.
#[derive(Default)]
pub(crate) struct SendBuffer {
    buffer: BytesMut,
    /// Number of sent bytes of the first item, which is the handshake response or a frame.
    started: usize,
    /// Size of the handshake response in front of the first frame; 0 once it is sent.
    prelude: usize,
}

impl SendBuffer {
    pub(crate) fn with_prelude(bytes: &[u8]) -> Self {
        Self { buffer: BytesMut::from(bytes), started: 0, prelude: bytes.len() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The number of unsent bytes.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len() - self.started
    }

    /// The unsent bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.started..]
    }

    /// The unsent rest of the frame that is partly sent, or of the handshake response.
    pub(crate) fn started(&self) -> &[u8] {
        if self.is_started() { &self.buffer[self.started..self.first_length()] } else { &[] }
    }

    /// Whether the first item is partly sent. A handshake response counts as partly sent from the beginning.
    fn is_started(&self) -> bool {
        self.started > 0 || self.prelude > 0
    }

    /// Removes `count` sent bytes. An empty buffer releases its memory.
    pub(crate) fn advance(&mut self, count: usize) {
        self.started += count;
        if self.started == self.buffer.len() {
            *self = Self::default();
            return;
        }
        while self.started > 0 {
            let first = self.first_length();
            if self.started < first {
                return;
            }
            self.buffer.advance(first);
            self.started -= first;
            self.prelude = 0;
        }
    }

    /// Length of the first item: the handshake response, or a frame.
    fn first_length(&self) -> usize {
        if self.prelude > 0 { self.prelude } else { frame_length(&self.buffer) }
    }

    /// Appends frames that are already encoded.
    pub(crate) fn append_frames(&mut self, frames: &[u8]) {
        self.buffer.extend_from_slice(frames);
    }

    /// Appends messages as frames of their encoding. Several messages share a frame, as the protocol allows, so that a burst
    /// needs few frames.
    pub(crate) fn append_messages(&mut self, messages: &[Bytes], encoding: Encoding) {
        let opcode = if encoding.is_binary() { BINARY } else { TEXT };
        let separator = encoding.separator();
        let mut rest = messages;
        while !rest.is_empty() {
            let mut length = rest[0].len();
            let mut count = 1;
            while count < rest.len() && length + separator.len() + rest[count].len() <= FRAME_TARGET {
                length += separator.len() + rest[count].len();
                count += 1;
            }
            let (frame, later) = rest.split_at(count);
            self.put_header(opcode, length);
            for (index, message) in frame.iter().enumerate() {
                if index > 0 {
                    self.buffer.extend_from_slice(separator);
                }
                self.buffer.extend_from_slice(message);
            }
            rest = later;
        }
    }

    /// Appends a close frame; `text` is at most 123 bytes.
    pub(crate) fn append_close(&mut self, code: u16, text: &str) {
        self.put_header(CLOSE, 2 + text.len());
        self.buffer.put_u16(code);
        self.buffer.extend_from_slice(text.as_bytes());
    }

    /// Drops everything except an unsent handshake response, or the rest of a partly sent frame. Without that rest, the peer
    /// could not parse the next frame.
    pub(crate) fn keep_started_frame(&mut self) {
        let keep = if self.is_started() { self.first_length() } else { 0 };
        self.buffer.truncate(keep);
    }

    fn put_header(&mut self, opcode: u8, length: usize) {
        self.buffer.reserve(10 + length);
        self.buffer.put_u8(FIN | opcode);
        match length {
            0..=125 => self.buffer.put_u8(length as u8),
            126..=65_535 => {
                self.buffer.put_u8(126);
                self.buffer.put_u16(length as u16);
            }
            _ => {
                self.buffer.put_u8(127);
                self.buffer.put_u64(length as u64);
            }
        }
    }
}

/// The length of the unmasked frame at the start of these bytes, with its header.
fn frame_length(frame: &[u8]) -> usize {
    match frame {
        [_, 126, a, b, ..] => 4 + usize::from(u16::from_be_bytes([*a, *b])),
        [_, 127, rest @ ..] if rest.len() >= 8 => {
            let length = rest[..8].iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
            10 + usize::try_from(length).unwrap_or(usize::MAX - 10)
        }
        [_, length, ..] => 2 + usize::from(*length),
        _ => frame.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(count: usize, size: usize) -> Vec<Bytes> {
        (0..count).map(|n| Bytes::from(vec![b'a' + (n % 26) as u8; size])).collect()
    }

    #[test]
    fn a_burst_of_messages_becomes_one_frame_of_lines() {
        let mut unsent = SendBuffer::default();
        unsent.append_messages(&texts(3, 2), Encoding::Json);
        assert_eq!(unsent.bytes(), b"\x81\x08aa\nbb\ncc");
    }

    #[test]
    fn messages_of_protobuf_share_one_binary_frame_without_separators() {
        let mut unsent = SendBuffer::default();
        unsent.append_messages(&texts(3, 2), Encoding::Protobuf);
        assert_eq!(unsent.bytes(), b"\x82\x06aabbcc");
    }

    #[test]
    fn the_length_of_a_frame_is_read_in_each_of_its_forms() {
        for size in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
            let mut unsent = SendBuffer::default();
            unsent.append_messages(&texts(1, size), Encoding::Json);
            assert_eq!(frame_length(unsent.bytes()), unsent.len(), "payload of {size} bytes");
        }
    }

    #[test]
    fn a_cut_keeps_only_the_rest_of_a_started_frame() {
        let mut unsent = SendBuffer::default();
        unsent.append_messages(&texts(1, 20_000), Encoding::Json);
        unsent.append_messages(&texts(1, 5), Encoding::Json);
        unsent.advance(10);
        unsent.keep_started_frame();
        unsent.append_close(4500, "session revoked");
        let rest = 4 + 20_000 - 10;
        assert_eq!(unsent.len(), rest + 4 + 15);
        assert_eq!(&unsent.bytes()[rest..rest + 4], [0x88, 17, 0x11, 0x94]);
    }

    #[test]
    fn only_the_rest_of_the_partly_sent_frame_counts_as_started() {
        let mut unsent = SendBuffer::with_prelude(b"HTTP/1.1 101\r\n\r\n");
        unsent.append_messages(&texts(1, 5), Encoding::Json);
        unsent.append_close(3001, "x");
        assert_eq!(unsent.started(), b"HTTP/1.1 101\r\n\r\n");
        unsent.advance(16);
        assert_eq!(unsent.started(), b"");
        unsent.advance(3);
        assert_eq!(unsent.started(), b"aaaa");
    }

    #[test]
    fn after_a_cut_between_frames_only_the_close_frame_is_left() {
        let mut unsent = SendBuffer::default();
        unsent.append_messages(&texts(1, 5), Encoding::Json);
        unsent.append_frames(b"\x8a\x00");
        unsent.advance(7);
        assert_eq!(unsent.bytes(), b"\x8a\x00");
        unsent.keep_started_frame();
        unsent.append_close(3001, "x");
        assert_eq!(unsent.bytes(), b"\x88\x03\x0b\xb9x");
    }

    #[test]
    fn a_cut_keeps_an_unsent_handshake_response() {
        let mut unsent = SendBuffer::with_prelude(b"HTTP/1.1 101\r\n\r\n");
        unsent.append_messages(&texts(1, 5), Encoding::Json);
        unsent.keep_started_frame();
        unsent.append_close(4500, "x");
        assert_eq!(unsent.bytes(), b"HTTP/1.1 101\r\n\r\n\x88\x03\x11\x94x");
    }
}
