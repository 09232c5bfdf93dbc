//! Finds the missed publications for a new subscription in the room's history, and checks whether they fit into the client's
//! outbox.

use logic::history::{Recovery, weight};
use protocol::Position;

use crate::runtime::{
    channels::join_request::{ChannelJoin, JoinReply},
    connection::outbox::Reservation,
};

/// The result of the lookup for a new subscription.
#[derive(Default)]
pub(crate) struct Found {
    /// The newest position; `None` if the channel or the subscription has no positions.
    pub(crate) top: Option<Position>,
    /// The publications that the client missed, if it requested recovery.
    pub(crate) recovery: Option<Recovery>,
}

impl Found {
    /// Reserves space for the missed publications in the client's outbox: twice their size, because escaping may double it. At
    /// `connect`, the `JoinCollector` provides the space instead. If there is not enough space, the answer says
    /// `recovered: false`, and the client can read the history page by page. An answer that is too large would overflow the
    /// outbox and end the connection; the client would reconnect and request the same again.
    pub(crate) fn reserve(&mut self, join: &ChannelJoin) -> Option<Reservation> {
        let missed = self.recovery.as_mut().filter(|recovery| !recovery.publications.is_empty())?;
        let bytes: usize = missed.publications.iter().map(|publication| weight(publication)).sum();
        let (fits, reserved) = match &join.reply {
            JoinReply::Collect(gather) => (gather.takes(bytes), None),
            JoinReply::Command(_) | JoinReply::Push(_) => {
                let reserved = join.outbox.reserve(2 * bytes);
                (reserved.is_some(), reserved)
            }
        };
        if !fits {
            let offset = self.top.as_ref().map_or(missed.offset, |top| top.offset);
            *missed = Recovery { recovered: false, publications: Vec::new(), offset };
        }
        reserved
    }
}
