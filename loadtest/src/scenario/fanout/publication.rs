//! The measured publications: the command that publishes one, and its number. Every delivery contains the number.

use bytes::Bytes;

/// The channel of all subscribers.
pub(super) const CHANNEL: &str = "ephemeral:fanout";
/// Precedes the number of a publication within a push.
const MARK: &[u8] = b"\"number\":";

/// A publish command with about `size` bytes of data, which contain the number of the publication.
pub(super) fn publication(number: usize, size: usize) -> Bytes {
    let head = format!("{{\"number\":{number},\"fill\":\"");
    let fill = "x".repeat(size.saturating_sub(head.len() + 2));
    Bytes::from(format!(
        "{{\"id\":{},\"publish\":{{\"channel\":\"{CHANNEL}\",\"data\":{head}{fill}\"}}}}}}",
        number + 3
    ))
}

/// The number within a push. `None` for a line without a publication of this scenario.
pub(super) fn number(line: &[u8]) -> Option<usize> {
    let at = line.windows(MARK.len()).position(|bytes| bytes == MARK)? + MARK.len();
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&line[at..at + digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use protocol::{CommandBody, json::decode_frame};

    use super::*;

    #[test]
    fn a_publication_is_a_command_with_data_of_the_requested_size() {
        for size in [0, 40, 100, 1000] {
            let command = publication(7, size);
            let decoded = decode_frame(std::str::from_utf8(&command).unwrap()).unwrap();
            let CommandBody::Publish(request) = &decoded[0].body else { panic!("publish") };
            let data = request.data.clone().unwrap();
            assert_eq!(data.as_bytes().len(), size.max(22));
            assert_eq!(number(data.as_bytes()), Some(7));
        }
    }

    #[test]
    fn a_reply_has_no_number() {
        assert_eq!(number(b"{\"id\":3,\"publish\":{}}"), None);
    }
}
