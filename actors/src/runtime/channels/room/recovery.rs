//! What a room finds in its history for a subscription that begins, and how much of it the client can be told at once.

use crate::runtime::{
    channels::join_request::{ChannelJoin, JoinReply},
    connection::outbox::Reservation,
};
use logic::history::{Recovery, weight};
use protocol::Position;

/// What a history says to a subscription that begins.
#[derive(Default)]
pub(crate) struct Found {
    /// The newest position; `None` where none are counted.
    pub(crate) top: Option<Position>,
    /// What the client is owed, if it asked.
    pub(crate) recovery: Option<Recovery>,
}

impl Found {
    /// Takes room for what the client is owed, where it is told; escaping may double it. If there is none, the client is
    /// told that it is not recovered, and reads the history page by page: an answer that overflows its queue would end the
    /// connection, and it would come back for the same.
    pub(crate) fn reserve(&mut self, join: &ChannelJoin) -> Option<Reservation> {
        let owed = self.recovery.as_mut().filter(|recovery| !recovery.publications.is_empty())?;
        let bytes: usize = owed.publications.iter().map(|publication| weight(publication)).sum();
        let (fits, reserved) = match &join.reply {
            JoinReply::Collect(gather) => (gather.takes(bytes), None),
            JoinReply::Command(_) | JoinReply::Push(_) => {
                let reserved = join.outbox.reserve(2 * bytes);
                (reserved.is_some(), reserved)
            }
        };
        if !fits {
            let offset = self.top.as_ref().map_or(owed.offset, |top| top.offset);
            *owed = Recovery { recovered: false, publications: Vec::new(), offset };
        }
        reserved
    }
}
