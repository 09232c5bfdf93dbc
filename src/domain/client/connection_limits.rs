//! [`ConnectionLimits`]: how many sockets may be open. `socket` counts them.

/// Maximum numbers of open sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In total on this node. An emulated stream counts twice, because it has two file descriptors.
    pub total: usize,
    /// From one address (IPv6: one /64). The same number of plain connections is allowed in addition.
    pub per_address: usize,
    /// From one user.
    pub per_user: usize,
    /// Of peers that have not signed in, in total on this node. The input of each such peer is bounded, so this number bounds
    /// the memory of all of them together.
    pub unauthenticated: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { total: 100_000, per_address: 256, per_user: 64, unauthenticated: 10_000 }
    }
}
