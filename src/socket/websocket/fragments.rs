//! [`Fragments`]: reassembles messages that arrive in fragments (RFC 6455, section 5.4). Used by the connection actor.

use actix_http::ws::Item;
use bytes::{Bytes, BytesMut};
use protocol::Encoding;

/// Maximum size of one message in bytes. The codec has the same limit for single frames.
const MESSAGE_MAX: usize = 64 * 1024;

/// The fragments are out of order, too large together, or of the wrong kind (text or binary).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The fragments of one message so far.
#[derive(Default)]
pub(crate) struct Fragments(Option<BytesMut>);

impl Fragments {
    /// Whether a fragmented message is incomplete. Another message must not begin then.
    pub(crate) fn in_progress(&self) -> bool {
        self.0.is_some()
    }

    /// Adds one fragment. Returns the whole message after the last one.
    pub(crate) fn add(&mut self, item: Item, encoding: Encoding) -> Result<Option<Bytes>, Malformed> {
        let (part, last) = match item {
            Item::Continue(part) => (part, false),
            Item::Last(part) => (part, true),
            Item::FirstText(part) if !encoding.is_binary() => (self.begin(part)?, false),
            Item::FirstBinary(part) if encoding.is_binary() => (self.begin(part)?, false),
            Item::FirstText(_) | Item::FirstBinary(_) => return Err(Malformed),
        };
        let message = self.0.as_mut().ok_or(Malformed)?;
        if message.len() + part.len() > MESSAGE_MAX {
            return Err(Malformed);
        }
        message.extend_from_slice(&part);
        if !last {
            return Ok(None);
        }
        Ok(self.0.take().map(BytesMut::freeze))
    }

    fn begin(&mut self, part: Bytes) -> Result<Bytes, Malformed> {
        if self.in_progress() {
            return Err(Malformed);
        }
        self.0 = Some(BytesMut::new());
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn fragments_become_the_message_they_are_parts_of() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.add(Item::FirstText(part("a")), Encoding::Json), Ok(None));
        assert_eq!(fragments.add(Item::Continue(part("b")), Encoding::Json), Ok(None));
        assert_eq!(fragments.add(Item::Last(part("c")), Encoding::Json), Ok(Some(part("abc"))));
        assert!(!fragments.in_progress());
    }

    #[test]
    fn a_continuation_of_nothing_is_malformed() {
        assert_eq!(Fragments::default().add(Item::Continue(part("a")), Encoding::Json), Err(Malformed));
        assert_eq!(Fragments::default().add(Item::Last(part("a")), Encoding::Json), Err(Malformed));
    }

    #[test]
    fn a_second_beginning_is_malformed() {
        let mut fragments = Fragments::default();
        fragments.add(Item::FirstText(part("a")), Encoding::Json).unwrap();
        assert_eq!(fragments.add(Item::FirstText(part("b")), Encoding::Json), Err(Malformed));
    }

    #[test]
    fn a_message_is_of_the_kind_that_its_encoding_has() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.add(Item::FirstBinary(part("a")), Encoding::Json), Err(Malformed));
        assert_eq!(fragments.add(Item::FirstText(part("a")), Encoding::Protobuf), Err(Malformed));
        assert_eq!(fragments.add(Item::FirstBinary(part("a")), Encoding::Protobuf), Ok(None));
        assert_eq!(fragments.add(Item::Last(part("b")), Encoding::Protobuf), Ok(Some(part("ab"))));
    }

    #[test]
    fn fragments_together_may_not_exceed_one_message() {
        let mut fragments = Fragments::default();
        fragments.add(Item::FirstText(Bytes::from(vec![b'a'; MESSAGE_MAX])), Encoding::Json).unwrap();
        assert_eq!(fragments.add(Item::Last(part("b")), Encoding::Json), Err(Malformed));
    }
}
