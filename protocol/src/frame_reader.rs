//! [`FrameReader`]: decodes the WebSocket frames of a client (RFC 6455, section 5) in bounded memory.
//!
//! The owner of the stream feeds bytes as they arrive, and takes whole messages out. If the header of a frame is malformed, or
//! states a payload that is too large, the reader returns an error before the payload arrives. Between two messages, the reader
//! holds no memory once [`FrameReader::take`] has returned `None`.
//!
//! This file does no I/O, and checks nothing inside a message, except that text is UTF-8.

use bytes::Bytes;

use crate::Encoding;

/// The largest header: two bytes, a length of eight bytes, and a mask of four bytes.
const HEADER_MAX: usize = 14;
/// The largest payload of a control frame (section 5.5).
const CONTROL_MAX: usize = 125;

/// What a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole message, of the kind that the encoding uses: text for JSON, binary for Protobuf.
    Message(Bytes),
    /// A fragment of a message that is not complete yet.
    Fragment,
    /// A ping with its payload.
    Ping(Bytes),
    /// A pong.
    Pong,
    /// The client closes the connection.
    Close,
}

/// Why the frames of a client cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame or a message exceeds the limit.
    #[error("a message exceeds the limit")]
    TooLarge,
    /// The bytes are not a frame that a client may send at this point, or a text message is not UTF-8.
    #[error("a malformed frame")]
    Malformed,
}

/// The reader of one client's frames.
#[derive(Debug)]
pub struct FrameReader {
    encoding: Encoding,
    /// Maximum size of a message, and so of a frame, in bytes.
    limit: usize,
    /// All bytes that are held, at most [`Self::held_max`]. First come the fragments of an incomplete message, put together.
    /// Then come decoded bytes that are not needed any more, and, from `decoded` on, bytes that are not decoded yet.
    buffer: Vec<u8>,
    decoded: usize,
    /// The size of the fragments of an incomplete message so far; `None` if no message is incomplete.
    message: Option<usize>,
}

/// The kind of a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opcode {
    Continuation,
    /// Text or binary, depending on the encoding.
    Data,
    Close,
    Ping,
    Pong,
}

/// The header of a frame that a client may send at this point.
#[derive(Clone, Copy)]
struct Header {
    opcode: Opcode,
    /// Whether this is the only or the last frame of its message.
    last: bool,
    mask: [u8; 4],
    /// Size of the header itself in bytes.
    size: usize,
    /// Size of the payload in bytes.
    length: usize,
}

impl FrameReader {
    /// A reader of messages of at most `limit` bytes.
    #[must_use]
    pub fn new(encoding: Encoding, limit: usize) -> Self {
        Self { encoding, limit, buffer: Vec::new(), decoded: 0, message: None }
    }

    /// Maximum size of a message in bytes.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Changes the maximum size of later messages, in bytes.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The number of bytes that are held, including decoded bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The number of bytes that may be fed now. After [`Self::take`] has returned `None`, it is greater than 0.
    #[must_use]
    pub fn room(&self) -> usize {
        self.held_max().saturating_sub(self.held())
    }

