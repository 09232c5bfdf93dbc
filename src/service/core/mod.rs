//! Parts that every use case works with: the clock, the audit trail, limits and bans, the password hasher, failures.
//!
//! Knows no other room of this crate. Every other room may use it.

pub(crate) mod account_fields;
pub(crate) mod audit;
pub(crate) mod bans;
pub(crate) mod caller;
pub(crate) mod clock;
pub(crate) mod failure;
pub(crate) mod password_hasher;
pub(crate) mod privilege;
pub(crate) mod random;
pub(crate) mod request_meta;
pub(crate) mod subject;
pub(crate) mod throttle;
