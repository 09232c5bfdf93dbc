//! A secret in the files of profiles.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A secret that is written in the clear into files that only their owner may read. `Debug` does not print it.
#[derive(Clone, Debug)]
pub(super) struct StoredSecret(SecretString);

impl StoredSecret {
    pub(super) fn new(text: &str) -> Self {
        Self(SecretString::from(text))
    }

    /// The secret in the clear.
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Serialize for StoredSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for StoredSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(SecretString::from(String::deserialize(deserializer)?)))
    }
}
