//! What operators do with the accounts and sessions of other users: over REST within their role, and on the command line.
//!
//! Depends on `core`, `access` and `revocation`.

pub(crate) mod listings;
pub(crate) mod local_admin;
pub(crate) mod refusals;
pub(crate) mod revoke;
pub(crate) mod session_page;

use listings::Listings;
use local_admin::LocalAdmin;
use refusals::Refusals;
use revoke::OperatorRevocation;

use crate::{
    access::{Access, listed_session::SessionListing},
    core::{Core, bans::Bans},
    revocation::Revocation,
};

/// The capability to act on the accounts and sessions of other users.
pub struct Operators {
    /// Lists sessions and connections.
    pub listings: Listings,
    /// Revokes sessions.
    pub revocation: OperatorRevocation,
    /// The command line: accounts, roles, passwords.
    pub local_admin: LocalAdmin,
    /// Bans of addresses.
    pub bans: Bans,
}

impl Operators {
    /// `development` says that this is a development server, which may seed demonstration users.
    pub(crate) fn new(core: &Core, access: &Access, revocation: &Revocation, development: bool) -> Self {
        let Core { store, realtime, clock, audit, hasher, privilege, bans, throttle, .. } = core;
        let revoker = &revocation.revoker;
        let listing = SessionListing::new(access.verifier.clone(), realtime.clone());
        Self {
            listings: Listings::new(
                store.clone(),
                realtime.clone(),
                clock.clone(),
                audit.clone(),
                Refusals::new(audit.clone(), throttle.clone()),
                listing,
            ),
            revocation: OperatorRevocation::new(
                store.clone(),
                clock.clone(),
                audit.clone(),
                Refusals::new(audit.clone(), throttle.clone()),
                privilege.clone(),
                revoker.clone(),
            ),
            local_admin: LocalAdmin::new(
                store.clone(),
                clock.clone(),
                audit.clone(),
                hasher.clone(),
                revoker.clone(),
                development,
            ),
            bans: bans.clone(),
        }
    }
}
