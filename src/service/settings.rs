//! The settings and the keys of the use cases.
//!
//! Made by the composition root. Only `Services` reads them; each capability gets the part that it needs.

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

/// What becomes of deliveries while this node cannot hear of revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStale {
    /// They wait, so that no revoked socket gets them.
    #[default]
    Hold,
    /// They go on, also to sockets that have been revoked elsewhere.
    Deliver,
}

impl OnStale {
    /// The word of the settings.
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
    /// Whether a new account must verify its address before it works.
    pub require_email_verification: bool,
    /// Whether this is a development server: demonstration users may be seeded.
    pub development: bool,
    /// Multiplies every limit per address, for networks that share one.
    pub address_limit_factor: u32,
    /// The databases that locate addresses.
    pub geo: Geo,
    /// What follows from a risk score.
    pub risk: Thresholds,
    /// How long attempts to sign in are kept.
    pub attempts_kept: Duration,
    /// How long rows are kept that have served their purpose.
    pub kept: RetentionPeriods,
    /// Rate limits.
    pub limits: Limits,
    /// How long an address is banned for credential stuffing.
    pub ban: Duration,
    /// What becomes of deliveries while this node cannot hear of revocations.
    pub on_stale: OnStale,
    /// How many password hashes may wait for their turn.
    pub password_queue: usize,
    /// A key of the server API beside those in the database.
    pub api_key: Option<SecretString>,
    /// The relying party of passkeys.
    pub relying_party: RelyingParty,
    /// Outside issuers. Their tokens are accepted.
    pub issuers: Vec<IssuerSettings>,
    /// The longest life of one of their tokens.
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
    /// Credential ids for names without passkeys.
    pub decoys: Decoys,
}
