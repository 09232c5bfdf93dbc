//! Standard output: texts and lines of JSON.

use std::io::{self, Write as _};

use serde_json::Value;

use crate::cli::error::CliError;

/// Writes the text and an end of line.
pub(crate) fn line(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Writes the text as it is.
pub(crate) fn raw(text: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    Ok(out.flush()?)
}

/// Writes the value as JSON: in several lines for people, or in one line of a stream.
pub(crate) fn json(value: &Value, one_line: bool) -> Result<(), CliError> {
    line(&if one_line { value.to_string() } else { format!("{value:#}") })
}
