//! Lists of the database, in the form of the lists of a server: the same columns, and the same names in JSON.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{noun::Shown, nouns::noun, output, rendering, terminal};
use crate::cli::error::CliError;

/// Prints the entries of a noun, which have the names that the API for operators gives to their fields.
pub(in crate::cli) fn print_list(name: &str, entries: &[Value], as_json: bool) -> Result<(), CliError> {
    let shown = noun(name).and_then(|noun| noun.verb("list")).map(|verb| verb.shown);
    let Some(Shown::List(plural, columns)) = shown else {
        return Err(CliError::Failure(format!("{name} has no list")));
    };
    if as_json {
        return output::json(&json!({plural: entries, "next_cursor": null}), false);
    }
    let width = terminal::size().map(|(width, _)| width);
    output::line(&rendering::table(entries, columns, width).join("\n"))
}

/// A time in JSON.
pub(in crate::cli) fn moment(at: OffsetDateTime) -> Option<String> {
    at.format(&Rfc3339).ok()
}
