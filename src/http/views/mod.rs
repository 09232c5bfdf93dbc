//! JSON shapes that several answers share. `resources` and `api` use this module; this module uses neither of them.

pub(super) mod attempt;
pub(super) mod connection;
pub(super) mod device;
pub(super) mod erasure;
pub(super) mod event_receiver;
pub(super) mod export;
pub(super) mod moment;
pub(super) mod payload;
pub(super) mod place;
pub(super) mod revocation;
pub(super) mod seconds_left;
pub(super) mod session;
pub(super) mod token_response;
pub(super) mod user;
