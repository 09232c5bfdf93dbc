//! What a room finds in its history for a new subscription, and whether it fits into the client's queue.

use logic::history::{Recovery, weight};
use protocol::Position;

use crate::runtime::{
    channels::join_request::{ChannelJoin, JoinReply},
    connection::outbox::Reservation,
};

/// The result of the lookup for a new subscription.
#[derive(Default)]
pub(crate) struct Found {
    /// The newest position; `None` in channels without positions.
    pub(crate) top: Option<Position>,
    /// The publications that the client missed, if it asked for recovery.
    pub(crate) recovery: Option<Recovery>,
}

impl Found {
    /// Reserves space for the missed publications in the client's queue, twice their size because escaping may double
    /// it. Without enough space, the answer says `recovered: false`, and the client reads the history page by page.
    /// Otherwise the answer would overflow the queue and end the connection; the client would reconnect and request
    /// the same again.
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
