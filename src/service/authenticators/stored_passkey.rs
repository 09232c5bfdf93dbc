//! Reads passkeys as they are stored.

use serde_json::Value;
use store::StoredPasskey;
use webauthn_rs::prelude::Passkey;

/// The library's form of a stored passkey. `None` if the library cannot read it: such a passkey proves nothing, but the user's
/// other passkeys must still be listed.
pub(crate) fn read_passkey(stored: &StoredPasskey) -> Option<Passkey> {
    let read = serde_json::from_value::<Passkey>(Value::clone(&stored.passkey));
    if read.is_err() {
        tracing::error!(passkey = %stored.id, "a stored passkey cannot be read");
    }
    read.ok()
}
