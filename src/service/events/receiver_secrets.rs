//! The secrets of receivers: sealed in the database, opened for an attempt.

use domain::crypto::seal::{NONCE_BYTES, SealError, Sealed, SealedRow};
use secrecy::{ExposeSecret as _, SecretString};
use store::EventReceiver;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::core::{failure::Failure, keys::LiveKeys, random::random_bytes};

/// Seals and opens the secrets of receivers. Clones are cheap.
#[derive(Clone)]
pub(crate) struct ReceiverSecrets {
    keys: LiveKeys,
}

impl ReceiverSecrets {
    pub(crate) fn new(keys: LiveKeys) -> Self {
        Self { keys }
    }

    /// Seals a secret of this receiver.
    ///
    /// # Errors
    /// `Unavailable` if the operating system gives no random bytes.
    pub(crate) fn seal(&self, receiver: Uuid, secret: &SecretString) -> Result<Sealed, Failure> {
        let nonce = random_bytes::<NONCE_BYTES>()?;
        Ok(self.keys.live().receivers.seal(place(receiver), secret.expose_secret().as_bytes(), nonce))
    }

    /// The secrets of a receiver at this time: the current one, and after a rotation the previous one.
    ///
    /// # Errors
    /// `Internal` if a secret cannot be opened: the data encryption key is not the one that sealed it.
    pub(crate) fn open(
        &self,
        receiver: &EventReceiver,
        now: OffsetDateTime,
    ) -> Result<Vec<SecretString>, Failure> {
        let previous = receiver.previous.as_ref().filter(|(_, until)| *until > now).map(|(sealed, _)| sealed);
        let keys = self.keys.live();
        let mut secrets = Vec::with_capacity(2);
        for sealed in receiver.secret.iter().chain(previous) {
            let opened = keys.receivers.open(place(receiver.id), sealed).map_err(|error| {
                let key_id = &sealed.key_id;
                tracing::error!(%error, receiver = %receiver.id, key_id, "a secret of a receiver cannot be opened");
                Failure::Internal
            })?;
            secrets.push(String::from_utf8_lossy(&opened.text).into_owned().into());
        }
        Ok(secrets)
    }

    /// The ids of the previous data encryption keys.
    pub(crate) fn previous_ids(&self) -> Vec<String> {
        self.keys.live().receivers.previous_ids()
    }

    /// The receiver with its secrets sealed by the current key.
    ///
    /// # Errors
    /// `Unavailable` if the operating system gives no random bytes, `Internal` if a secret cannot be opened.
    pub(crate) fn resealed(&self, receiver: EventReceiver) -> Result<EventReceiver, Failure> {
        let id = receiver.id;
        let again = |sealed: Sealed| -> Result<Sealed, Failure> {
            let nonce = random_bytes::<NONCE_BYTES>()?;
            let keys = self.keys.live();
            let opened = keys.receivers.open(place(id), &sealed).map_err(|error: SealError| {
                tracing::error!(%error, receiver = %id, "a secret of a receiver cannot be opened");
                Failure::Internal
            })?;
            Ok(if opened.outdated { keys.receivers.seal(place(id), &opened.text, nonce) } else { sealed })
        };
        let secret = receiver.secret.map(again).transpose()?;
        let previous = match receiver.previous {
            Some((sealed, until)) => Some((again(sealed)?, until)),
            None => None,
        };
        Ok(EventReceiver { secret, previous, ..receiver })
    }
}

/// Where the secrets of a receiver are stored. The row is a part of the id, so a secret cannot be moved to another receiver.
fn place(receiver: Uuid) -> SealedRow<'static> {
    let (high, _) = receiver.as_u64_pair();
    SealedRow { table: "event_receivers", row: i64::from_ne_bytes(high.to_ne_bytes()) }
}
