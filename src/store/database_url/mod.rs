//! Parsing of database URLs, in every form that related applications use.
//!
//! Only `settings` uses this room. The driver never sees the URL: it gets the parts that are read here. So the connection cannot
//! be less strict than the URL demands. The `url` crate cannot parse these URLs: libpq's URLs may have several hosts, and a
//! percent-encoded socket directory as host. Errors name a parameter, never its value, because a URL holds a password.

mod error;
mod escapes;
mod hosts;
mod parameters;
mod url;

pub use error::DatabaseUrlError;
pub(super) use hosts::separate_host;
pub(super) use url::parse;
