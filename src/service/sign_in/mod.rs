//! Registers accounts, signs users in, exchanges refresh tokens, and signs users out.
//!
//! This module depends only on `core`, `mail`, `access`, `revocation` and `authenticators`.

pub(crate) mod answer_timing;
pub(crate) mod attempts;
pub(crate) mod even_answers;
pub(crate) mod mailed_links;
pub(crate) mod open_session;
pub(crate) mod passkey;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod request_device;
pub(crate) mod risk;
pub(crate) mod second_factor;
pub(crate) mod sign_out;

use std::sync::Arc;

use attempts::SignInAttempts;
use domain::{risk::Thresholds, session::SessionLimits};
use mailed_links::MailedLinks;
use open_session::SessionOpener;
use passkey::PasskeySignIn;
use password::PasswordSignIn;
use refresh::Refresh;
use register::{Registration, RegistrationRules};
use request_device::RequestDevices;
use risk::RiskAssessor;
use second_factor::SecondFactor;
use sign_out::SignOut;

use crate::{
    access::Access, authenticators::Authenticators, core::Core, mail::Mails, revocation::Revocation,
};

/// The capability to sign in and out.
pub struct SignIn {
    /// Registers accounts.
    pub registration: Registration,
    /// Uses links of mails, and asks for them.
    pub mailed_links: MailedLinks,
    /// Signs in with a password.
    pub password: PasswordSignIn,
    /// Completes a sign-in with a second factor.
    pub second_factor: SecondFactor,
    /// Signs in with a passkey.
    pub passkey: PasskeySignIn,
    /// Exchanges refresh tokens.
    pub refresh: Refresh,
    /// Signs out.
    pub sign_out: SignOut,
    /// Records and lists attempts to sign in.
    pub attempts: SignInAttempts,
}

/// The settings of [`SignIn`].
#[derive(Clone, Copy)]
pub(crate) struct SignInSettings {
    pub(crate) thresholds: Thresholds,
    pub(crate) sessions: SessionLimits,
    pub(crate) registration: RegistrationRules,
}

/// The capabilities that `sign_in` uses.
#[derive(Clone, Copy)]
pub(crate) struct Foundation<'a> {
    pub(crate) core: &'a Core,
    pub(crate) access: &'a Access,
    pub(crate) revocation: &'a Revocation,
    pub(crate) authenticators: &'a Authenticators,
}

impl<'a> Foundation<'a> {
    pub(crate) fn of(
        core: &'a Core,
        access: &'a Access,
        revocation: &'a Revocation,
        authenticators: &'a Authenticators,
    ) -> Self {
        Self { core, access, revocation, authenticators }
    }
}

/// Parts that are used by more than one way to sign in.
struct Shared {
    devices: RequestDevices,
    attempts: SignInAttempts,
    risk: RiskAssessor,
    opener: SessionOpener,
    second_factor: SecondFactor,
}

impl SignIn {
    pub(crate) fn new(foundation: Foundation<'_>, mails: &Arc<Mails>, settings: SignInSettings) -> Self {
        let SignInSettings { thresholds, sessions, registration } = settings;
        let shared = Shared::new(foundation, thresholds, sessions);
        let Foundation { core, access, revocation, .. } = foundation;
        Self {
            registration: register(core, access, &shared, mails, registration),
            mailed_links: mailed_links(core, revocation, mails),
            password: password(core, access, &shared),
            passkey: passkey(foundation, &shared),
            refresh: refresh(core, access, revocation, sessions),
            sign_out: SignOut::new(
                core.store.clone(),
                core.clock.clone(),
                core.audit.clone(),
                access.verifier.clone(),
                revocation.revoker.clone(),
            ),
            second_factor: shared.second_factor,
            attempts: shared.attempts,
        }
    }
}

