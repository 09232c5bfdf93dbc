//! Sessions: how they are opened, read, refreshed and found expired, and how their tokens are renewed. Also privilege, tickets,
//! and external sessions.

pub(crate) mod expired;
pub(crate) mod external;
pub(crate) mod open;
pub(crate) mod privilege;
pub(crate) mod read;
pub(crate) mod refresh;
pub(crate) mod renewal;
pub(crate) mod search;
pub(crate) mod session;
pub(crate) mod tickets;
