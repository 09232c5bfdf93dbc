//! The grammar of libpq's keywords and values: `host=db user=app password='a b'`. Values are not percent-encoded; `\\` and `\'`
//! stand for themselves.

use super::{error::DatabaseUrlError, parameters::Parameters};

/// Whether the text begins with a keyword and `=`.
pub(super) fn are_meant(text: &str) -> bool {
    let after = text.trim_start_matches(is_in_keyword);
    after.len() < text.len() && after.trim_start().starts_with('=')
}

/// Reads keywords and values.
pub(super) fn parse(text: &str) -> Result<Parameters, DatabaseUrlError> {
    let mut parameters = Parameters::default();
    let (mut rest, mut after_bare_password) = (text.trim(), false);
    while !rest.is_empty() {
        let (keyword, after) = rest.split_once('=').ok_or(DatabaseUrlError::Keywords)?;
        let keyword = keyword.trim_end();
        if keyword.is_empty() || !keyword.chars().all(is_in_keyword) {
            return Err(DatabaseUrlError::Keywords);
        }
        let after = after.trim_start();
        let quoted = after.starts_with('\'');
        let (value, after) = value(after)?;
        // NUL ends a text in PostgreSQL's protocol.
        if value.contains('\0') {
            return Err(DatabaseUrlError::Keywords);
        }
        match keyword {
            "password" => parameters.set_password(value.into_bytes())?,
            // The text after a password without quotes may be the rest of the password, so no message may show it.
            _ => parameters.set(keyword, value).map_err(|error| match error {
                DatabaseUrlError::Unknown(_) if after_bare_password => DatabaseUrlError::Keywords,
                other => other,
            })?,
        }
        after_bare_password = keyword == "password" && !quoted;
        rest = after.trim_start();
    }
    Ok(parameters)
}

fn is_in_keyword(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The value at the beginning of the text, and what follows it.
fn value(text: &str) -> Result<(String, &str), DatabaseUrlError> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.push(characters.next().ok_or(DatabaseUrlError::Keywords)?.1),
            '\'' if quoted => {
                let after = &text[at + 1..];
                let ends = after.is_empty() || after.starts_with(char::is_whitespace);
                return if ends { Ok((value, after)) } else { Err(DatabaseUrlError::Keywords) };
            }
            c if !quoted && c.is_whitespace() => return Ok((value, &text[at..])),
            c => value.push(c),
        }
    }
    // A quote that does not end would take the following parameters as part of the value.
    if quoted { Err(DatabaseUrlError::Keywords) } else { Ok((value, "")) }
}
