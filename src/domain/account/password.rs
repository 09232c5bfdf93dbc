//! Passwords: the minimum strength, hashing, and verification against a stored hash.
//!
//! Sign-in, registration, step-up and the command line use these functions, always through `PasswordHasher` in `service`, which
//! has its own threads. [`check`], [`hash`] and [`verify`] take milliseconds, so they must not run on a thread that serves
//! sockets. Randomness (the salt) is an argument.

use std::sync::LazyLock;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        self, CustomizedPasswordHasher,
        phc::{self, PasswordHash},
    },
};
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::Score;

pub use super::hash_error::HashError;
use super::{
    account_key::AccountKey,
    imported_hash::ImportedHash,
    password_strength::{Strength, Weakness},
};

/// The shortest password, in bytes.
pub const MIN_BYTES: usize = 8;
/// The longest password, in bytes; checked before any expensive work.
pub const MAX_BYTES: usize = 1024;

/// The text that is stored instead of a hash for an account without a password. It is not the hash of any password.
pub const NO_PASSWORD: &str = "!";

/// The strength check reads this many characters. More characters would cost much more time, and would not change the result.
const JUDGED_CHARS: usize = 100;
const HASH_BYTES: usize = 32;

/// A password in the form in which it is checked and hashed: Unicode NFC. Some systems send `ü` as one character, and others as
/// a `u` with a mark. Both must give the same password.
#[must_use]
pub fn composed(password: &SecretString) -> SecretString {
    let typed = password.expose_secret();
    // Enough capacity for the longest form: a reallocation would leave a copy in memory.
    let mut text = String::with_capacity(3 * typed.len());
    text.extend(typed.nfc());
    SecretString::from(text)
}

/// Whether `password` is strong enough for the account with the address `email`.
///
/// There are no rules about kinds of characters. The length is checked first. Then zxcvbn, which knows common passwords,
/// estimates the strength; the words of the address count as known to the attacker.
///
/// # Errors
/// The first weakness found.
pub fn check(password: &SecretString, email: &str) -> Result<(), Weakness> {
    let composed = composed(password);
    let password = composed.expose_secret();
    if password.len() < MIN_BYTES {
        return Err(Weakness::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(Weakness::TooLong);
    }
    if AccountKey::of(password) == AccountKey::of(email) {
        return Err(Weakness::IsEmail);
    }
    if estimate(password, email).score() < Score::Three {
        return Err(Weakness::Guessable);
    }
    Ok(())
}

/// The strength of a password that the user is choosing, with the verdict of [`check`].
#[must_use]
pub fn strength(password: &SecretString, email: &str) -> Strength {
    let weakness = check(password, email).err();
    let composed = composed(password);
    let estimate = estimate(composed.expose_secret(), email);
    Strength::new(&estimate, weakness)
}

fn estimate(password: &str, email: &str) -> zxcvbn::Entropy {
    let judged: String = password.chars().take(JUDGED_CHARS).collect();
    let mut known = words(email);
    // The whole part before the `@` counts as a known word, too, because zxcvbn rates joined known words too high.
    known.extend(email.split('@').next());
    zxcvbn::zxcvbn(&judged, &known)
}

/// The words of an address: `ada.lovelace@example.com` gives `ada`, `lovelace`, `example`.
fn words(email: &str) -> Vec<&str> {
    email.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 3).collect()
}

/// The cost of one Argon2id hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParams {
    /// Memory in KiB.
    pub m_kib: u32,
    /// Passes.
    pub t: u32,
    /// Lanes.
    pub p: u32,
}

impl Default for HashParams {
    /// 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { m_kib: 19_456, t: 2, p: 1 }
    }
}

impl HashParams {
    /// The highest cost that a stored hash may have: a row must not be able to exhaust the machine. Lanes are computed one
    /// after the other, so their number does not change the cost.
    const CAP: Self = Self { m_kib: 256 * 1024, t: 10, p: 8 };

    fn within_cap(self) -> bool {
        self.m_kib <= Self::CAP.m_kib && self.t <= Self::CAP.t && self.p <= Self::CAP.p
    }
}

/// The result of verifying a password against a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The password is right.
    pub ok: bool,
    /// The password is right, but the hash has outdated parameters or another algorithm, or was made from another Unicode form
    /// of the password. The calling code should hash the password again while it has the password.
    pub rehash: bool,
}

/// The PHC string of `password` under Argon2id. The salt must be newly generated random bytes.
///
/// # Errors
/// [`HashError::Parameters`] or [`HashError::Failed`].
pub fn hash(password: &SecretString, salt: [u8; 16], params: HashParams) -> Result<String, HashError> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, argon2_params(params)?);
    password_hash::PasswordHasher::<PasswordHash>::hash_password_with_salt(
        &argon2,
        composed(password).expose_secret().as_bytes(),
        &salt,
    )
    .map(|hash| hash.to_string())
    .map_err(|_| HashError::Failed)
}

