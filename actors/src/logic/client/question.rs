//! What a client asks about a channel, once the dialogue has found that it may.

use protocol::HistoryRequest;

/// A question about a channel.
#[derive(Clone, Debug)]
pub enum Question {
    /// Who is subscribed.
    Presence,
    /// How many are subscribed.
    PresenceStats,
    /// What was published.
    History(HistoryRequest),
}

impl Question {
    /// Whether the answer needs room of its own.
    #[must_use]
    pub fn is_large(&self) -> bool {
        match self {
            Self::Presence => true,
            Self::History(request) => is_large(request),
            Self::PresenceStats => false,
        }
    }
}

/// Whether it asks for publications, and not only where the channel stands.
pub(super) fn is_large(request: &HistoryRequest) -> bool {
    request.limit != 0
}
