//! Opens connections to the database. Decides the server of the list and the encryption, and checks what the session can do.
//!
//! `pool`, `migrate`, `revocation::listener` and `import::source` open all of their connections here. The driver connects to
//! one address at a time. The choice among several servers is made here, because the driver knows only some of libpq's rules
//! for it and reports only the last failure.

mod connector;
mod endpoint;
mod refusal;
mod retirement;
mod session_check;

pub(crate) use connector::Connector;
pub(crate) use retirement::Retirement;
pub(crate) use session_check::require_own_sessions;
