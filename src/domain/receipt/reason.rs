//! The reason of a revocation beside its receipt.
//!
//! A free text may be about a person, and must then be erased on request, while the receipt stays as the log proves it. So the
//! receipt has only a salted hash of the text.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::outward::outward_text;
use crate::transparency_log::hash::Hash;

/// A reason, and what its hash is computed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReceiptReason)]
pub struct Reason {
    /// Random, so that the hash alone does not let the text be guessed.
    pub salt: Uuid,
    /// The text, without addresses.
    pub text: String,
}

impl Reason {
    /// The reason as it may leave the server.
    #[must_use]
    pub fn outward(text: &str, salt: Uuid) -> Self {
        Self { salt, text: outward_text(text) }
    }

    /// SHA-256 over the 16 bytes of the salt and the text.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Sha256::new().chain_update(self.salt.as_bytes()).chain_update(&self.text).finalize().into()
    }
}
