//! What operators do with the accounts and sessions of others: over REST within their role, and on the command line.
//!
//! Depends on `core`, `access` and `revocation`.

pub(crate) mod listings;
pub(crate) mod local_admin;
pub(crate) mod revoke;
