//! Messages that arrive in fragments (RFC 6455 section 5.4). Used by the connection actor; bounded like single frames.

use actix_http::ws::Item;
use bytes::BytesMut;

/// Bytes of one message; the codec bounds single frames alike.
const MESSAGE_MAX: usize = 64 * 1024;

/// Fragments out of order, too large together, or not text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The fragments of one message so far.
#[derive(Default)]
pub(super) struct Fragments(Option<BytesMut>);

impl Fragments {
    /// Whether a message has begun and not ended; another must not begin then.
    pub(super) fn under_way(&self) -> bool {
        self.0.is_some()
    }

    /// Adds one fragment. The last one gives the whole message.
    pub(super) fn add(&mut self, item: Item) -> Result<Option<String>, Malformed> {
        let (part, last) = match item {
            Item::FirstText(part) if self.0.is_none() => {
                self.0 = Some(BytesMut::new());
                (part, false)
            }
            Item::Continue(part) => (part, false),
            Item::Last(part) => (part, true),
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
        let message = self.0.take().unwrap_or_default();
        String::from_utf8(message.into()).map(Some).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn part(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn fragments_become_the_message_they_are_parts_of() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.add(Item::FirstText(part("a"))), Ok(None));
        assert_eq!(fragments.add(Item::Continue(part("b"))), Ok(None));
        assert_eq!(fragments.add(Item::Last(part("c"))), Ok(Some("abc".to_owned())));
        assert!(!fragments.under_way());
    }

    #[test]
    fn a_continuation_of_nothing_is_malformed() {
        assert_eq!(Fragments::default().add(Item::Continue(part("a"))), Err(Malformed));
        assert_eq!(Fragments::default().add(Item::Last(part("a"))), Err(Malformed));
    }

    #[test]
    fn a_second_beginning_is_malformed() {
        let mut fragments = Fragments::default();
        fragments.add(Item::FirstText(part("a"))).unwrap();
        assert_eq!(fragments.add(Item::FirstText(part("b"))), Err(Malformed));
    }

    #[test]
    fn fragments_together_may_not_exceed_one_message() {
        let mut fragments = Fragments::default();
        fragments.add(Item::FirstText(Bytes::from(vec![b'a'; MESSAGE_MAX]))).unwrap();
        assert_eq!(fragments.add(Item::Last(part("b"))), Err(Malformed));
    }
}
