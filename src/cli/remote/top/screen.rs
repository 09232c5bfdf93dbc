//! [`Screen`]: the terminal as a page that is drawn again and again. It is left as it was, also after an error or a panic.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    sync::Once,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::super::{output, terminal::Hidden};
use crate::cli::{error::CliError, text_table};

/// Shows a second page, and hides the cursor (xterm control sequences: DECSET 1049, DECRST 25).
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
/// Shows the cursor and the first page.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The page. Dropping it leaves the page.
pub(super) struct Screen(#[expect(dead_code, reason = "dropping it restores the input")] Hidden);

impl Screen {
    /// Enters the page. What is typed is no longer shown.
    pub(super) fn enter() -> Result<Self, CliError> {
        leave_before_panics();
        let hidden = Hidden::begin()?;
        output::raw(ENTER.as_bytes())?;
        Ok(Self(hidden))
    }

    /// Draws the lines from the first row on, cut to the size of the terminal.
    pub(super) fn show(&self, lines: &[String], width: usize, height: usize) -> Result<(), CliError> {
        output::raw(page(lines, width, height).as_bytes())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn page(lines: &[String], width: usize, height: usize) -> String {
    let mut text = "\x1b[H".to_owned();
    for (row, line) in lines.iter().take(height).enumerate() {
        // No end of line after the last row: it would move the page.
        let _ = write!(text, "{}{}\x1b[K", if row > 0 { "\r\n" } else { "" }, text_table::cut(line, width));
    }
    text.push_str("\x1b[J");
    text
}

fn leave() {
    let mut out = io::stdout().lock();
    let _ = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
}

/// A panic is reported before the page is dropped, and would vanish with it.
fn leave_before_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            report(panic);
        }));
    });
}

/// Waits until the terminal has another size.
pub(super) async fn resized() {
    match signal(SignalKind::window_change()) {
        Ok(mut changes) => drop(changes.recv().await),
        Err(_) => std::future::pending().await,
    }
}

/// The keys that are pressed.
pub(super) struct Keys(mpsc::Receiver<u8>);

impl Keys {
    /// Reads standard input on a thread of its own, which ends with the process.
    pub(super) fn listen() -> Self {
        let (sender, keys) = mpsc::channel(16);
        std::thread::spawn(move || {
            let mut byte = [0_u8];
            loop {
                match rustix::io::read(io::stdin(), &mut byte) {
                    Ok(1) if sender.blocking_send(byte[0]).is_ok() => {}
                    Err(rustix::io::Errno::INTR) => {}
                    _ => return,
                }
            }
        });
        Self(keys)
    }

    /// Waits for `q` or Ctrl-C. Input that has ended ends nothing.
    pub(super) async fn quit(&mut self) {
        loop {
            match self.0.recv().await {
                Some(b'q' | b'Q' | 0x03) => return,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_no_more_rows_and_columns_than_the_terminal() {
        let lines: Vec<String> = (0..9).map(|number| format!("a long line {number}")).collect();
        let text = page(&lines, 6, 4);
        assert_eq!(text.matches("\r\n").count(), 3);
        assert!(text.contains("a lon…\x1b[K") && !text.contains("line"), "{text:?}");
    }
}
