//! What handlers take from a request. Handlers name most of these types as arguments; actix-web builds them before the
//! handler runs.
//!
//! Used by `resources`, `api`, `cookies`, `csrf` and the middleware. An extractor parses and rejects; it changes no data.

pub(super) mod arrival;
pub(super) mod authenticated;
pub(super) mod body;
pub(super) mod client;
pub(super) mod credential;
mod multipart;
pub(super) mod page;
pub(super) mod page_limit;
pub(super) mod path_id;
pub(super) mod request_headers;
pub(super) mod subject;
