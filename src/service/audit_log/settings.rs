//! The settings of the audit log.

use secrecy::SecretString;

use super::anchor::AnchorPlace;

/// The settings of the audit log.
#[derive(Clone, Debug)]
pub struct AuditLogSettings {
    /// The secret of the signing key. Without it, the database keeps a random key, sealed.
    pub signing: Option<SecretString>,
    /// Where checkpoints are kept outside of the database.
    pub anchor: Option<AnchorPlace>,
    /// Whether this process moves events into the log and signs checkpoints. Tests can turn it off.
    pub sequencing: bool,
}
