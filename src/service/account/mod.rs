//! What signed-in users do with their own account: profile, sessions, devices, second factors, passkeys, step-up.
//!
//! Depends on `core`, `access`, `revocation` and `authenticators`.

pub(crate) mod devices;
pub(crate) mod factor_order;
pub(crate) mod factors;
pub(crate) mod passkeys;
pub(crate) mod profile;
pub(crate) mod sessions;
pub(crate) mod step_up;

use actors::Realtime;
use domain::session::SessionLimits;
use store::Store;

use crate::{
    access::{Access, listed_session::SessionListing},
    authenticators::Authenticators,
    core::{
        audit::AuditTrail, clock::Clock, password_hasher::PasswordHasher, privilege::PrivilegeCheck,
        throttle::Throttle,
    },
    revocation::Revocation,
};
use devices::Devices;
use factor_order::FactorOrders;
use factors::Factors;
use passkeys::Passkeys;
use profile::Profile;
use sessions::Sessions;
use step_up::StepUp;

/// The capability of signed-in users to manage their own account.
pub struct Account {
    /// Name and password.
    pub profile: Profile,
    /// The user's sessions.
    pub sessions: Sessions,
    /// The user's devices.
    pub devices: Devices,
    /// The authenticator app and backup codes.
    pub factors: Factors,
    /// The user's passkeys.
    pub passkeys: Passkeys,
    /// Proving presence again.
    pub step_up: StepUp,
}

/// What [`Account`] is made of.
pub(crate) struct AccountParts<'a> {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) hasher: PasswordHasher,
    pub(crate) privilege: PrivilegeCheck,
    pub(crate) access: &'a Access,
    pub(crate) revocation: &'a Revocation,
    pub(crate) authenticators: Authenticators,
    pub(crate) limits: SessionLimits,
}

impl Account {
    pub(crate) fn new(parts: AccountParts<'_>) -> Self {
        let AccountParts { store, realtime, clock, audit, throttle, hasher, privilege, .. } = parts;
        let (verifier, revoker) = (parts.access.verifier.clone(), parts.revocation.revoker.clone());
        let Authenticators { codes, passkeys: ceremonies, .. } = parts.authenticators;
        let orders = FactorOrders::new(clock.clone(), audit.clone());
        let sessions = Sessions::new(
            store.clone(),
            clock.clone(),
            audit.clone(),
            SessionListing::new(verifier.clone(), realtime),
            revoker.clone(),
            parts.limits.idle,
        );
        Self {
            profile: Profile::new(profile::Parts {
                store: store.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                throttle: throttle.clone(),
                hasher: hasher.clone(),
                privilege: privilege.clone(),
                revoker: revoker.clone(),
            }),
            devices: Devices::new(devices::Parts {
                store: store.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                privilege: privilege.clone(),
                sessions: sessions.clone(),
                revoker: revoker.clone(),
            }),
            factors: Factors::new(factors::Parts {
                store: store.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                throttle: throttle.clone(),
                privilege: privilege.clone(),
                codes: codes.clone(),
                orders: orders.clone(),
                revoker: revoker.clone(),
                issuer: parts.access.keys.access.issuer().to_owned(),
            }),
            passkeys: Passkeys::new(passkeys::Parts {
                store: store.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                throttle: throttle.clone(),
                privilege,
                ceremonies: ceremonies.clone(),
                orders,
                revoker,
            }),
            step_up: StepUp::new(step_up::Parts {
                store,
                clock,
                audit,
                throttle,
                hasher,
                codes,
                ceremonies,
                verifier,
                tokens: parts.access.tokens.clone(),
                privilege_lifetime: parts.limits.privilege,
            }),
            sessions,
        }
    }
}
