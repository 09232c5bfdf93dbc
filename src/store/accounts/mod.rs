//! Accounts and their devices.

pub(crate) mod account_keys;
mod administration;
pub(crate) mod administrators;
pub(crate) mod devices;
pub(crate) mod last_seen;
pub(crate) mod user;
pub(crate) mod user_search;
pub(crate) mod users;
