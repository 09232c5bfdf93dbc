//! A terminal for a command of the program: its keyboard, and what it shows.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt as _},
    process::Child,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize},
};

use super::{PATIENCE, process::program, secret_watch};

/// The columns and rows of the terminal.
const SIZE: (u16, u16) = (120, 40);

/// A pseudo-terminal with a running command.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    /// The side of the command, which keeps the modes of the terminal after its end.
    line: OwnedFd,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How many bytes of `shown` [`Self::expect`] has seen.
    seen: usize,
}

impl Terminal {
    /// Starts a command in a new terminal.
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).expect("a pseudo-terminal");
        unlockpt(&master).expect("a pseudo-terminal");
        let name = ptsname(&master, Vec::new()).expect("a name").into_string().expect("a path in UTF-8");
        let open = || {
            File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(&name).expect("a line")
        };
        let line = open();
        let (columns, rows) = SIZE;
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&line, size).expect("a size");
        let mut command = program();
        command.args(arguments).envs(environment.iter().copied()).env("TERM", "xterm-256color");
        command.stdin(open()).stdout(open()).stderr(open());
        let child = command.spawn().expect("the program starts");
        drop(command);
        let keyboard = File::from(master);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, store) = (keyboard.try_clone().expect("a descriptor"), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                store.lock().extend_from_slice(&bytes[..count]);
            }
        });
        Self { child, keyboard, line: line.into(), shown, seen: 0 }
    }

    /// Everything that was shown so far.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock()).into_owned()
    }

    /// Waits until this text is shown, after what was expected before.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        let began = Instant::now();
        loop {
            let found = {
                let shown = self.shown.lock();
                shown[self.seen..].windows(text.len()).position(|part| part == text.as_bytes())
            };
            if let Some(at) = found {
                self.seen += at + text.len();
                return;
            }
            assert!(began.elapsed() < PATIENCE, "`{text}` is not shown: {}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Types a text and the key Enter.
    pub(crate) fn enter(&mut self, text: &str) {
        self.press(&format!("{text}\n"));
    }

    /// Types a text.
    pub(crate) fn press(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal takes the text");
    }

    /// Whether the command has this file open.
    pub(crate) fn has_open(&self, path: &std::path::Path) -> bool {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        open.into_iter()
            .flatten()
            .flatten()
            .any(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == path))
    }

    /// How the terminal treats its input now.
    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.line).expect("the modes")
    }

    /// Whether the terminal shows what is typed, and edits lines.
    pub(crate) fn is_ordinary(&self) -> bool {
        self.modes().local_modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// Waits for the end of the command. Returns its exit code, and everything that it has shown.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "the command does not end: {}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(self.is_ordinary(), "the terminal is not as before");
        // The last output of the command may still be on its way.
        let settled = || {
            let before = self.shown.lock().len();
            std::thread::sleep(Duration::from_millis(20));
            self.shown.lock().len() == before
        };
        while !settled() {}
        let shown = self.shown();
        secret_watch::add_lines(shown.as_bytes());
        (status.code(), shown)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
