//! The protocol state of one client connection: which commands the client may send when, and what it is answered.
//!
//! Pure: no I/O, no clock. The driver of the connection (in the server) calls [`Dialogue`] with frames, with the results of
//! the work that it asked for, and with the time, and performs the [`Effect`]s that it returns.

mod command_queue;
mod commands;
mod config;
mod connect;
mod effects;
mod heartbeat;
mod question;
mod server_side;
mod state;
mod subscribe;
mod subscription_table;

pub use config::DialogueConfig;
pub use effects::{
    Effect, Farewell, Gathered, Identity, Joining, Opening, Order, Purpose, SubscriptionGrant,
    SubscriptionRefusal, VerifyRefusal,
};
pub use question::Question;
pub use state::Dialogue;

#[cfg(test)]
mod tests;
