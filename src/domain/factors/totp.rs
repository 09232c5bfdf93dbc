//! Codes of authenticator apps: TOTP (RFC 6238) with SHA-1, six digits and steps of thirty seconds. Every app supports
//! these values.
//!
//! Time and randomness are arguments. The rules here find the step that a code belongs to; the store makes sure that no step is
//! accepted twice.

use std::ops::RangeInclusive;

use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use qrcode::{QrCode, render::svg};
use secrecy::SecretString;
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use time::OffsetDateTime;
use totp_rs::{Algorithm, Builder, Secret};
use zeroize::Zeroizing;

use super::typed_code::typed_code;
use crate::crypto::{
    seal::{KeyState, NONCE_BYTES, SealError, Sealed, SealedRow, Sealer},
    secret_ring::SecretRing,
};

/// The length of a new secret in bytes: the output length of SHA-1 (RFC 4226, 4, requirement 6).
pub const SECRET_BYTES: usize = 20;
/// The accepted lengths, in bytes, of secrets that other systems made. Older programs made secrets of 10 bytes. A secret that
/// is longer than a block of SHA-1 (64 bytes) is no safer.
const IMPORTED_BYTES: RangeInclusive<usize> = 10..=64;
/// The length of a step in seconds.
pub const STEP_SECONDS: i64 = 30;
/// The largest accepted difference of the clocks, in steps.
const DRIFT: i64 = 1;
const DIGITS: u8 = 6;
const TABLE: &str = "user_two_factor";

/// The secret that an app shares with this server.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<Vec<u8>>);

/// A typed code: six digits.
#[derive(Clone)]
pub struct TotpCode(Zeroizing<[u8; DIGITS as usize]>);

impl TotpCode {
    /// Parses a code: six digits of any script. Space, dashes and invisible characters are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let typed = typed_code(text)?;
        let typed: &[char; DIGITS as usize] = typed.as_slice().try_into().ok()?;
        typed.iter().all(char::is_ascii_digit).then(|| Self(Zeroizing::new(typed.map(|digit| digit as u8))))
    }

    /// The digits.
    #[must_use]
    pub fn text(&self) -> SecretString {
        String::from_utf8_lossy(&self.0[..]).into_owned().into()
    }
}

impl TotpSecret {
    /// The secret made of these random bytes.
    #[must_use]
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// Parses a secret that another system made: Base32 in capital or in small letters, with or without padding, spaces and
    /// dashes. `None` if the text is not Base32, or if the secret is too short or too long. A text in both kinds of letters is
    /// something else, for example an encrypted secret.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let has = |kind: fn(&char) -> bool| text.chars().any(|c| kind(&c));
        if has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase) {
            return None;
        }
        let plain = text.chars().filter(|c| !matches!(c, ' ' | '-' | '='));
        let plain = Zeroizing::new(plain.map(|c| c.to_ascii_uppercase()).collect::<String>());
        let bytes = Zeroizing::new(BASE32_NOPAD.decode(plain.as_bytes()).ok()?);
        IMPORTED_BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The secret in the form that users type into an app: Base32 (RFC 4648, 6) without padding.
    #[must_use]
    pub fn base32(&self) -> SecretString {
        self.encoded().as_str().into()
    }

    /// The URI that an app scans:
    /// `otpauth://totp/<issuer>:<account>?secret=…&issuer=<issuer>&algorithm=SHA1&digits=6&period=30`.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> SecretString {
        let (issuer, account) = (escaped(issuer), escaped(account));
        let secret = self.encoded();
        let secret = secret.as_str();
        SecretString::from(format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
        ))
    }

    fn encoded(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The code of a step.
    #[must_use]
    pub fn code_at(&self, step: i64) -> TotpCode {
        let text = Zeroizing::new(token(&self.0[..], DIGITS, step));
        let mut code = Zeroizing::new([0; DIGITS as usize]);
        code.copy_from_slice(text.as_bytes());
        TotpCode(code)
    }
}

/// The newest step with a code that may have been accepted until `now`. After a restore from a backup, codes of this step and
/// of earlier steps are refused.
#[must_use]
pub fn newest_usable_step(now: OffsetDateTime) -> i64 {
    step_at(now) + DRIFT
}

/// The step that contains `now`.
#[must_use]
pub fn step_at(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(STEP_SECONDS)
}

/// The step that `code` belongs to: the step of `now`, the previous step or the next step. The step must be later than
/// `after_step`, the last accepted step. The amount of work is the same for every matching step, and if no step matches.
#[must_use]
pub fn matching_step(
    secret: &TotpSecret,
    code: &TotpCode,
    now: OffsetDateTime,
    after_step: i64,
) -> Option<i64> {
    let now = step_at(now);
    let mut matching = -1;
    // The earliest matching step wins, so it is selected last.
    for step in (now - DRIFT..=now + DRIFT).rev() {
        let equal = secret.code_at(step).0.ct_eq(&code.0[..]);
        let counts = u8::from(step > after_step && step >= 0).ct_eq(&1);
        matching = i64::conditional_select(&matching, &step, equal & counts);
    }
    (matching >= 0).then_some(matching)
}

/// The code of a step (RFC 6238). The library computes it from the first second of the step.
fn token(secret: &[u8], digits: u8, step: i64) -> String {
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(digits)
        .with_step_duration(STEP_SECONDS.unsigned_abs())
        .with_secret(Secret::new(secret.into()))
        .build_noncompliant();
    totp.generate(step.max(0).unsigned_abs() * STEP_SECONDS.unsigned_abs()).to_string()
}

/// A QR code of a text, as SVG. `None` if the text is too long.
#[must_use]
pub fn qr_svg(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    // The XML declaration is not allowed inside an HTML page.
    let begin = svg.find("<svg")?;
    Some(svg[begin..].to_owned())
}

/// Percent-encodes everything except unreserved characters (RFC 3986, 2.3).
fn escaped(text: &str) -> PercentEncode<'_> {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED)
}

/// Seals (encrypts) the secrets of authenticator apps. A sealed secret can be opened only as the secret of the same user.
pub struct TotpSealer(Sealer);

impl TotpSealer {
    /// The keys derived from the configured secrets.
    #[must_use]
    pub fn new(secrets: &SecretRing) -> Self {
        Self(Sealer::new(secrets, "totp secret"))
    }

    /// The ids of the previous keys. What they have sealed should be sealed again.
    #[must_use]
    pub fn previous_ids(&self) -> Vec<String> {
        self.0.previous_ids()
    }

    /// Whether this key seals, or may still be needed to open.
    #[must_use]
    pub fn key_state(&self, key_id: &str) -> KeyState {
        self.0.key_state(key_id)
    }

    /// Seals the secret of `user`. A nonce must never be used twice.
    #[must_use]
    pub fn seal(&self, user: i64, secret: &TotpSecret, nonce: [u8; NONCE_BYTES]) -> Sealed {
        self.0.seal(SealedRow { table: TABLE, row: user }, &secret.0[..], nonce)
    }

    /// Opens the secret of `user`. Also returns whether the secret should be sealed again, with the current key.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, user: i64, sealed: &Sealed) -> Result<(TotpSecret, bool), SealError> {
        let unsealed = self.0.open(SealedRow { table: TABLE, row: user }, sealed)?;
        if !IMPORTED_BYTES.contains(&unsealed.text.len()) {
            return Err(SealError::Damaged);
        }
        Ok((TotpSecret(unsealed.text), unsealed.outdated))
    }
}

#[cfg(test)]
#[path = "totp_tests.rs"]
mod tests;
