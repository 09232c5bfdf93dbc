//! The protocol state of one client connection: which commands are permitted in each phase, and how they are answered.
//!
//! Pure: no I/O, no clock, no randomness. The driver of the connection (in the server) passes the time and one input to
//! [`ClientState`]: a frame, the result of an effect, or a request of the server. [`ClientState`] returns [`Effect`]s, and the
//! driver performs them in their order.
//!
//! `state` has the type and its entry points. `command_queue` keeps the order of commands, and `commands` dispatches them.
//! `connect`, `subscribe` and `server_side` each handle one group of inputs.

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