impl Shared {
    fn new(foundation: Foundation<'_>, thresholds: Thresholds, sessions: SessionLimits) -> Self {
        let Foundation { core, access, revocation, authenticators } = foundation;
        let Core { store, realtime, clock, audit, throttle, geo, .. } = core;
        let devices = RequestDevices::new(geo.clone());
        let attempts = SignInAttempts::new(
            store.clone(),
            realtime.clone(),
            clock.clone(),
            throttle.clone(),
            devices.clone(),
        );
        let opener = SessionOpener::new(
            store.clone(),
            clock.clone(),
            audit.clone(),
            revocation.revoker.clone(),
            devices.clone(),
            (sessions, thresholds),
        );
        let risk = RiskAssessor::new(
            store.clone(),
            realtime.clone(),
            clock.clone(),
            audit.clone(),
            devices.clone(),
            thresholds,
        );
        let second_factor = SecondFactor::new(second_factor::Parts {
            store: store.clone(),
            clock: clock.clone(),
            audit: audit.clone(),
            throttle: throttle.clone(),
            codes: authenticators.codes.clone(),
            lockout: authenticators.lockout.clone(),
            attempts: attempts.clone(),
            opener: opener.clone(),
            tokens: access.tokens.clone(),
        });
        Self { devices, attempts, risk, opener, second_factor }
    }
}

fn mailed_links(core: &Core, revocation: &Revocation, mails: &Arc<Mails>) -> MailedLinks {
    MailedLinks::new(mailed_links::Parts {
        store: core.store.clone(),
        clock: core.clock.clone(),
        audit: core.audit.clone(),
        throttle: core.throttle.clone(),
        hasher: core.hasher.clone(),
        keys: core.keys.clone(),
        revoker: revocation.revoker.clone(),
        mails: Arc::clone(mails),
    })
}

fn register(
    core: &Core,
    access: &Access,
    shared: &Shared,
    mails: &Mails,
    rules: RegistrationRules,
) -> Registration {
    Registration::new(register::Parts {
        store: core.store.clone(),
        clock: core.clock.clone(),
        audit: core.audit.clone(),
        throttle: core.throttle.clone(),
        hasher: core.hasher.clone(),
        feed: Arc::clone(&access.feed),
        devices: shared.devices.clone(),
        languages: mails.languages().to_vec(),
        rules,
    })
}

fn password(core: &Core, access: &Access, shared: &Shared) -> PasswordSignIn {
    PasswordSignIn::new(password::Parts {
        store: core.store.clone(),
        clock: core.clock.clone(),
        audit: core.audit.clone(),
        throttle: core.throttle.clone(),
        hasher: core.hasher.clone(),
        verifier: access.verifier.clone(),
        attempts: shared.attempts.clone(),
        risk: shared.risk.clone(),
        opener: shared.opener.clone(),
        tokens: access.tokens.clone(),
        second_factor: shared.second_factor.clone(),
    })
}

fn passkey(foundation: Foundation<'_>, shared: &Shared) -> PasskeySignIn {
    let Foundation { core, access, authenticators, .. } = foundation;
    PasskeySignIn::new(passkey::Parts {
        store: core.store.clone(),
        clock: core.clock.clone(),
        throttle: core.throttle.clone(),
        verifier: access.verifier.clone(),
        ceremonies: authenticators.passkeys.clone(),
        clones: authenticators.clones.clone(),
        keys: core.keys.clone(),
        attempts: shared.attempts.clone(),
        risk: shared.risk.clone(),
        opener: shared.opener.clone(),
        tokens: access.tokens.clone(),
        second_factor: shared.second_factor.clone(),
    })
}

fn refresh(core: &Core, access: &Access, revocation: &Revocation, sessions: SessionLimits) -> Refresh {
    Refresh::new(refresh::Parts {
        store: core.store.clone(),
        realtime: core.realtime.clone(),
        clock: core.clock.clone(),
        audit: core.audit.clone(),
        throttle: core.throttle.clone(),
        verifier: access.verifier.clone(),
        keys: access.keys.clone(),
        tokens: access.tokens.clone(),
        revoker: revocation.revoker.clone(),
        lifetime: sessions.refresh,
    })
}
