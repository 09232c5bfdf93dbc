//! The protocol state of one client connection: which commands the client may send when, and what it is answered.
//!
//! Pure: no I/O, no clock, no randomness. The driver of the connection (in the server) passes frames, results of the work
//! that was requested, requests of the server, and the time to [`ClientState`], and performs the [`Effect`]s that it
//! returns, in their order.
//!
//! `state` holds the type and its entry points. `command_queue` keeps the order of commands, `commands` dispatches them,
//! `connect`, `subscribe` and `server_side` handle one group of them each.

mod command_queue;
mod commands;
mod config;
mod connect;
mod deadlines;
mod effects;
mod heartbeat;
mod identity;
mod server_side;
mod state;
mod subscribe;
mod subscription_table;

pub use config::ClientConfig;
pub use effects::{
    ChannelQuery, Effect, JoinRequest, JoinResults, Purpose, ServerRequest, UnsubscribeNotice,
};
pub use identity::{Identity, SubscriptionGrant, SubscriptionRefusal, VerifyRefusal};
pub use state::{ClientState, ConnectionParameters};

#[cfg(test)]
mod tests;
