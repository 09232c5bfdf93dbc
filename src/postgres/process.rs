//! System calls about processes: ids, signals, and a child that ends with its parent. Only the files of this module use them.

use std::{io, os::unix::process::CommandExt, process::Command};

use rustix::process::{self as system, Pid};

/// A signal, named after its effect on PostgreSQL's postmaster.
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
    fn number(self) -> system::Signal {
        match self {
            Self::Fast => system::Signal::INT,
            Self::Immediate => system::Signal::QUIT,
            Self::Kill => system::Signal::KILL,
        }
    }
}

/// The user id that this process acts with.
pub(super) fn effective_uid() -> u32 {
    system::geteuid().as_raw()
}

/// The group id that this process acts with.
pub(super) fn effective_gid() -> u32 {
    system::getegid().as_raw()
}

/// Sends `signal` to the process `pid`. The caller must know that the id still belongs to the intended process. This is so for
/// a child that the caller has not waited for, and for a process that was seen a moment ago with the cluster's directory as its
/// working directory.
pub(super) fn send(pid: u32, signal: Signal) -> io::Result<()> {
    // For `kill`, 0 and negative numbers mean a whole group of processes.
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 0).and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(system::kill_process(pid, signal.number())?)
}

/// The child of `command` leaves the terminal of this process. So Ctrl-C reaches only this process, which stops the child at
/// its own end. On Linux the child receives `signal` when the thread that started it ends, even if the process goes on. So this
/// thread must live as long as the child.
#[expect(unsafe_code, reason = "std has no safe way to run code in a child before its program starts")]
pub(super) fn tie_to_this_thread(command: &mut Command, signal: Signal) {
    let parent = Pid::from_raw(i32::try_from(std::process::id()).unwrap_or_default());
    let number = signal.number();
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are allowed. The calls setsid, prctl
    // and getppid are plain system calls, and building the error neither allocates nor takes a lock. It runs after std has
    // changed the user, which would have cleared the death signal.
    unsafe {
        command.pre_exec(move || {
            system::setsid()?;
            // Other systems have no death signal: there, only a clean stop ends the server.
            #[cfg(target_os = "linux")]
            system::set_parent_process_death_signal(Some(number))?;
            #[cfg(not(target_os = "linux"))]
            let _ = number;
            // If the parent ended before the call above, the signal would never come, so the child must not run.
            if system::getppid() != parent {
                return Err(rustix::io::Errno::SRCH.into());
            }
            Ok(())
        });
    }
}
