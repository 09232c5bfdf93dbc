//! The subscriber that does not read in the second round, and the publications that fill its queue.
//!
//! The publications to all subscribers would need a long time to fill the queue. So there is a second channel. Only this
//! subscriber and one publisher are subscribed to it.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::connections::Connections;

const CHANNEL: &str = "ephemeral:fanout-stalled";
/// Bytes of each publication in the second channel.
const FILLER_SIZE: usize = 32 * 1024;
/// The number of bytes that overflow the queue: slightly more than the connection's queue (1 MiB) and the kernel's buffers
/// hold. The number must not be much greater, because the server waits only 10 s for the subscriber to read again.
const OVERFLOW: usize = 7 * 256 * 1024;

/// Whether a line is the push of a publication in the second channel. The name of the channel is at the beginning of a push.
pub(super) fn is_filler(line: &[u8]) -> bool {
    line.strip_prefix(b"{\"push\":{\"channel\":\"")
        .and_then(|rest| rest.strip_prefix(CHANNEL.as_bytes()))
        .is_some_and(|rest| rest.starts_with(b"\""))
}

/// The subscriber that does not read, and the publications in its second channel. The second channel has the same
/// publications in both rounds, so that the rounds differ only in whether this subscriber reads.
pub(super) struct Stalled {
    filled: usize,
    resume: Option<oneshot::Sender<()>>,
    filler: Bytes,
}

impl Stalled {
    /// Subscribes the first and the last connection to the second channel. The last one still reads.
    pub(super) fn new(connections: &Connections) -> Self {
        let subscribe = |id: u32| format!("{{\"id\":{id},\"subscribe\":{{\"channel\":\"{CHANNEL}\"}}}}");
        let last = connections.len() - 1;
        for connection in [0, last] {
            connections.send(connection, subscribe(4_000_000_000).into());
        }
        let fill = "x".repeat(FILLER_SIZE);
        let filler =
            format!("{{\"id\":4000000001,\"publish\":{{\"channel\":\"{CHANNEL}\",\"data\":\"{fill}\"}}}}");
        Self { filled: 0, resume: None, filler: filler.into() }
    }

    /// Stops the last connection from reading.
    pub(super) fn stall(&mut self, connections: &Connections) {
        self.filled = 0;
        self.resume = Some(connections.stall(connections.len() - 1));
    }

    /// Publishes in the second channel, so that the queue overflows after a sixth of the publications. The overflow must happen
    /// before the write deadline of the server (10 s without progress, close code 3009). Then the connection reads again.
    pub(super) fn fill(&mut self, connections: &Connections, sent: usize, publications: usize) {
        let due = OVERFLOW.min(OVERFLOW * 6 * sent / publications.max(1));
        while self.filled < due {
            connections.send(0, self.filler.clone());
            self.filled += FILLER_SIZE;
            if self.filled >= OVERFLOW {
                self.resume = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{DataForm, Encoding, Payload, Publication, Push};

    use super::{super::publication, *};

    fn pushed(channel: &str, data: &str) -> Bytes {
        let data = Payload::parse(data).unwrap();
        let publication = Publication { data, info: None, offset: 0, tags: Vec::new(), time_ms: 0 };
        Encoding::Json.push(&Push::Publication { channel, publication: &publication, form: DataForm::Plain })
    }

    #[test]
    fn only_a_publication_in_the_second_channel_is_a_filler() {
        let fill = "x".repeat(FILLER_SIZE);
        assert!(is_filler(&pushed(CHANNEL, &format!("\"{fill}\""))));
        let measured = pushed(publication::CHANNEL, &format!("{{\"number\":7,\"fill\":\"{fill}\"}}"));
        assert!(!is_filler(&measured));
        assert_eq!(publication::number(&measured), Some(7));
        assert!(!is_filler(b"{\"id\":4000000001,\"publish\":{}}"));
    }
}
