//! Ending trust: revoking sessions and denying users and tokens.
//!
//! Everything that ends a session goes through this room. Depends on `core` and `access`.

pub(crate) mod denials;
pub(crate) mod in_flight_revocations;
pub(crate) mod revoke;
