//! What handlers take from a request. Handlers name these types as arguments; actix-web builds them before the handler runs.
//!
//! Used by `resources`, `api`, the middleware and the CSRF check. An extractor parses and rejects; it changes nothing.

pub(super) mod authenticated;
pub(super) mod body;
pub(super) mod client;
