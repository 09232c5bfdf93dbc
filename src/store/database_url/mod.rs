//! Parses the text that names a database. The forms are the URLs of libpq, the URLs of SQLAlchemy for the drivers psycopg2 and
//! asyncpg, libpq's keywords and values, and an address in separate settings.
//!
//! Only `settings` uses this module. The driver never sees the text: the driver gets the parts that this module has read. So the
//! connection cannot be less strict than the text demands. The `url` crate cannot parse these URLs: libpq's URLs may have
//! several hosts, and a percent-encoded socket directory as host. Errors name a parameter, never its value, because the text
//! holds a password.

mod error;
mod escapes;
mod hosts;
mod keywords;
mod parameters;
mod parts;
mod url;

pub use error::DatabaseUrlError;
use parameters::Mode;
pub(super) use parameters::{KEEPALIVE, ParsedUrl, reaches_sockets_only};
pub use parts::DatabaseParts;

/// Reads a URL, or keywords and values. `further` are parameters that are given beside the text.
pub(super) fn parse(text: &str, further: &[(&str, &str)]) -> Result<ParsedUrl, DatabaseUrlError> {
    let text = text.trim();
    let mut parameters = if keywords::are_meant(text) { keywords::parse(text)? } else { url::parse(text)? };
    parameters.set_all(further)?;
    parameters.finish(Mode::Prefer)
}

/// Reads an address in separate settings. The connection must be encrypted if `sslmode` does not say otherwise.
pub(super) fn parse_parts(parts: &DatabaseParts<'_>) -> Result<ParsedUrl, DatabaseUrlError> {
    parts::read(parts)?.finish(Mode::Require)
}
