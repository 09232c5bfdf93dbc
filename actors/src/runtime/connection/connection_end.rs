//! [`ConnectionEnd`]: how a connection ends. It is declared in the outbox, and the pump carries it out.

use protocol::close::CloseMessage;

/// How a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// Send the queued frames, then the close frame.
    Flush(CloseMessage),
    /// Drop the queued frames. Send the close frame only if the peer accepts it at once.
    Cut(CloseMessage),
    /// The queue overflowed, or waited for too long, and was dropped. The close frame waits until the peer reads again, at
    /// most until the write deadline.
    Shed(CloseMessage),
    /// The peer closed the connection: answer its close frame.
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
