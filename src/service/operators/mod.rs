//! The use cases of operators with the accounts and sessions of other users: over REST within the limits of their role, and on
//! the command line.
//!
//! This module depends only on `core`, `audit_log`, `events`, `access` and `revocation`.

pub(crate) mod account_changes;
pub(crate) mod api_keys;
pub(crate) mod attempts;
pub(crate) mod audit_trail;
pub(crate) mod authority;
pub(crate) mod bans;
pub(crate) mod channels;
pub(crate) mod connection_query;
pub(crate) mod connections;
pub(crate) mod devices;
pub(crate) mod erasures;
pub(crate) mod idempotency;
pub(crate) mod issuers;
pub(crate) mod listings;
pub(crate) mod local_admin;
pub(crate) mod mails;
pub(crate) mod node;
mod read_filters;
mod refusals;
pub(crate) mod revocations;
pub(crate) mod revoke;
pub(crate) mod session_page;
pub(crate) mod settings;
pub(crate) mod slow_queries;
pub(crate) mod statistics;
pub(crate) mod users;
pub(crate) mod webhooks;

use std::sync::Arc;

use account_changes::AccountChanges;
use api_keys::OperatorApiKeys;
use attempts::OperatorAttempts;
use audit_trail::AuditReader;
use authority::Authority;
use bans::OperatorBans;
use channels::OperatorChannels;
use connections::Connections;
use devices::UserDevices;
use erasures::Erasures;
use idempotency::Idempotency;
use issuers::OperatorIssuers;
use listings::Listings;
use local_admin::LocalAdmin;
use mails::OperatorMails;
use node::OperatorNode;
use revocations::Revocations;
use revoke::OperatorRevocation;
use settings::OperatorSettings;
use slow_queries::SlowQueries;
use statistics::OperatorStatistics;
use users::Users;
use webhooks::Webhooks;

use crate::{
    access::{Access, listed_session::SessionListing, stream_permission::StreamPermissions},
    audit_log::log::AuditLog,
    core::{Core, bans::Bans},
    events::Events,
    revocation::Revocation,
};

/// The capability to act on the accounts and sessions of other users.
pub struct Operators {
    /// Users: search, show, create, change.
    pub users: Users,
    /// Devices of users.
    pub devices: UserDevices,
    /// Lists the open connections of this node.
    pub connections: Connections,
    /// Lists sessions.
    pub listings: Listings,
    /// Reads and proves the audit log.
    pub audit: AuditReader,
    /// Revokes sessions.
    pub revocation: OperatorRevocation,
    /// Searches attempts to sign in, and finds stuffing waves.
    pub attempts: OperatorAttempts,
    /// Lists revocations, and shows how far they are carried out, and their receipts.
    pub revocations: Revocations,
    /// Exports and erasures.
    pub erasures: Erasures,
    /// The command line: accounts, roles, passwords.
    pub local_admin: LocalAdmin,
    /// Requests that create something, once per `Idempotency-Key`.
    pub idempotency: Idempotency,
    /// Bans of addresses, for the command line.
    pub bans: Bans,
    /// Bans of addresses and networks, for operators.
    pub operator_bans: OperatorBans,
    /// Statistics over time.
    pub statistics: OperatorStatistics,
    /// The settings of this node.
    pub settings: OperatorSettings,
    /// Channels and their messages.
    pub channels: OperatorChannels,
    /// Keys of the server API.
    pub api_keys: OperatorApiKeys,
    /// Issuers of tokens.
    pub issuers: OperatorIssuers,
    /// Webhooks, and the deliveries to every receiver.
    pub webhooks: Webhooks,
    /// Mails to users.
    pub mails: OperatorMails,
    /// What this node does now.
    pub node: OperatorNode,
}

