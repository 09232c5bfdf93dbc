//! What handlers read from a request. Most of these types are arguments of handlers; actix-web builds them before the handler
//! runs.
//!
//! Used by `resources`, `api`, `cookies`, `csrf`, `response_headers` and the middleware. An extractor parses, verifies and
//! rejects; the handler makes the changes.

pub(super) mod arrival;
pub(super) mod authenticated;
pub(super) mod body;
pub(super) mod client;
pub(super) mod credential;
pub(super) mod idempotency;
mod multipart;
pub(super) mod page;
pub(super) mod page_limit;
pub(super) mod path_id;
pub(super) mod reason;
pub(super) mod request_headers;
pub(super) mod subject;
