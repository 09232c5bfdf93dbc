//! What the use cases can be told, and the keys that they work with.
//!
//! Made by the composition root.

use std::time::Duration;

use secrecy::SecretString;

use super::RelyingParty;
use crate::sign_in::geo::Geo;
use domain::{
    abuse::throttle::{Limits, ThrottleKeys},
    client::device::DeviceCookies,
    factors::{backup_code::BackupCodeKeys, passkey::Decoys, totp::TotpSealer},
    issuer::IssuerSettings,
    risk::Thresholds,
    session::SessionLimits,
    tokens::{access_token::AccessKeys, csrf::CsrfKeys, refresh_token::RefreshKeys},
};

/// What the use cases can be told.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// How long sessions and what belongs to them live.
    pub sessions: SessionLimits,
    /// Whether strangers may register.
    pub registration_open: bool,
    /// Whether a new account must verify its address before it works.
    pub require_email_verification: bool,
    /// Whether this is a development server: demonstration users may be seeded.
    pub development: bool,
    /// Multiplies every limit per address, for networks that share one.
    pub address_limit_factor: u32,
    /// Where addresses are.
    pub geo: Geo,
    /// What follows from which score.
    pub risk: Thresholds,
    /// How long attempts to sign in are kept.
    pub attempts_kept: Duration,
    /// How often what may be tried.
    pub limits: Limits,
    /// How long an address is banned for stuffing.
    pub ban: Duration,
    /// How many password hashes may wait for their turn.
    pub password_queue: usize,
    /// A key of the server API beside those in the database.
    pub api_key: Option<SecretString>,
    /// To whom passkeys belong.
    pub relying_party: RelyingParty,
    /// Other identity providers whose tokens are taken.
    pub issuers: Vec<IssuerSettings>,
}

/// The keys that the use cases sign and seal with. They never print.
pub struct Keys {
    /// Access tokens.
    pub access: AccessKeys,
    /// Refresh tokens.
    pub refresh: RefreshKeys,
    /// CSRF tokens.
    pub csrf: CsrfKeys,
    /// Device and pre-session cookies.
    pub cookies: DeviceCookies,
    /// Hashes that stand for account names.
    pub throttle: ThrottleKeys,
    /// Secrets of authenticator apps.
    pub totp: TotpSealer,
    /// Backup codes.
    pub backup_codes: BackupCodeKeys,
    /// Passkeys that nobody has.
    pub decoys: Decoys,
}
