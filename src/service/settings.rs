//! The settings and the keys of the use cases.
//!
//! The composition root makes them, and only `Services` reads them. Each capability gets the part that it needs.

use std::time::Duration;

use domain::{
    abuse::throttle::{Limits, ThrottleKeys},
    client::device::DeviceCookies,
    factors::{backup_code::BackupCodeKeys, passkey::Decoys, totp::TotpSealer},
    issuer::IssuerSettings,
    retention::RetentionPeriods,
    risk::Thresholds,
    session::SessionLimits,
    tokens::{access_token::AccessKeys, csrf::CsrfKeys, refresh_token::RefreshKeys},
};
use secrecy::SecretString;

use crate::{authenticators::relying_party::RelyingParty, sign_in::geo::Geo};

/// What happens to deliveries while this node cannot read revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStale {
    /// Deliveries wait, so that no revoked socket receives them.
    #[default]
    Hold,
    /// Deliveries continue, even to sockets that another node has revoked.
    Deliver,
}

impl OnStale {
    /// The word in the settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Deliver => "deliver",
        }
    }
}

/// The settings of the use cases.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Lifetimes of sessions, refresh tokens and privilege.
    pub sessions: SessionLimits,
    /// Whether clients may register accounts.
    pub registration_open: bool,
    /// Whether users must verify the e-mail address of a new account before they can sign in.
    pub require_email_verification: bool,
    /// Whether this is a development server: demonstration users may be seeded.
    pub development: bool,
    /// Multiplies every limit per address, for networks in which clients share an address.
    pub address_limit_factor: u32,
    /// The databases that locate addresses.
    pub geo: Geo,
    /// The risk scores from which the user is notified, a second factor is required, or the sign-in is refused.
    pub risk: Thresholds,
    /// How long attempts to sign in are kept.
    pub attempts_kept: Duration,
    /// How long rows that are no longer needed are kept.
    pub kept: RetentionPeriods,
    /// Rate limits.
    pub limits: Limits,
    /// How long an address is banned for credential stuffing.
    pub ban: Duration,
    /// What happens to deliveries while this node cannot read revocations.
    pub on_stale: OnStale,
    /// How many password hashes may wait.
    pub password_queue: usize,
    /// A key of the server API in addition to the keys in the database.
    pub api_key: Option<SecretString>,
    /// The relying party of passkeys.
    pub relying_party: RelyingParty,
    /// The external issuers whose tokens are accepted.
    pub issuers: Vec<IssuerSettings>,
    /// The longest life of a token of an external issuer.
    pub issuer_tokens: Duration,
}

/// The keys that the use cases sign and seal with. They have no `Debug`, so they cannot be logged.
pub struct Keys {
    /// Access tokens.
    pub access: AccessKeys,
    /// Refresh tokens.
    pub refresh: RefreshKeys,
    /// CSRF tokens.
    pub csrf: CsrfKeys,
    /// Device and pre-session cookies.
    pub cookies: DeviceCookies,
    /// Keyed hashes of account names, for limits.
    pub throttle: ThrottleKeys,
    /// Secrets of authenticator apps.
    pub totp: TotpSealer,
    /// Backup codes.
    pub backup_codes: BackupCodeKeys,
    /// Credential ids that are offered for user names without passkeys.
    pub decoys: Decoys,
}
