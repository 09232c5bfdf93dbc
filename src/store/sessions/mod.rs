//! Sessions: opening, reading, refreshing, and what belongs to one (privilege, tickets). Sessions of outside issuers are in `external`.

pub(crate) mod expired;
pub(crate) mod external;
pub(crate) mod open;
pub(crate) mod privilege;
pub(crate) mod read;
pub(crate) mod refresh;
pub(crate) mod session;
pub(crate) mod tickets;
