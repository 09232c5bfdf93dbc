//! WebSocket frames (RFC 6455, section 5), written without a library so that tests can also send invalid frames.

/// The opcode of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn of(bits: u8) -> Self {
        match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            other => panic!("the server sent a frame of the reserved kind {other}"),
        }
    }
}

const MASK: [u8; 4] = [0x5a, 0x17, 0xc3, 0x08];

/// A frame of a client, masked as the protocol requires.
pub(crate) fn frame(opcode: Opcode, last: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![opcode as u8 | if last { 0x80 } else { 0 }];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The first complete frame of `bytes`, and its length. The server must neither mask nor fragment.
pub(super) fn parse(bytes: &[u8]) -> Option<(Opcode, &[u8], usize)> {
    let (&[first, second], rest) = bytes.split_first_chunk::<2>()?;
    assert_eq!(second & 0x80, 0, "the server masks its frames");
    assert_eq!(first & 0x80, 0x80, "the server fragments its messages");
    let (length, head) = match second {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
        short => (u64::from(short), 2),
    };
    let end = head + usize::try_from(length).expect("a length that fits");
    let payload = bytes.get(head..end)?;
    Some((Opcode::of(first & 0x0f), payload, end))
}
