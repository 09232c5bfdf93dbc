//! What operators do with the accounts and sessions of others: over REST within their role, and on the command line.
//!
//! Depends on `core`, `access` and `revocation`.

pub(crate) mod listings;
pub(crate) mod local_admin;
pub(crate) mod revoke;
pub(crate) mod session_page;

use actors::Realtime;
use store::Store;

use crate::{
    access::{Access, listed_session::SessionListing},
    core::{
        audit::AuditTrail, bans::Bans, clock::Clock, password_hasher::PasswordHasher,
        privilege::PrivilegeCheck,
    },
    revocation::Revocation,
};
use listings::Listings;
use local_admin::LocalAdmin;
use revoke::OperatorRevocation;

/// The capability to act on the accounts and sessions of others.
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

/// What [`Operators`] is made of.
pub(crate) struct OperatorsParts<'a> {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) hasher: PasswordHasher,
    pub(crate) privilege: PrivilegeCheck,
    pub(crate) bans: Bans,
    pub(crate) access: &'a Access,
    pub(crate) revocation: &'a Revocation,
    /// Whether this is a development server.
    pub(crate) development: bool,
}

impl Operators {
    pub(crate) fn new(parts: OperatorsParts<'_>) -> Self {
        let OperatorsParts { store, realtime, clock, audit, hasher, privilege, bans, .. } = parts;
        let revoker = parts.revocation.revoker.clone();
        let listing = SessionListing::new(parts.access.verifier.clone(), realtime.clone());
        Self {
            listings: Listings::new(store.clone(), realtime, clock.clone(), audit.clone(), listing),
            revocation: OperatorRevocation::new(
                store.clone(),
                clock.clone(),
                audit.clone(),
                privilege,
                revoker.clone(),
            ),
            local_admin: LocalAdmin::new(store, clock, audit, hasher, revoker, parts.development),
            bans,
        }
    }
}
