//! Second factors: time-based codes, backup codes and passkeys, and the challenges that ask for them.

pub mod aaguid;
pub mod backup_code;
pub mod challenge;
pub mod lockout;
pub mod passkey;
pub mod totp;
mod typed_code;
