//! `--watch`: the same look again and again.

use std::{fmt::Write as _, time::Duration};

use serde_json::Value;

use super::{output, terminal};
use crate::cli::{error::CliError, text_table};

/// What a look has found.
pub(super) struct Look {
    /// The answer as JSON.
    pub(super) json: Value,
    /// The answer for people.
    pub(super) lines: Vec<String>,
}

/// Looks, shows what was found, and repeats it after this time. On a terminal, the screen always has the newest look; elsewhere,
/// and as JSON, only looks that differ from the one before are written: as JSON, in any field. A server that cannot be reached is reported, and asked again.
///
/// # Errors
/// The errors of the look but `Unreachable`; `Io` if standard output is closed.
pub(super) async fn watch(
    every: Duration,
    as_json: bool,
    mut look: impl AsyncFnMut() -> Result<Look, CliError>,
) -> Result<(), CliError> {
    let mut before: Option<Look> = None;
    loop {
        match look().await {
            Ok(found) => {
                if as_json {
                    // A field may have no column, so tables can be equal where documents are not.
                    if before.as_ref().is_none_or(|before| before.json != found.json) {
                        output::json(&found.json, true)?;
                    }
                } else if let Some((width, height)) = terminal::size() {
                    output::raw(screen(&found.lines, width, height).as_bytes())?;
                } else if before.as_ref().is_none_or(|before| before.lines != found.lines) {
                    output::line(&found.lines.join("\n"))?;
                    output::line("")?;
                }
                before = Some(found);
            }
            Err(CliError::Unreachable(text)) => eprintln!("portcullis: {text}"),
            Err(error) => return Err(error),
        }
        tokio::time::sleep(every).await;
    }
}

/// The bytes that put these lines on the screen, from its first row on.
fn screen(lines: &[String], width: usize, height: usize) -> String {
    let mut text = "\x1b[H".to_owned();
    let (most, hidden) = match lines.len().checked_sub(height) {
        Some(over) if over > 0 || lines.len() == height => (height.saturating_sub(2), over + 2),
        _ => (lines.len(), 0),
    };
    for line in &lines[..most.min(lines.len())] {
        let _ = write!(text, "{}\x1b[K\r\n", text_table::cut(line, width));
    }
    if hidden > 0 {
        let _ = write!(text, "… and {hidden} more lines\x1b[K");
    }
    text.push_str("\x1b[J");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_never_has_more_rows_than_the_terminal() {
        let lines: Vec<String> = (0..10).map(|number| format!("line {number}")).collect();
        for height in 1..20 {
            let text = screen(&lines, 4, height);
            assert!(text.matches("\r\n").count() < height.max(2), "{height}: {text:?}");
        }
        assert!(screen(&lines, 80, 5).contains("… and 7 more lines"));
        assert!(!screen(&lines, 80, 30).contains('…'));
    }
}
