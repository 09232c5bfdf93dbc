//! The proofs of a user: codes of authenticator apps, backup codes, and passkeys. They are judged here, but not spent.
//!
//! `sign_in` uses them to open a session, and `account` to step up and to manage factors. The transaction of the change that needs
//! a proof also spends it. Depends on `core`, `access` and `revocation`.

pub(crate) mod clone_detection;
pub(crate) mod factor_lockout;
pub(crate) mod passkey_ceremony;
pub(crate) mod relying_party;
pub(crate) mod stored_passkey;
pub(crate) mod verified_assertion;
pub(crate) mod verify_code;

use std::sync::Arc;

use clone_detection::CloneDetection;
use domain::factors::{backup_code::BackupCodeKeys, totp::TotpSealer};
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
    pub(crate) fn new(
        core: &Core,
        revocation: &Revocation,
        sealer: TotpSealer,
        backup_codes: BackupCodeKeys,
        relying_party: RelyingParty,
    ) -> Self {
        let Core { store, clock, audit, .. } = core;
        let revoker = revocation.revoker.clone();
        let clones = CloneDetection::new(store.clone(), clock.clone(), audit.clone(), revoker);
        Self {
            codes: CodeVerifier::new(store.clone(), clock.clone(), Arc::new(sealer), Arc::new(backup_codes)),
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
