//! From a proof to a session, and from one pair of tokens to the next: register, sign in, refresh, sign out.
//!
//! Depends on `core`, `access`, `revocation` and `authenticators`.

pub(crate) mod answer_timing;
pub(crate) mod attempts;
pub mod geo;
pub(crate) mod open_session;
pub(crate) mod passkey;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod request_device;
pub(crate) mod risk;
pub(crate) mod second_factor;
pub(crate) mod sign_out;

use actors::Realtime;
use domain::{factors::passkey::Decoys, risk::Thresholds, session::SessionLimits};
use store::Store;

use crate::{
    access::Access,
    authenticators::Authenticators,
    core::{audit::AuditTrail, clock::Clock, password_hasher::PasswordHasher, throttle::Throttle},
    revocation::Revocation,
};
use attempts::SignInAttempts;
use geo::Geo;
use open_session::SessionOpener;
use passkey::PasskeySignIn;
use password::PasswordSignIn;
use refresh::Refresh;
use register::{Registration, RegistrationRules};
use request_device::RequestDevices;
use risk::RiskAssessor;
use second_factor::SecondFactor;
use sign_out::SignOut;

/// The capability to sign in and out.
pub struct SignIn {
    /// Registers accounts.
    pub registration: Registration,
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
    /// Attempts to sign in, and their history.
    pub attempts: SignInAttempts,
}

/// What [`SignIn`] is made of.
pub(crate) struct SignInParts<'a> {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) hasher: PasswordHasher,
    pub(crate) access: &'a Access,
    pub(crate) revocation: &'a Revocation,
    pub(crate) authenticators: Authenticators,
    pub(crate) decoys: Decoys,
    pub(crate) geo: Geo,
    pub(crate) thresholds: Thresholds,
    pub(crate) sessions: SessionLimits,
    pub(crate) registration: RegistrationRules,
}

impl SignIn {
    pub(crate) fn new(parts: SignInParts<'_>) -> Self {
        let SignInParts { store, realtime, clock, audit, throttle, hasher, access, revocation, .. } = parts;
        let (verifier, tokens) = (access.verifier.clone(), access.tokens.clone());
        let revoker = revocation.revoker.clone();
        let devices = RequestDevices::new(parts.geo);
        let attempts = SignInAttempts::new(
            store.clone(),
            realtime.clone(),
            clock.clone(),
            throttle.clone(),
            devices.clone(),
        );
        let risk = RiskAssessor::new(
            store.clone(),
            realtime,
            clock.clone(),
            audit.clone(),
            devices.clone(),
            parts.thresholds,
        );
        let opener = SessionOpener::new(
            store.clone(),
            clock.clone(),
            audit.clone(),
            revoker.clone(),
            devices.clone(),
            parts.sessions,
        );
        let second_factor = SecondFactor::new(second_factor::Parts {
            store: store.clone(),
            clock: clock.clone(),
            audit: audit.clone(),
            throttle: throttle.clone(),
            codes: parts.authenticators.codes,
            attempts: attempts.clone(),
            opener: opener.clone(),
            tokens: tokens.clone(),
        });
        Self {
            registration: Registration::new(register::Parts {
                store: store.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                throttle: throttle.clone(),
                hasher: hasher.clone(),
                feed: access.feed.clone(),
                devices,
                rules: parts.registration,
            }),
            passkey: PasskeySignIn::new(passkey::Parts {
                store: store.clone(),
                clock: clock.clone(),
                throttle: throttle.clone(),
                verifier: verifier.clone(),
                ceremonies: parts.authenticators.passkeys,
                clones: parts.authenticators.clones,
                decoys: parts.decoys,
                attempts: attempts.clone(),
                risk: risk.clone(),
                opener: opener.clone(),
                tokens: tokens.clone(),
                second_factor: second_factor.clone(),
            }),
            refresh: Refresh::new(refresh::Parts {
                store: store.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                throttle: throttle.clone(),
                verifier: verifier.clone(),
                keys: access.keys.clone(),
                tokens: tokens.clone(),
                revoker: revoker.clone(),
                lifetime: parts.sessions.refresh,
            }),
            sign_out: SignOut::new(store.clone(), clock.clone(), audit.clone(), verifier.clone(), revoker),
            password: PasswordSignIn::new(password::Parts {
                store,
                clock,
                audit,
                throttle,
                hasher,
                verifier,
                attempts: attempts.clone(),
                risk,
                opener,
                tokens,
                second_factor: second_factor.clone(),
            }),
            second_factor,
            attempts,
        }
    }
}