/// Verifies `password` against a stored hash: a PHC string of Argon2, or a hash that was imported from another system.
/// A hash above the highest accepted cost is refused before anything is computed.
///
/// # Errors
/// Only problems of the stored hash or the machine; a wrong password is `ok: false`.
pub fn verify(password: &SecretString, phc: &str, current: HashParams) -> Result<Verification, HashError> {
    let composed = composed(password);
    let found = compare(&composed, phc, current)?;
    if composed.expose_secret() == password.expose_secret() {
        return Ok(found);
    }
    // The hash may be older than the rule that passwords are composed. Both forms are always compared, so that the time does
    // not reveal which form was right.
    let typed = compare(password, phc, current)?;
    Ok(Verification { ok: found.ok || typed.ok, rehash: found.rehash || (typed.ok && !found.ok) })
}

/// Whether [`verify`] can read a hash, and would not refuse its cost. Computes nothing.
///
/// # Errors
/// [`HashError::Malformed`] or [`HashError::Parameters`].
pub fn check_stored(stored: &str) -> Result<(), HashError> {
    if ImportedHash::parse(stored)?.is_some() {
        return Ok(());
    }
    let stored = PasswordHash::new(stored).map_err(|_| HashError::Malformed)?;
    stored_params(&stored)?;
    if stored.salt.is_none() || stored.hash.is_none() {
        return Err(HashError::Malformed);
    }
    Params::try_from(&stored).map(drop).map_err(|_| HashError::Parameters)
}

/// Compares one form of a password with a stored hash.
fn compare(password: &SecretString, phc: &str, current: HashParams) -> Result<Verification, HashError> {
    if password.expose_secret().len() > MAX_BYTES {
        return Ok(Verification { ok: false, rehash: false });
    }
    if let Some(imported) = ImportedHash::parse(phc)? {
        let ok = imported.matches(password.expose_secret().as_bytes())?;
        return Ok(Verification { ok, rehash: ok });
    }
    let stored = PasswordHash::new(phc).map_err(|_| HashError::Malformed)?;
    let params = stored_params(&stored)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
        return Err(HashError::Malformed);
    };
    let argon2_params = Params::try_from(&stored).map_err(|_| HashError::Parameters)?;
    let computed: PasswordHash = Argon2::default()
        .hash_password_customized(
            password.expose_secret().as_bytes(),
            salt,
            Some(stored.algorithm.as_str()),
            // Hashes of the first version of Argon2 contain no version number.
            Some(stored.version.unwrap_or(Version::V0x10.into())),
            argon2_params,
        )
        .map_err(|_| HashError::Failed)?;
    // This comparison takes constant time.
    let ok = computed.hash.as_ref() == Some(expected);
    let outdated = params != current
        || stored.algorithm.as_str() != Algorithm::Argon2id.as_str()
        || stored.version != Some(Version::V0x13.into())
        || expected.len() != HASH_BYTES;
    Ok(Verification { ok, rehash: ok && outdated })
}

/// A hash that no password has, with the current default parameters. If the user does not exist, the password is compared with
/// this hash, so that the response takes as long as for an existing user.
#[must_use]
pub fn dummy_hash() -> &'static str {
    static DUMMY: LazyLock<String> = LazyLock::new(|| {
        let HashParams { m_kib, t, p } = HashParams::default();
        let (salt, output) = ("cG9ydGN1bGxpcyBub25l", "A".repeat(43));
        format!("$argon2id$v=19$m={m_kib},t={t},p={p}${salt}${output}")
    });
    &DUMMY
}

fn argon2_params(params: HashParams) -> Result<Params, HashError> {
    if !params.within_cap() {
        return Err(HashError::Parameters);
    }
    Params::new(params.m_kib, params.t, params.p, Some(HASH_BYTES)).map_err(|_| HashError::Parameters)
}

fn stored_params(stored: &PasswordHash) -> Result<HashParams, HashError> {
    let algorithms = [Algorithm::Argon2id, Algorithm::Argon2i, Algorithm::Argon2d];
    if !algorithms.iter().any(|known| known.as_str() == stored.algorithm.as_str()) {
        return Err(HashError::Malformed);
    }
    let number = |name: &str| -> Result<u32, HashError> {
        let value: phc::Decimal = stored.params.get_decimal(name).ok_or(HashError::Malformed)?;
        Ok(value)
    };
    let params = HashParams { m_kib: number("m")?, t: number("t")?, p: number("p")? };
    if params.within_cap() { Ok(params) } else { Err(HashError::Parameters) }
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;
