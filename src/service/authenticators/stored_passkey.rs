//! Reads passkeys as they are stored.

use serde_json::Value;
use store::StoredPasskey;
use webauthn_rs::prelude::Passkey;

/// A stored passkey in the form of the library. If the library cannot read it, the result is `None` and not a failure: the
/// user's other passkeys must still work.
pub(crate) fn read_passkey(stored: &StoredPasskey) -> Option<Passkey> {
    let read = serde_json::from_value::<Passkey>(Value::clone(&stored.passkey));
    if read.is_err() {
        tracing::error!(passkey = %stored.id, "a stored passkey cannot be read");
    }
    read.ok()
}
