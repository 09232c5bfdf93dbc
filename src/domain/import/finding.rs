//! What an import could not take, row by row.

use std::fmt;

use serde::Serialize;

/// A row that is not taken, or a value that is taken in another form. One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The table of the source.
    pub table: &'static str,
    /// The key of the row in the source.
    pub row: String,
    /// What became of the row.
    pub effect: Effect,
    /// Why.
    pub reason: Reason,
    /// A sentence for people, without personal data and without secrets.
    pub detail: String,
}

/// What became of a row with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The row is not taken.
    Refused,
    /// The row is taken in another form.
    Changed,
}

/// Why a row is not taken, or is taken in another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The id of an account is not a number from 1 to 2^53 - 1.
    InvalidId,
    /// The address is not an e-mail address, or there is none.
    InvalidAddress,
    /// Another account has the address, or got the id or the address during the import.
    AddressTaken,
    /// The password hash is of no kind that this server can verify.
    UnknownHash,
    /// Verifying the password hash would take too long.
    CostlyHash,
    /// This server has no such role.
    UnknownRole,
    /// This server has no such status.
    UnknownStatus,
    /// The account had a second factor, and none could be taken, so the account is suspended.
    Suspended,
    /// The name cannot be shown.
    InvalidName,
    /// The row belongs to no account of the source.
    NoUser,
    /// The account of the row is not taken.
    UserRefused,
    /// The device, factor or passkey was not in use, or a backup code belongs to an account without a second factor.
    Inactive,
    /// The account already has as many rows of this kind as it may have, or another row has the same device.
    TooMany,
    /// The secret of an authenticator app is not Base32, is too short or too long, or is encrypted.
    UnreadableSecret,
    /// The second factor is of a kind that this server does not have, or uses an unsupported algorithm or parameter.
    Unsupported,
    /// Backup codes are hashed, or not of this server's form.
    UnreadableCodes,
    /// The id, the public key or the counter of a passkey cannot be read, or the WebAuthn library cannot read the passkey.
    UnreadablePasskey,
    /// Another account or another row has the same passkey.
    PasskeyTaken,
    /// A needed value is missing or malformed.
    InvalidValue,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
