//! Password hashes of other systems: bcrypt and PBKDF2. Argon2 hashes of other systems are PHC strings like this server's own
//! hashes; `password` reads them.
//!
//! The import calls [`stored_form`] before a hash is stored. `password` verifies the stored hashes. After the first right
//! password, a hash of this server replaces the imported hash. The cost of a hash is bounded before anything is computed.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::hash_error::HashError;

/// The highest accepted cost of bcrypt: about two seconds of one core. Each step doubles the time.
const BCRYPT_COST: u32 = 15;
/// The highest accepted number of iterations of PBKDF2 over all blocks of the derived key: about two seconds of one core. Each
/// block, which has the length of the hash, costs all iterations (RFC 8018, 5.2).
const PBKDF2_ITERATIONS: u64 = 5_000_000;
/// The highest accepted length of a salt or of a derived key, in bytes.
const PBKDF2_BYTES: usize = 64;
/// The length of the salt and of the output of bcrypt together, in characters.
const BCRYPT_CHARS: usize = 53;

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// A stored hash that is no PHC string of Argon2.
pub(super) enum ImportedHash<'t> {
    /// `$2b$<cost>$<salt and output>`; also `2a` and `2y`.
    Bcrypt(&'t str),
    /// PBKDF2 with an HMAC.
    Pbkdf2 {
        /// The hash function.
        algorithm: pbkdf2::Algorithm,
        /// The number of iterations.
        iterations: NonZeroU32,
        /// The salt.
        salt: Vec<u8>,
        /// The derived key.
        output: Vec<u8>,
    },
}

/// The stored form of another system's hash. Django writes the name of the algorithm in front of hashes that are already
/// complete (`bcrypt$$2b$…`, `argon2$argon2id$…`); this name is removed.
#[must_use]
pub fn stored_form(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("bcrypt$").filter(|inner| inner.starts_with("$2"));
    // Django writes the name, a `$`, and the PHC string without its first `$`. So the `$` after the name begins the PHC string.
    let argon2 = text.strip_prefix("argon2").filter(|inner| inner.starts_with("$argon2"));
    inner.or(argon2).unwrap_or(text)
}

impl<'t> ImportedHash<'t> {
    /// Reads a hash. `None` if the text is of another kind, and may be a PHC string of Argon2.
    ///
    /// # Errors
    /// [`HashError::Malformed`], and [`HashError::Parameters`] for a cost above the bounds.
    pub(super) fn parse(text: &'t str) -> Result<Option<Self>, HashError> {
        if text.starts_with("$2") {
            return bcrypt(text).map(Some);
        }
        // Django: `pbkdf2_sha256$<iterations>$<salt as text>$<Base64>`.
        if let Some(rest) = text.strip_prefix("pbkdf2_") {
            return derived(rest, |salt| Ok(salt.as_bytes().to_vec())).map(Some);
        }
        // Passlib: `$pbkdf2-sha256$<iterations>$<Base64>$<Base64>`, with `.` in place of `+`, and SHA-1 without a name.
        if let Some(rest) = text.strip_prefix("$pbkdf2") {
            let rest = rest.strip_prefix('-').map_or_else(|| format!("sha1{rest}"), str::to_owned);
            return derived(&rest, decoded).map(Some);
        }
        Ok(None)
    }

    /// Whether the hash is of this password. As in the system that made the hash, bcrypt reads only the first 72 bytes of a
    /// password.
    ///
    /// # Errors
    /// [`HashError::Failed`] if the computation fails.
    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, HashError> {
        match self {
            Self::Bcrypt(text) => bcrypt::verify(password, text).map_err(|_| HashError::Failed),
            Self::Pbkdf2 { algorithm, iterations, salt, output } => {
                Ok(pbkdf2::verify(*algorithm, *iterations, salt, password, output).is_ok())
            }
        }
    }
}

fn bcrypt(text: &str) -> Result<ImportedHash<'_>, HashError> {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix));
    let (cost, hash) = rest.and_then(|rest| rest.split_once('$')).ok_or(HashError::Malformed)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    if cost.len() != 2 || hash.len() != BCRYPT_CHARS || !hash.bytes().all(is_plain) {
        return Err(HashError::Malformed);
    }
    let cost: u32 = cost.parse().map_err(|_| HashError::Malformed)?;
    if !(4..=31).contains(&cost) {
        return Err(HashError::Malformed);
    }
    if cost > BCRYPT_COST { Err(HashError::Parameters) } else { Ok(ImportedHash::Bcrypt(text)) }
}

/// Reads `<hash function>$<iterations>$<salt>$<output>`.
fn derived(
    text: &str,
    salt_bytes: impl Fn(&str) -> Result<Vec<u8>, HashError>,
) -> Result<ImportedHash<'static>, HashError> {
    let parts: Vec<&str> = text.split('$').collect();
    let [name, iterations, salt, output] = parts[..] else { return Err(HashError::Malformed) };
    let (algorithm, block) = match name {
        "sha1" => (PBKDF2_HMAC_SHA1, 20),
        "sha256" => (PBKDF2_HMAC_SHA256, 32),
        "sha512" => (PBKDF2_HMAC_SHA512, 64),
        _ => return Err(HashError::Malformed),
    };
    if iterations.is_empty() || !iterations.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HashError::Malformed);
    }
    // A number that does not fit into 32 bits is too high. So is `u32::MAX`, which is used in its place.
    let iterations = iterations.parse().unwrap_or(u32::MAX);
    let (salt, output) = (salt_bytes(salt)?, decoded(output)?);
    let iterations = NonZeroU32::new(iterations).ok_or(HashError::Malformed)?;
    if output.len() < 16 {
        return Err(HashError::Malformed);
    }
    let blocks = output.len().div_ceil(block) as u64;
    let is_costly = u64::from(iterations.get()).saturating_mul(blocks) > PBKDF2_ITERATIONS;
    if is_costly || salt.len() > PBKDF2_BYTES || output.len() > PBKDF2_BYTES {
        return Err(HashError::Parameters);
    }
    Ok(ImportedHash::Pbkdf2 { algorithm, iterations, salt, output })
}

/// The bytes of Base64, with `.` in place of `+`, as passlib writes it.
fn decoded(text: &str) -> Result<Vec<u8>, HashError> {
    BASE64.decode(text.replace('.', "+")).map_err(|_| HashError::Malformed)
}

#[cfg(test)]
#[path = "imported_hash_tests.rs"]
mod tests;
