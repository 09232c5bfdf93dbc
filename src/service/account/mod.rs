//! What signed-in users do with their own account: profile, sessions, devices, second factors, passkeys, step-up.
//!
//! Depends on `core`, `access`, `revocation` and `authenticators`.

pub(crate) mod devices;
pub(crate) mod factors;
pub(crate) mod passkeys;
pub(crate) mod profile;
pub(crate) mod sessions;
pub(crate) mod step_up;
