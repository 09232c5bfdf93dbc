//! The keys of the use cases, which can be replaced while the server runs.
//!
//! The composition root makes [`Keys`] from the settings and the database, and [`LiveKeys`] hands them to the use cases. Each
//! use case takes the keys for one step and does not keep them, so that a rotation takes effect with the next step.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use domain::{
    abuse::throttle::ThrottleKeys,
    client::device::DeviceCookies,
    crypto::{
        lasting_keys::{LastingKeySealer, LastingKeys},
        seal::Sealer,
        secret_ring::SecretRing,
    },
    factors::{backup_code::BackupCodeKeys, passkey::Decoys, totp::TotpSealer},
    mail::link::LinkKeys,
    tokens::{
        access_token::AccessKeys, csrf::CsrfKeys, event_token::EventTokenKeys, refresh_token::RefreshKeys,
    },
};

/// The keys that the use cases sign and seal with. This type has no `Debug`, so the keys cannot be logged.
pub struct Keys {
    /// Access tokens.
    pub access: AccessKeys,
    /// Security Event Tokens.
    pub events: EventTokenKeys,
    /// Secrets of receivers of events.
    pub receivers: Sealer,
    /// Refresh tokens.
    pub refresh: RefreshKeys,
    /// CSRF tokens.
    pub csrf: CsrfKeys,
    /// Device and pre-session cookies.
    pub cookies: DeviceCookies,
    /// Keyed hashes of what sign-ins name (accounts and passkeys), for limits and for recorded attempts.
    pub throttle: ThrottleKeys,
    /// Secrets of authenticator apps.
    pub totp: TotpSealer,
    /// Backup codes.
    pub backup_codes: BackupCodeKeys,
    /// Links in mails.
    pub links: LinkKeys,
    /// Makes the credential ids that hide which user names have passkeys.
    pub decoys: Decoys,
    /// Seals the lasting keys.
    pub lasting: LastingKeySealer,
    /// The secrets that have opened `opened`. A reload compares them with the new ones.
    pub data_encryption: SecretRing,
    /// The lasting keys. Some of these keys are made from them.
    pub opened: LastingKeys,
}

/// The keys in use. Clones are cheap and share the keys.
#[derive(Clone)]
pub struct LiveKeys(Arc<ArcSwap<Keys>>);

impl LiveKeys {
    pub(crate) fn new(keys: Keys) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(keys)))
    }

    /// The keys as they are now.
    #[must_use]
    pub fn live(&self) -> Guard<Arc<Keys>> {
        self.0.load()
    }

    /// Replaces all keys at once. Steps that have begun finish with the earlier keys.
    pub fn replace(&self, keys: Keys) {
        self.0.store(Arc::new(keys));
    }
}
