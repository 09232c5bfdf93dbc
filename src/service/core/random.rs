//! Random bytes of the operating system, for secrets and nonces.

use super::failure::Failure;

/// Fresh random bytes.
///
/// # Errors
/// `Unavailable` if the operating system gives no bytes; the error is logged.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the operating system gives no random bytes");
        Failure::unavailable()
    })?;
    Ok(bytes)
}
