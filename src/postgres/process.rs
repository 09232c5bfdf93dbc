//! The few system calls that the standard library has no safe name for. Called by the rest of this room only.
#![expect(unsafe_code, reason = "system calls without a safe counterpart in std, each argued below")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// A signal as PostgreSQL's postmaster understands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGINT: end the sessions, write a checkpoint, stop ("fast shutdown").
    Fast,
    /// SIGQUIT: stop at once, recover at the next start ("immediate shutdown").
    Immediate,
    /// SIGKILL.
    Kill,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Self::Fast => libc::SIGINT,
            Self::Immediate => libc::SIGQUIT,
            Self::Kill => libc::SIGKILL,
        }
    }
}

/// The user id that this process acts with.
pub(super) fn effective_uid() -> u32 {
    // SAFETY: geteuid takes no argument, touches no memory and cannot fail.
    unsafe { libc::geteuid() }
}

/// The group id that this process acts with.
pub(super) fn effective_gid() -> u32 {
    // SAFETY: getegid takes no argument, touches no memory and cannot fail.
    unsafe { libc::getegid() }
}

/// Sends `signal` to the process `pid`. The caller knows that the id still belongs to the process it means:
/// its own unreaped child, or a process just seen working in the cluster's directory.
pub(super) fn send(pid: u32, signal: Signal) -> io::Result<()> {
    // A pid of 0 or a negative one would address a whole group of processes.
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0).ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: kill takes two integers and touches no memory of this process.
    match unsafe { libc::kill(pid, signal.number()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes the child of `command` leave our terminal (so that Ctrl-C reaches us first and we may drain) and, on
/// Linux, receive `signal` when the **thread** that started it ends. That thread has to live as long as the
/// server.
pub(super) fn tie_to_this_thread(command: &mut Command, signal: Signal) {
    let parent = std::process::id();
    let number = signal.number();
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are allowed: setsid,
    // prctl and getppid are plain system calls, and building the error neither allocates nor takes a lock. It
    // runs after std has changed the user, which would have cleared the death signal.
    unsafe {
        command.pre_exec(move || {
            if libc::setsid() == -1 {
                return Err(io::Error::last_os_error());
            }
            die_with_parent(number)?;
            // Had the parent died before the line above, the signal would never come.
            if u32::try_from(libc::getppid()) != Ok(parent) {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
}

#[cfg(target_os = "linux")]
fn die_with_parent(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes one integer and touches no memory of this process.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Other systems have no death signal: there only a clean stop ends the server.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_signal: libc::c_int) -> io::Result<()> {
    Ok(())
}
