//! The use cases of signed-in users with their own account: profile, sessions, devices, second factors, passkeys, step-up.
//!
//! This module depends only on `core`, `mail`, `access`, `revocation` and `authenticators`.

pub(crate) mod credential_change;
pub(crate) mod devices;
pub(crate) mod factor_order;
pub(crate) mod factors;
pub(crate) mod passkeys;
pub(crate) mod personal_data;
pub(crate) mod profile;
pub(crate) mod sessions;
pub(crate) mod step_up;

use std::{sync::Arc, time::Duration};

use credential_change::CredentialChanges;
use devices::Devices;
use domain::{mail::language::Language, session::SessionLimits};
use factor_order::FactorOrders;
use factors::Factors;
use passkeys::Passkeys;
use personal_data::PersonalData;
use profile::Profile;
use sessions::Sessions;
use step_up::StepUp;

use crate::{
    access::{Access, listed_session::SessionListing, stream_permission::StreamPermissions},
    audit_log::log::AuditLog,
    authenticators::Authenticators,
    core::Core,
    mail::Mails,
    revocation::{Revocation, revoke::Revoker},
};

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
    /// Everything about the user: its export, and the erasure of the account.
    pub personal_data: PersonalData,
    /// Step-up: the user proves presence again.
    pub step_up: StepUp,
}

/// Parts that are used by more than one use case of this module.
struct Shared<'a> {
    core: &'a Core,
    access: &'a Access,
    authenticators: &'a Authenticators,
    revoker: Revoker,
    orders: FactorOrders,
    changes: CredentialChanges,
}

impl Account {
    pub(crate) fn new(
        core: &Core,
        access: &Access,
        revocation: &Revocation,
        authenticators: &Authenticators,
        (audit_log, mails): (Arc<AuditLog>, &Mails),
        limits: SessionLimits,
    ) -> Self {
        let orders = FactorOrders::new(core.clock.clone(), core.audit.clone());
        let revoker = revocation.revoker.clone();
        let changes = CredentialChanges::new(core.store.clone(), access.tokens.clone(), revoker.clone());
        let shared = Shared { core, access, authenticators, revoker, orders, changes };
        let sessions = Sessions::new(
            core.store.clone(),
            core.clock.clone(),
            core.audit.clone(),
            SessionListing::new(access.verifier.clone(), core.realtime.clone()),
            shared.revoker.clone(),
            Arc::clone(&access.outages),
        );
        Self {
            profile: shared.profile(mails.languages().to_vec()),
            devices: shared.devices(sessions.clone()),
            factors: shared.factors(),
            passkeys: shared.passkeys(),
            personal_data: shared.personal_data(revocation, audit_log),
            step_up: shared.step_up(limits.privilege),
            sessions,
        }
    }
}

impl Shared<'_> {
    fn profile(&self, languages: Vec<Language>) -> Profile {
        Profile::new(profile::Parts {
            store: self.core.store.clone(),
            clock: self.core.clock.clone(),
            audit: self.core.audit.clone(),
            throttle: self.core.throttle.clone(),
            hasher: self.core.hasher.clone(),
            privilege: self.core.privilege.clone(),
            changes: self.changes.clone(),
            languages,
        })
    }

    fn devices(&self, sessions: Sessions) -> Devices {
        Devices::new(devices::Parts {
            store: self.core.store.clone(),
            clock: self.core.clock.clone(),
            audit: self.core.audit.clone(),
            privilege: self.core.privilege.clone(),
            sessions,
            revoker: self.revoker.clone(),
        })
    }

    fn factors(&self) -> Factors {
        Factors::new(factors::Parts {
            store: self.core.store.clone(),
            clock: self.core.clock.clone(),
            audit: self.core.audit.clone(),
            throttle: self.core.throttle.clone(),
            privilege: self.core.privilege.clone(),
            codes: self.authenticators.codes.clone(),
            orders: self.orders.clone(),
            changes: self.changes.clone(),
            issuer: self.access.keys.live().access.issuer().to_owned(),
        })
    }

    fn passkeys(&self) -> Passkeys {
        Passkeys::new(passkeys::Parts {
            store: self.core.store.clone(),
            clock: self.core.clock.clone(),
            audit: self.core.audit.clone(),
            throttle: self.core.throttle.clone(),
            privilege: self.core.privilege.clone(),
            ceremonies: self.authenticators.passkeys.clone(),
            orders: self.orders.clone(),
            changes: self.changes.clone(),
        })
    }

    fn personal_data(&self, revocation: &Revocation, audit_log: Arc<AuditLog>) -> PersonalData {
        PersonalData::new(personal_data::Parts {
            store: self.core.store.clone(),
            clock: self.core.clock.clone(),
            audit: self.core.audit.clone(),
            throttle: self.core.throttle.clone(),
            privilege: self.core.privilege.clone(),
            erasures: revocation.erasures.clone(),
            audit_log,
            permissions: StreamPermissions::new(self.access),
        })
    }

    fn step_up(&self, privilege_lifetime: Duration) -> StepUp {
        StepUp::new(step_up::Parts {
            store: self.core.store.clone(),
            clock: self.core.clock.clone(),
            audit: self.core.audit.clone(),
            throttle: self.core.throttle.clone(),
            privilege: self.core.privilege.clone(),
            hasher: self.core.hasher.clone(),
            codes: self.authenticators.codes.clone(),
            lockout: self.authenticators.lockout.clone(),
            ceremonies: self.authenticators.passkeys.clone(),
            clones: self.authenticators.clones.clone(),
            verifier: self.access.verifier.clone(),
            tokens: self.access.tokens.clone(),
            privilege_lifetime,
        })
    }
}