impl Operators {
    /// `development` says that this is a development server, which may seed demonstration users.
    pub(crate) fn new(
        core: &Core,
        access: &Access,
        revocation: &Revocation,
        audit_log: Arc<AuditLog>,
        events: &Events,
        development: bool,
    ) -> Self {
        let Core { store, realtime, clock, audit, hasher, privilege, bans, throttle, .. } = core;
        let revoker = &revocation.revoker;
        let authority = Authority::new(audit.clone(), privilege.clone(), throttle.clone());
        let slow = SlowQueries::new(store.clone());
        let listing = SessionListing::new(access.verifier.clone(), realtime.clone());
        let permissions = StreamPermissions::new(access);
        let changes = AccountChanges::new(store.clone(), clock.clone(), hasher.clone(), revoker.clone());
        Self {
            audit: AuditReader::new(
                authority.clone(),
                audit.clone(),
                Arc::clone(&audit_log),
                permissions.clone(),
            ),
            users: Users::new(store.clone(), clock.clone(), authority.clone(), changes.clone()),
            devices: UserDevices::new(
                store.clone(),
                clock.clone(),
                authority.clone(),
                listing.clone(),
                revoker.clone(),
            ),
            connections: Connections::new(core, authority.clone()),
            listings: Listings::new(
                store.clone(),
                realtime.clone(),
                clock.clone(),
                authority.clone(),
                listing,
            ),
            revocation: OperatorRevocation::new(
                store.clone(),
                clock.clone(),
                authority.clone(),
                revoker.clone(),
            ),
            attempts: OperatorAttempts::new(store.clone(), clock.clone(), authority.clone(), slow.clone()),
            revocations: Revocations::new(store.clone(), authority.clone(), Arc::clone(&audit_log)),
            erasures: erasures(core, revocation, &authority, &audit_log, permissions),
            local_admin: local_admin(core, revocation, changes, audit_log, development),
            idempotency: Idempotency::new(store.clone(), clock.clone(), audit.clone(), authority.clone()),
            bans: bans.clone(),
            operator_bans: OperatorBans::new(store.clone(), clock.clone(), bans.clone(), authority.clone()),
            statistics: OperatorStatistics::new(store.clone(), clock.clone(), authority.clone(), slow),
            settings: OperatorSettings::new(authority.clone()),
            channels: OperatorChannels::new(
                store.clone(),
                realtime.clone(),
                clock.clone(),
                authority.clone(),
            ),
            api_keys: OperatorApiKeys::new(Arc::clone(&access.api_keys), authority.clone()),
            issuers: OperatorIssuers::new(realtime.clone(), authority.clone()),
            webhooks: Webhooks::new(core, events, authority.clone()),
            mails: OperatorMails::new(store.clone(), clock.clone(), authority.clone()),
            node: OperatorNode::new(realtime.clone(), Arc::clone(&core.node), hasher.clone(), authority),
        }
    }
}

fn erasures(
    core: &Core,
    revocation: &Revocation,
    authority: &Authority,
    audit_log: &Arc<AuditLog>,
    permissions: StreamPermissions,
) -> Erasures {
    let Core { store, clock, audit, throttle, .. } = core;
    Erasures::new(erasures::Parts {
        store: store.clone(),
        clock: clock.clone(),
        audit: audit.clone(),
        throttle: throttle.clone(),
        authority: authority.clone(),
        requests: revocation.erasures.clone(),
        audit_log: Arc::clone(audit_log),
        permissions,
    })
}

fn local_admin(
    core: &Core,
    revocation: &Revocation,
    changes: AccountChanges,
    audit_log: Arc<AuditLog>,
    development: bool,
) -> LocalAdmin {
    let Core { store, clock, audit, hasher, .. } = core;
    LocalAdmin {
        store: store.clone(),
        clock: clock.clone(),
        audit: audit.clone(),
        hasher: hasher.clone(),
        revoker: revocation.revoker.clone(),
        changes,
        erasures: revocation.erasures.clone(),
        audit_log,
        development,
    }
}
