//! Standard output: texts, lines of JSON, and documents.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;

use crate::cli::{error::CliError, harmless::harmless_json};

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

/// Writes the value as JSON: in several lines for people, or in one line of a stream. Texts that others have chosen are in it, so
/// characters that a terminal would obey are escaped, wherever it is written.
pub(crate) fn json(value: &Value, one_line: bool) -> Result<(), CliError> {
    line(&harmless_json(&if one_line { value.to_string() } else { format!("{value:#}") }))
}

/// A document of a server on its way to standard output. A file and a pipe get its bytes as they are, because hashes and signatures
/// are over these; a terminal gets its characters, without those that it would obey.
pub(crate) struct Document {
    on_terminal: bool,
    /// The beginning of a character whose other bytes have not arrived.
    rest: Vec<u8>,
}

impl Document {
    pub(crate) fn begin() -> Self {
        Self { on_terminal: io::stdout().is_terminal(), rest: Vec::new() }
    }

    /// Writes the next part.
    pub(crate) fn part(&mut self, part: &[u8]) -> Result<(), CliError> {
        if self.on_terminal { raw(self.shown(part).as_bytes()) } else { raw(part) }
    }

    /// The characters that are whole with this part.
    fn shown(&mut self, part: &[u8]) -> String {
        self.rest.extend_from_slice(part);
        let whole = match std::str::from_utf8(&self.rest) {
            // The text ends within a character.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.rest.len(),
        };
        let whole: Vec<u8> = self.rest.drain(..whole).collect();
        harmless_json(&String::from_utf8_lossy(&whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_on_a_terminal_has_no_character_that_it_would_obey_however_it_arrives() {
        let text = "{\"a\": \"\u{9b}2Jé日\u{202e}\"}\n\u{1b}[2J".as_bytes();
        for size in 1..text.len() {
            let mut document = Document { on_terminal: true, rest: Vec::new() };
            let shown: String = text.chunks(size).map(|part| document.shown(part)).collect();
            assert_eq!(shown, "{\"a\": \"\\u009b2Jé日\\u202e\"}\n\\u001b[2J", "parts of {size}");
        }
    }
}
