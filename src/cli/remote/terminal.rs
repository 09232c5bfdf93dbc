//! Questions on the terminal: lines, secrets without echo, and confirmations.
//!
//! Questions are written to standard error, so that standard output has only results. Answers are read from standard input, byte
//! by byte, so that nothing is taken that belongs to the next question.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::cli::error::CliError;

/// The longest answer, in bytes.
const LONGEST: usize = 4 << 10;

/// Whether questions can be asked.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

/// The columns and rows of the terminal behind standard output; `None` if it is no terminal.
pub(crate) fn size() -> Option<(usize, usize)> {
    let size = io::stdout().is_terminal().then(|| tcgetwinsize(io::stdout()).ok()).flatten()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col.into(), size.ws_row.into()))
}

/// Asks for a line.
pub(super) fn ask(question: &str) -> Result<String, CliError> {
    say(question)?;
    Ok(read_line()?.trim().to_owned())
}

/// Asks for a secret, which is not shown.
pub(super) fn ask_secret(question: &str) -> Result<SecretString, CliError> {
    // What is typed as soon as the question is seen must not be shown.
    let hidden = Hidden::begin()?;
    say(question)?;
    let answer = read_line();
    drop(hidden);
    say("\n")?;
    Ok(SecretString::from(answer?.as_str()))
}

/// Asks whether to go on. Every answer but `y` and `yes` is a no.
pub(super) fn confirm(question: &str) -> Result<bool, CliError> {
    let answer = ask(&format!("{question} [y/N] "))?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}

/// A line of standard input without its end.
///
/// # Errors
/// `Interrupted` for Ctrl-C; `Failure` if the input has ended.
pub(super) fn read_line() -> Result<Zeroizing<String>, CliError> {
    let mut line = Zeroizing::new(Vec::with_capacity(256));
    loop {
        let mut byte = [0_u8];
        match rustix::io::read(io::stdin(), &mut byte) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(io::Error::from(error).into()),
            Ok(0) if line.is_empty() => {
                return Err(CliError::Failure("the input ended before the answer".to_owned()));
            }
            Ok(0) => break,
            Ok(_) => {}
        }
        match byte[0] {
            b'\n' | b'\r' => break,
            // While nothing is shown, the terminal does not edit the line.
            0x03 => return Err(CliError::Interrupted),
            0x04 if line.is_empty() => return Err(CliError::Interrupted),
            0x15 => line.clear(),
            0x08 | 0x7f => {
                let kept = String::from_utf8_lossy(&line).char_indices().last().map_or(0, |(at, _)| at);
                line.truncate(kept);
            }
            byte => line.push(byte),
        }
        if line.len() > LONGEST {
            return Err(CliError::Failure("the answer is too long".to_owned()));
        }
    }
    let text =
        std::str::from_utf8(&line).map_err(|_| CliError::Failure("the answer is no UTF-8".to_owned()))?;
    Ok(Zeroizing::new(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()))
}

fn say(text: &str) -> Result<(), CliError> {
    let mut out = io::stderr().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// While it lives, the terminal shows nothing of what is typed, and Ctrl-C is a byte, so that the terminal is always restored.
pub(super) struct Hidden(Option<Termios>);

impl Hidden {
    /// Hides what is typed, if standard input is a terminal.
    pub(super) fn begin() -> Result<Self, CliError> {
        if !is_interactive() {
            return Ok(Self(None));
        }
        let before = tcgetattr(io::stdin()).map_err(io::Error::from)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        // Input that was typed before is kept: a person may type ahead.
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden).map_err(io::Error::from)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
