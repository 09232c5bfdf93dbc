//! Why a password hash cannot be made or verified. `password` and `imported_hash` return this error.

/// Why a hash could not be made or verified. The error says nothing about the password.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum HashError {
    /// The stored text is neither a PHC string of Argon2 nor a hash that `imported_hash` reads.
    #[error("the stored hash is malformed")]
    Malformed,
    /// The stored or configured parameters are above the accepted maximum, or impossible.
    #[error("the hash parameters are out of range")]
    Parameters,
    /// The computation failed, for example because of too little memory.
    #[error("hashing failed")]
    Failed,
}
