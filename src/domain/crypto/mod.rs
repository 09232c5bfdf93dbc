//! Cryptography that several rules share: derived keys, and encryption of secrets that the database keeps.

pub(crate) mod key;
pub mod seal;
