//! WebSocket frames (RFC 6455), the parts that a client of this server needs: unfragmented messages, no extensions.

/// The opcode of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 1,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// A complete frame at the start of a buffer. Its payload is `start..end`; the next frame begins at `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) opcode: Opcode,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The server sent a frame that it must not send, or that this client does not support.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a frame that this client does not support")]
pub(crate) struct Unexpected;

/// Finds the first frame. `None` if more bytes are needed.
pub(crate) fn first(buffer: &[u8]) -> Result<Option<Bounds>, Unexpected> {
    let [first, second, rest @ ..] = buffer else {
        return Ok(None);
    };
    let opcode = match first {
        0x81 => Opcode::Text,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        _ => return Err(Unexpected),
    };
    let (start, length) = match (second, rest) {
        (0..=125, _) => (2, usize::from(*second)),
        (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            let length = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
            (10, usize::try_from(length).map_err(|_| Unexpected)?)
        }
        (126 | 127, _) => return Ok(None),
        // Only clients mask their frames.
        _ => return Err(Unexpected),
    };
    let end = start + length;
    Ok((buffer.len() >= end).then_some(Bounds { opcode, start, end }))
}

/// Appends a client's frame. The mask is zero. Masks protect intermediaries, and here there are no intermediaries.
pub(crate) fn append(buffer: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    buffer.push(0x80 | opcode as u8);
    match payload.len() {
        length @ 0..=125 => buffer.push(0x80 | u8::try_from(length).unwrap_or(125)),
        length => {
            buffer.push(0x80 | 127);
            buffer.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(payload);
}

/// Code and text in the payload of a close frame.
pub(crate) fn close_reason(payload: &[u8]) -> Option<(u16, String)> {
    let [high, low, text @ ..] = payload else {
        return None;
    };
    Some((u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_any_length_is_found_only_when_it_is_complete() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let mut bytes = vec![0x81];
            match length {
                0..=125 => bytes.push(u8::try_from(length).unwrap()),
                126..=65_535 => {
                    bytes.push(126);
                    bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
                }
                _ => {
                    bytes.push(127);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            let start = bytes.len();
            bytes.resize(start + length, b'x');
            let end = bytes.len();
            assert_eq!(first(&bytes), Ok(Some(Bounds { opcode: Opcode::Text, start, end })));
            for cut in [1, start - 1, end - 1] {
                let whole = cut == end;
                assert_eq!(first(&bytes[..cut]).unwrap().is_some(), whole, "{length} cut at {cut}");
            }
            bytes.push(0x81);
            assert_eq!(first(&bytes).unwrap().unwrap().end, end);
        }
    }

    #[test]
    fn masked_binary_and_fragmented_frames_are_unexpected() {
        for bytes in [[0x81, 0x80], [0x82, 0], [0x01, 0], [0x80, 0], [0xc1, 0]] {
            assert_eq!(first(&bytes), Err(Unexpected));
        }
    }

    #[test]
    fn a_sent_frame_is_final_and_masked() {
        let mut bytes = Vec::new();
        append(&mut bytes, Opcode::Text, b"{}");
        assert_eq!(bytes, [0x81, 0x82, 0, 0, 0, 0, b'{', b'}']);
        bytes.clear();
        append(&mut bytes, Opcode::Pong, &[7; 126]);
        assert_eq!(bytes[..6], [0x8a, 0xff, 0, 0, 0, 0]);
        assert_eq!(bytes.len(), 14 + 126);
    }

    #[test]
    fn a_close_frame_has_code_and_text() {
        assert_eq!(close_reason(b"\x11\x94gone"), Some((4500, "gone".to_owned())));
        assert_eq!(close_reason(b""), None);
    }
}
