//! The settings of the use cases.
//!
//! The composition root makes the settings, and only `Services` reads them. Each capability gets the part that it needs.

use std::time::Duration;

use domain::{
    account::erasure::ErasureRules, retention::RetentionPeriods, risk::Thresholds, session::SessionLimits,
};
use secrecy::SecretString;

use crate::{
    audit_log::settings::AuditLogSettings, authenticators::relying_party::RelyingParty, core::geo::Geo,
    drill::settings::DrillSettings, events::settings::EventSettings, mail::settings::MailSettings,
};

/// What happens to deliveries while this node cannot read revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStale {
    /// Deliveries wait, so that no socket of a revoked session receives them.
    #[default]
    Hold,
    /// Deliveries continue, even to sockets of sessions that another node has revoked.
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

/// The settings of the use cases that only a start reads. The others are in `LiveSettings`.
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
    /// The databases that locate addresses.
    pub geo: Geo,
    /// The lowest risk scores at which a sign-in is reported, requires a second factor, or is refused.
    pub risk: Thresholds,
    /// How long attempts to sign in are kept.
    pub attempts_kept: Duration,
    /// How long rows that are no longer needed are kept.
    pub kept: RetentionPeriods,
    /// How accounts are erased.
    pub erasure: ErasureRules,
    /// The keys and the anchor of the audit log.
    pub audit_log: AuditLogSettings,
    /// How long an address is banned for credential stuffing.
    pub ban: Duration,
    /// How long after its last look at the revocations this node is current; usually [`CURRENT_FOR`](crate::CURRENT_FOR).
    pub current_for: Duration,
    /// What happens to deliveries while this node cannot read revocations.
    pub on_stale: OnStale,
    /// How many password hashes may wait.
    pub password_queue: usize,
    /// A key of the server API in addition to the keys in the database.
    pub api_key: Option<SecretString>,
    /// The relying party of passkeys.
    pub relying_party: RelyingParty,
    /// The longest life that a token of an external issuer may have.
    pub issuer_tokens: Duration,
    /// Events for other systems.
    pub events: EventSettings,
    /// Mails to users.
    pub mail: MailSettings,
    /// When drills run by themselves.
    pub drill: DrillSettings,
}
