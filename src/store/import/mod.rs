//! The import of accounts from the database of the older system: reads its rows, and writes accounts of this server.
//!
//! Only the import of `service` uses this module. `source` reads and never writes; `target` writes an account with everything
//! that belongs to it in one transaction. `domain::import` has the rules.

pub(crate) mod source;
pub(crate) mod target;
