//! Judging proofs of a user: codes of authenticator apps, backup codes, passkeys.
//!
//! Used by `sign_in` (to open a session) and by `account` (to step up, and to manage factors). Depends on `core`, `access` and `revocation`.

pub(crate) mod clone_detection;
pub(crate) mod passkey_ceremony;
pub(crate) mod relying_party;
pub(crate) mod verify_code;
