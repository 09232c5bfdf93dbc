//! Records of sign-in attempts, and temporary bans of client addresses.

pub(crate) mod attempt_months;
pub(crate) mod attempt_search;
pub(crate) mod attempts;
pub(crate) mod bans;
pub(crate) mod stuffing_wave;
