//! The number of file descriptors that the process may open, and how they are divided.
//!
//! `app` calls this module once. Every connection is a file descriptor. A process without free descriptors cannot answer any
//! request. So plain connections and sockets get shares that leave a reserve for everything else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are kept for the database, files, listeners and the executor.
const RESERVE: usize = 256;
/// Maximum number of plain connections. More would be of no use, because requests are short.
const PLAIN_MAX: usize = 16_384;

/// How many connections of each kind the process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FdLimits {
    /// Plain connections, at most.
    pub plain_connections: usize,
    /// Sockets, at most. An emulated stream counts twice, because it has two file descriptors.
    pub sockets: usize,
}

impl FdLimits {
    /// Raises the soft limit of the process to its hard limit, and divides the descriptors.
    #[must_use]
    pub fn claim() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum {
            // If the system does not allow this change, the soft limit stays in force.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        }
        let limit = getrlimit(Resource::Nofile)
            .current
            .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Self::share(limit)
    }

    /// A quarter for plain connections, the rest for sockets.
    fn share(limit: usize) -> Self {
        let usable = limit.saturating_sub(RESERVE).max(64);
        let plain_connections = (usable / 4).min(PLAIN_MAX);
        Self { plain_connections, sockets: usable - plain_connections }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_leave_a_reserve() {
        for limit in [1_024, 20_000, 1_048_576] {
            let FdLimits { plain_connections, sockets } = FdLimits::share(limit);
            assert_eq!(plain_connections + sockets + RESERVE, limit);
        }
        assert_eq!(FdLimits::share(20_000).plain_connections, 4_936);
    }
}
