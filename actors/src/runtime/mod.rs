//! The actors around the pure logic, their messages and supervision, and `Realtime`, the one public handle.
//!
//! Everything else is private: no actor address leaves this module.

mod audit;
mod channel_shard;
mod channels;
mod closing;
mod control;
mod device_tracker;
mod directory;
mod outbox;
mod port;
mod rate_limiter;
mod realtime;
mod roster;
mod session;
mod settings;
mod spill;
mod start;
mod subjects;
mod subscribing;
mod subscription;
mod supervise;
mod upkeep;

#[cfg(test)]
mod tests;

pub use audit::NotRecorded;
pub use channels::ANSWER_BYTES;
pub use closing::{Closed, ClosingGuard};
pub use control::{Control, Reply, SubscribeReply};
pub use directory::{AttachError, AttachRequest, Attachment};
pub use outbox::{End, Ended, Outbox, OutboxReader, Reserved, outbox};
pub use port::{AuditSink, DeviceStore, Journal, NotAppended, NotRead, NotWritten, PortFuture, Seen};
pub use realtime::Realtime;
pub use roster::{Bearer, Connected, Done, Selection, Transport};
pub use session::ConnectionInfo;
pub use settings::RealtimeSettings;
pub use start::Ports;
pub use subjects::CONNECTIONS_LISTED;
pub use subscribing::Subscribing;
pub use subscription::{Gather, Join, JoinReply, Left, ServerPublication};
pub use supervise::LaneError;

pub use domain::{abuse::stuffing::Pair, risk::sign_in_history::Attempted};
pub use logic::{
    bans::Standing,
    denials::{Denial, Denied, Ruling, TokenMark},
    limits::Verdict,
    namespace::Terms,
    subscription::{Described, Source, Subscribed},
    version::Version,
};
pub use protocol::{
    channel_name::{ChannelName, ChannelNameError},
    limit::Limit,
    subscription::{Overrides, ServerSubscription},
};
