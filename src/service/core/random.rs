//! Random bytes of the operating system, for secrets and nonces, and random numbers for times.

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

/// A random number from 0 up to 1, to spread work over time. If the operating system gives no bytes, it is the middle.
pub(crate) fn random_share() -> f64 {
    random_bytes::<4>().map_or(0.5, |bytes| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}
