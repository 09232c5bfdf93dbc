//! Parsing of database URLs, in every form that related applications use.
//!
//! `settings` may enter. This is the only parser: the driver gets what is read here part by part and never sees the URL, so
//! the connection cannot be laxer than the URL says. The `url` crate cannot parse them: libpq's URLs may hold several hosts, and
//! a percent-encoded socket directory as host. Errors name a parameter, never its value, because a URL holds a password.

mod error;
mod escapes;
mod hosts;
mod parameters;
mod url;

pub use error::DatabaseUrlError;
pub(super) use hosts::separate_host;
pub(super) use url::parse;
