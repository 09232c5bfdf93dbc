//! Accounts and their devices.

pub(crate) mod account_keys;
pub(crate) mod devices;
pub(crate) mod last_seen;
pub(crate) mod user;
pub(crate) mod users;
