//! The client of drills: it uses this node from outside, over one of its own listeners, as every other client does.
//!
//! `app` makes a [`DrillClient`] when the listeners are bound, and hands it to `service::drill`, which opens the session and revokes
//! it. The client has no other credential than the tokens of that session, and the server treats it like any other client: with the
//! limits of its address, without exceptions. The client sends no `Origin`, as programs that are no browsers do.

mod asked_door;
mod client;
mod entrance;
mod held_doors;
mod stream_door;
mod watched_end;
mod websocket_door;

pub use client::DrillClient;
pub use entrance::Entrance;
