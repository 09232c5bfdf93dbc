//! The actix actors around the rules of the crate `logic`, their supervision, and [`Realtime`], the one public handle.
//!
//! The rooms: `connection` (the queue of one connection and the requests to it), `sessions` (which connections belong to
//! which session), `channels` (subscribers, histories and the fan-out), `services` (limits, last-seen values, the audit
//! trail). No actor address leaves this module. A type that another crate owns is imported from that crate.

mod channels;
mod connection;
mod ports;
mod realtime;
mod services;
mod sessions;
mod settings;
mod start;
mod supervision;

#[cfg(test)]
mod tests;

pub use channels::{
    ANSWER_BYTES,
    join_request::{Gather, Join, JoinReply, Left, ServerPublication},
    server_subscribe::Subscribing,
};
pub use connection::{
    close_waiter::{Closed, ClosingGuard},
    outbox::{End, Ended, Outbox, OutboxReader, Reserved, outbox},
    request::{Control, Reply, SubscribeReply},
};
pub use ports::{AuditSink, DeviceStore, Journal, NotAppended, NotRead, NotWritten, PortFuture, Seen};
pub use realtime::Realtime;
pub use services::audit::NotRecorded;
pub use sessions::{
    Bearer, Connected, Done, Selection, Transport,
    directory::{AttachError, AttachRequest, Attachment},
    session::ConnectionInfo,
    subjects::CONNECTIONS_LISTED,
};
pub use settings::RealtimeSettings;
pub use start::Ports;
pub use supervision::LaneError;
