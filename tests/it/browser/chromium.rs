//! Headless Chromium in a separate process, with a temporary profile.
//!
//! The browser and its child processes form one process group. The group is killed when the value is dropped. On Linux, the
//! kernel also kills the browser itself when the thread of the test ends.

use std::{
    ffi::OsString,
    fs::File,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::harness::{PATIENCE, scratch_dir, within};

/// The environment variable that skips the browser tests if its value is `1`.
const SKIP: &str = "PORTCULLIS_SKIP_BROWSER";
/// The environment variable with the path of the browser. Without it, a program with one of [`NAMES`] is looked for on `PATH`.
const PROGRAM: &str = "PORTCULLIS_BROWSER";
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The flags of the browser. Many of them prevent dialogs or network requests in the background.
const FLAGS: [&str; 15] = [
    "--headless",
    // Chromium does not start as root with its sandbox. It needs no sandbox here, because it opens only pages of the tests.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--remote-debugging-port=0",
];

/// A running browser.
pub(super) struct Chromium {
    child: Child,
    profile: TempDir,
}

impl Chromium {
    /// Starts the browser, and returns its address for the DevTools protocol. `None` if browser tests are skipped.
    ///
    /// # Panics
    /// If no browser is installed, or it does not start.
    pub(super) async fn start() -> Option<(Self, String)> {
        if std::env::var_os(SKIP).is_some_and(|value| value == "1") {
            // This does not use `eprintln`, because the test runner hides its output when a test passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED, since {SKIP}=1: a test that needs a real browser");
            return None;
        }
        let program = program().unwrap_or_else(|| {
            panic!(
                "no Chromium here: type `sudo apt-get install -y chromium`, or set {SKIP}=1 to skip the test"
            )
        });
        let profile = scratch_dir();
        let child = command(&program, profile.path()).spawn().expect("the browser starts");
        let mut browser = Self { child, profile };
        let port_file = browser.profile.path().join("DevToolsActivePort");
        let endpoint = within("the browser writes its address", async {
            loop {
                if let Some(endpoint) = endpoint_in(&port_file) {
                    return endpoint;
                }
                let ended = browser.child.try_wait().expect("a child");
                assert!(ended.is_none(), "the browser ended: {}", browser.log());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        Some((browser, endpoint))
    }

    /// The log of the browser so far.
    fn log(&self) -> String {
        std::fs::read_to_string(self.profile.path().join("chromium.log")).unwrap_or_default()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).expect("a process number");
        if !matches!(self.child.try_wait(), Ok(None)) {
            // The browser has already ended, and is reaped. Another process may have its number by now.
            return;
        }
        // SAFETY: a plain system call on numbers. The child leads the group and is not reaped yet, so no other process can
        // have its number.
        #[expect(unsafe_code, reason = "the standard library ends no process groups")]
        unsafe {
            libc::kill(-group, libc::SIGKILL);
        }
        let _ = self.child.wait();
        // The profile can be removed only when all processes of the group have ended, because they may still write to it.
        let began = Instant::now();
        while group_exists(group) && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Whether any process of this group exists.
fn group_exists(group: i32) -> bool {
    // SAFETY: a plain system call on numbers; signal 0 only checks for existence.
    #[expect(unsafe_code, reason = "the standard library cannot query process groups")]
    unsafe {
        libc::kill(-group, 0) == 0
    }
}

fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(PROGRAM) {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    let places = || std::env::split_paths(&path).collect::<Vec<_>>();
    NAMES
        .into_iter()
        .find_map(|name| places().into_iter().map(|place| place.join(name)).find(|file| file.is_file()))
}

fn command(program: &Path, profile: &Path) -> Command {
    let log = File::create(profile.join("chromium.log")).expect("a log");
    let mut command = Command::new(program);
    let mut directory = OsString::from("--user-data-dir=");
    directory.push(profile);
    command.args(FLAGS).arg(directory).arg("about:blank");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("the same file")).stderr(log);
    command.env("HOME", profile).env("TMPDIR", profile).process_group(0);
    #[cfg(target_os = "linux")]
    end_with_this_thread(&mut command);
    command
}

/// Makes the kernel kill the browser when this thread ends, for example because the test run is killed. The browser has its own
/// process group, so it does not receive Ctrl-C.
#[cfg(target_os = "linux")]
fn end_with_this_thread(command: &mut Command) {
    // SAFETY: the closure makes one system call between fork and exec, and touches no memory of ours.
    #[expect(unsafe_code, reason = "the standard library cannot ask for the signal")]
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
}

/// The address in `DevToolsActivePort`: a line with the port, and a line with the path.
fn endpoint_in(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let (port, path) = text.trim_end().split_once('\n')?;
    Some(format!("ws://127.0.0.1:{port}{path}"))
}