    /// Adds received bytes. The caller passes at most [`Self::room`] bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let most = self.held_max();
        append(&mut self.buffer, bytes, most);
    }

    /// The next message or control frame; `None` until more bytes arrive.
    ///
    /// # Errors
    /// See [`FrameError`]. After an error the reader cannot be used any more.
    pub fn take(&mut self) -> Result<Option<Incoming>, FrameError> {
        let header = self.header()?.filter(|header| self.buffered().len() >= header.size + header.length);
        let Some(header) = header else {
            self.give_back();
            return Ok(None);
        };
        let start = self.decoded + header.size;
        self.decoded = start + header.length;
        let payload = &mut self.buffer[start..self.decoded];
        unmask(payload, header.mask);
        let incoming = match header.opcode {
            Opcode::Ping => Incoming::Ping(Bytes::copy_from_slice(payload)),
            Opcode::Pong => Incoming::Pong,
            Opcode::Close if payload.len() == 1 => return Err(FrameError::Malformed),
            Opcode::Close => Incoming::Close,
            Opcode::Data | Opcode::Continuation => self.take_data(start, header.last)?,
        };
        Ok(Some(incoming))
    }

    /// Handles a data frame with a payload from `start` to `decoded`. The payload is a whole message or a fragment.
    fn take_data(&mut self, start: usize, last: bool) -> Result<Incoming, FrameError> {
        let whole = match (self.message.take(), last) {
            (None, true) => start..self.decoded,
            (earlier, _) => {
                // The fragments are put together at the front of the buffer, so that no fragment is held twice.
                let earlier = earlier.unwrap_or(0);
                self.buffer.copy_within(start..self.decoded, earlier);
                let length = earlier + self.decoded - start;
                if !last {
                    self.message = Some(length);
                    return Ok(Incoming::Fragment);
                }
                0..length
            }
        };
        let whole = &self.buffer[whole];
        if !self.encoding.is_binary() && std::str::from_utf8(whole).is_err() {
            return Err(FrameError::Malformed);
        }
        Ok(Incoming::Message(Bytes::copy_from_slice(whole)))
    }

    /// The header of the next frame; `None` until it has arrived.
    fn header(&self) -> Result<Option<Header>, FrameError> {
        let bytes = self.buffered();
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (opcode, last) = (self.opcode(first)?, first & 0x80 != 0);
        let is_control = !matches!(opcode, Opcode::Data | Opcode::Continuation);
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let (is_masked, short) = (second & 0x80 != 0, second & 0x7f);
        if !is_masked || is_control && (!last || usize::from(short) > CONTROL_MAX) {
            return Err(FrameError::Malformed);
        }
        let (length, size) = match short {
            126 => (bytes.get(2..4).map(number), 4),
            127 => (bytes.get(2..10).map(number), 10),
            _ => (Some(u64::from(short)), 2),
        };
        let Some(length) = length else { return Ok(None) };
        let left = if is_control { CONTROL_MAX } else { self.limit.saturating_sub(self.message_length()) };
        let length = usize::try_from(length).ok().filter(|length| *length <= left);
        let length = length.ok_or(FrameError::TooLarge)?;
        let mask = bytes.get(size..).and_then(<[u8]>::first_chunk::<4>);
        Ok(mask.map(|mask| Header { opcode, last, mask: *mask, size: size + 4, length }))
    }

    /// The kind of the frame, from its first byte. An error if a client may not send such a frame at this point.
    fn opcode(&self, first: u8) -> Result<Opcode, FrameError> {
        let data = if self.encoding.is_binary() { 0x2 } else { 0x1 };
        match first & 0x7f {
            0x0 if self.message.is_some() => Ok(Opcode::Continuation),
            opcode if opcode == data && self.message.is_none() => Ok(Opcode::Data),
            0x8 => Ok(Opcode::Close),
            0x9 => Ok(Opcode::Ping),
            0xa => Ok(Opcode::Pong),
            // A reserved kind, a reserved bit (no extension was negotiated), the other kind of data, or a wrong order.
            _ => Err(FrameError::Malformed),
        }
    }

    fn buffered(&self) -> &[u8] {
        &self.buffer[self.decoded..]
    }

    fn message_length(&self) -> usize {
        self.message.unwrap_or(0)
    }

    /// The largest number of held bytes: enough for the largest message with its header, and for a control frame between the
    /// fragments of that message.
    fn held_max(&self) -> usize {
        self.limit + HEADER_MAX + CONTROL_MAX
    }

    /// Frees the memory of the decoded bytes.
    fn give_back(&mut self) {
        let message = self.message_length();
        self.buffer.drain(message..self.decoded);
        self.decoded = message;
        // Spare capacity is freed only when it is more than half of the capacity. So a message in many fragments is not
        // copied with each fragment.
        if self.buffer.capacity() > 2 * self.buffer.len() {
            self.buffer.shrink_to_fit();
        }
    }
}

/// Appends bytes. The capacity grows by doubling, but not beyond `most`.
fn append(buffer: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let needed = buffer.len() + bytes.len();
    if needed > buffer.capacity() {
        let capacity = (2 * buffer.capacity()).min(most).max(needed);
        buffer.reserve_exact(capacity - buffer.len());
    }
    buffer.extend_from_slice(bytes);
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for part in payload.chunks_mut(4) {
        for (byte, mask) in part.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

#[cfg(test)]
#[path = "frame_reader_tests.rs"]
mod tests;
