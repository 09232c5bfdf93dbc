//! The proofs of a user other than the password: codes of authenticator apps, backup codes, and passkeys. Proofs are judged
//! here, but not spent.
//!
//! `sign_in` uses proofs to open sessions. `account` uses proofs for step-ups and for new factors. The transaction of the
//! change that requires a proof also spends the proof. This module depends only on `core`, `access` and `revocation`.

pub(crate) mod clone_detection;
pub(crate) mod factor_lockout;
pub(crate) mod passkey_ceremony;
pub(crate) mod relying_party;
pub(crate) mod stored_passkey;
pub(crate) mod verified_assertion;
pub(crate) mod verify_code;

use clone_detection::CloneDetection;
use factor_lockout::FactorLockout;
use passkey_ceremony::PasskeyCeremonies;
use relying_party::RelyingParty;
use verify_code::CodeVerifier;

use crate::{core::Core, revocation::Revocation};

/// The capability to judge proofs. Sign-in and account management share it. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Authenticators {
    pub(crate) codes: CodeVerifier,
    pub(crate) passkeys: PasskeyCeremonies,
    pub(crate) clones: CloneDetection,
    pub(crate) lockout: FactorLockout,
}

impl Authenticators {
    pub(crate) fn new(core: &Core, revocation: &Revocation, relying_party: RelyingParty) -> Self {
        let Core { store, clock, audit, .. } = core;
        let revoker = revocation.revoker.clone();
        let clones = CloneDetection::new(store.clone(), clock.clone(), audit.clone(), revoker);
        Self {
            codes: CodeVerifier::new(store.clone(), clock.clone(), core.keys.clone()),
            passkeys: PasskeyCeremonies::new(
                store.clone(),
                clock.clone(),
                audit.clone(),
                clones.clone(),
                relying_party,
            ),
            clones,
            lockout: FactorLockout::new(store.clone(), clock.clone(), audit.clone()),
        }
    }
}
