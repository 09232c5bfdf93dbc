//! The keys of an import. Ids and nonces are derived from the row, so an import that is repeated gives the same rows.

use protocol::id::DeviceId;
use uuid::Uuid;

use crate::{
    abuse::throttle::ThrottleKeys,
    account::account_key::AccountKey,
    crypto::{
        key::Key,
        lasting_keys::{LastingKeys, LastingPurpose},
        seal::{NONCE_BYTES, Sealed},
        secret_ring::SecretRing,
    },
    factors::{
        backup_code::{BackupCode, BackupCodeKeys},
        totp::{TotpSealer, TotpSecret},
    },
};

/// The keys of an import.
pub struct ImportKeys {
    key: Key,
    totp: TotpSealer,
    backup_codes: BackupCodeKeys,
    attempts: ThrottleKeys,
}

impl ImportKeys {
    /// The keys of the server that will use the accounts. The ids come from lasting keys, so an import that is repeated after a
    /// rotation finds its accounts again.
    #[must_use]
    pub fn new(lasting: &LastingKeys, data_encryption: &SecretRing) -> Self {
        Self {
            key: lasting.key(LastingPurpose::Import).clone(),
            totp: TotpSealer::new(data_encryption),
            backup_codes: BackupCodeKeys::new(lasting, data_encryption),
            attempts: ThrottleKeys::new(lasting),
        }
    }

    /// The user handle of an account. Without the key, the handle looks random. If this server already has an account with this
    /// handle, the account was imported before, and may have been changed since then.
    #[must_use]
    pub fn user_handle(&self, user: i64) -> Uuid {
        self.uuid("user handle", &user.to_string())
    }

    /// The id of a device. An id of the older system that is a UUID stays the same.
    pub(super) fn device(&self, id: &str) -> DeviceId {
        DeviceId(Uuid::try_parse(id.trim()).unwrap_or_else(|_| self.uuid("device", id)))
    }

    /// The id of a row without a UUID of its own.
    pub(super) fn row(&self, table: &str, id: &str) -> Uuid {
        self.uuid(table, id)
    }

    /// Seals the secret of an authenticator app. The nonce is derived from the secret and its user, so one nonce never seals
    /// two secrets.
    pub(super) fn seal(&self, user: i64, secret: &TotpSecret) -> Sealed {
        let mac = self.key.mac(&[b"totp nonce\0", &user.to_be_bytes(), secret.bytes()]);
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&mac[..NONCE_BYTES]);
        self.totp.seal(user, secret, nonce)
    }

    pub(super) fn backup_code(&self, user: i64, code: &BackupCode) -> [u8; 32] {
        self.backup_codes.hash(user, code)
    }

    /// The keyed hash of an account key, as it is stored with the attempts.
    #[must_use]
    pub fn attempt_identifier(&self, key: &AccountKey) -> String {
        self.attempts.account(key.as_str())
    }

    /// A UUID of version 8 (RFC 9562, 5.8) from a keyed hash. No name of a table contains a zero byte, so two rows never give
    /// the same input of the hash.
    fn uuid(&self, table: &str, id: &str) -> Uuid {
        let mac = self.key.mac(&[table.as_bytes(), &[0], id.as_bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&mac[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(text: &str) -> ImportKeys {
        let secrets = SecretRing::of(text.into());
        ImportKeys::new(&LastingKeys::derived(&secrets.current), &secrets)
    }

    #[test]
    fn an_id_depends_on_the_row_and_on_the_key_alone() {
        let keys = keys_of;
        assert_eq!(keys("a").user_handle(7), keys("a").user_handle(7));
        assert_ne!(keys("a").user_handle(7), keys("b").user_handle(7));
        assert_ne!(keys("a").user_handle(7), keys("a").user_handle(8));
        assert_ne!(keys("a").device("7").0, keys("a").row("passkeys", "7"));
        let id = "3fdbc4f8-45ef-4ab4-9a3f-5b0c6e2c3a11";
        assert_eq!(keys("a").device(id).0.to_string(), id);
    }

    #[test]
    fn two_secrets_are_sealed_with_two_nonces() {
        let keys = keys_of("a");
        let seal = |user, byte| keys.seal(user, &TotpSecret::new([byte; 20])).bytes[..NONCE_BYTES].to_vec();
        assert_eq!(seal(1, 1), seal(1, 1));
        assert_ne!(seal(1, 1), seal(1, 2));
        assert_ne!(seal(1, 1), seal(2, 1));
    }
}
