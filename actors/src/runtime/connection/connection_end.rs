//! [`ConnectionEnd`]: how a connection ends. The end is declared in the outbox, and the connection's own task (see `outbox`)
//! carries it out.

use protocol::close::CloseMessage;

/// How a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// Send the queued frames that need not wait for the gate, then the close frame.
    Flush(CloseMessage),
    /// Drop the queued frames. Send the close frame only if the peer accepts it within 250 ms.
    Cut(CloseMessage),
    /// The queue was dropped: it had too many frames or requests, its frames waited too long for the gate, or its frames may
    /// belong to an ended subscription. The close frame waits until the peer reads again, at most until the write deadline.
    Shed(CloseMessage),
    /// The peer closed the connection: answer its close frame, if there is one. A connection that is severed before another end
    /// is declared has this end, too.
    Peer,
}

impl ConnectionEnd {
    /// The close code and text for the peer, if the server ends the connection.
    #[must_use]
    pub fn close_message(&self) -> Option<&CloseMessage> {
        match self {
            Self::Flush(close_message) | Self::Cut(close_message) | Self::Shed(close_message) => {
                Some(close_message)
            }
            Self::Peer => None,
        }
    }
}
