//! What every use case works with: the clock, the audit trail, limits and bans, the password hasher, failures.
//!
//! Knows no other room of this crate.

pub(crate) mod audit;
pub(crate) mod bans;
pub(crate) mod clock;
pub(crate) mod failure;
pub(crate) mod hasher;
pub(crate) mod throttle;
