//! From a proof to a session, and from one pair of tokens to the next: register, sign in, refresh, sign out.
//!
//! Depends on `core`, `access`, `revocation` and `authenticators`.

pub(crate) mod answer_timing;
pub(crate) mod attempts;
pub mod geo;
pub(crate) mod open_session;
pub(crate) mod passkey;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod risk;
pub(crate) mod second_factor;
pub(crate) mod sign_out;
