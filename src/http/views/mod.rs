//! JSON shapes that several resources answer with. Called by `resources` and `api`; depends on neither.

pub(super) mod connection;
pub(super) mod payload;
pub(super) mod place;
pub(super) mod revocation;
pub(super) mod seconds_left;
pub(super) mod session;
pub(super) mod token_response;
pub(super) mod user;
