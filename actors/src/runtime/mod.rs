//! The actix actors around the rules of the crate `logic`, their supervision, and [`Realtime`], the one public handle.
//!
//! The modules: `connection` (the queue of one connection and the requests to it), `sessions` (the sessions and their
//! connections), `channels` (subscribers, histories and the fan-out), `services` (limits, last-seen values, the audit trail).
//! No actor address leaves this module. This module does not re-export the types of other crates.

mod byte_budget;
mod channels;
mod connection;
mod lag;
mod live;
mod ports;
mod realtime;
mod services;
mod sessions;
mod settings;
mod supervision;
mod traffic;
mod wall_clock;

#[cfg(test)]
mod tests;

pub use channels::{
    ANSWER_BYTES,
    events::{ChannelEvent, ChannelEventKind, ChannelEvents},
    join_request::{ChannelJoin, JoinCollector, JoinReply, LeaveReply, ServerPublication},
    server_subscribe::SubscribeCounts,
};
pub use connection::{
    close_waiter::{CloseCounts, CloseGuard},
    connection_end::ConnectionEnd,
    gate_switch::{GateSwitch, switched_outbox},
    outbox::{Outbox, OutboxClosed, OutboxReader, Reservation, outbox},
    request::{ConnectionRequest, Reply, SubscribeReply},
};
pub use live::{Live, LiveSettings};
pub use ports::{
    AppendError, AuditSink, DeviceStore, Journal, PortFuture, Ports, ReadError, SessionActivity, WriteError,
};
pub use realtime::Realtime;
pub use services::audit::RecordError;
pub use sessions::{
    attachment::{AttachError, AttachRequest, Attachment},
    roster::{RosterEntry, RosterPlace, RosterRange},
    token_index::TokenUse,
    types::{
        CONNECTIONS_LISTED, ConnectionIdentity, ConnectionInfo, ConnectionSelection, ListedConnection,
        RequestCounts, Transport,
    },
};
pub use settings::RealtimeSettings;
pub use supervision::LaneError;
pub use traffic::{CountedConnection, Traffic};
pub use wall_clock::WallClock;
