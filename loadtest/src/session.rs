//! A signed-in session: a sign-in returns it, the file of prepared sessions stores it, and a connection uses it.

use std::net::IpAddr;

use crate::rest::Tokens;

/// One signed-in session.
pub(crate) struct Session {
    /// The number of the session's user, from 0.
    pub(crate) user: usize,
    /// The local address of the session's requests and sockets. `None` lets the system choose.
    pub(crate) source: Option<IpAddr>,
    pub(crate) tokens: Tokens,
}
