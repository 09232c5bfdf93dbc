//! The descriptions of all operations, in one file per resource.
//!
//! A new route needs an entry here. `tests/it/openapi.rs` names the routes that lack one.

mod account;
mod admin;
mod audit_log;
mod factors;
mod passkeys;
mod server_api;
mod sign_in;
mod sockets;
mod ssf;
mod status;

use super::section::Section;

/// All operations, in the order of the description.
pub(super) fn sections() -> Vec<Section> {
    vec![
        sign_in::section(),
        account::section(),
        factors::section(),
        passkeys::section(),
        admin::section(),
        audit_log::section(),
        server_api::section(),
        ssf::section(),
        sockets::section(),
        status::section(),
    ]
}
