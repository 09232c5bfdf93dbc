//! Cryptography that several rules share: configured secrets and their rotation, derived keys, and encryption of secrets that
//! the database keeps.

pub(crate) mod key;
pub(crate) mod key_ring;
pub mod lasting_keys;
pub mod seal;
pub mod secret_ring;
