//! Codes of authenticator apps: TOTP (RFC 6238) with SHA-1, six digits and steps of thirty seconds. Every app supports
//! these values.
//!
//! Time and randomness are arguments. The rules here find the step that a code belongs to; the store makes sure that a
//! step is accepted once.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use qrcode::{QrCode, render::svg};
use secrecy::SecretString;
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use time::OffsetDateTime;
use totp_rs::{Algorithm, Builder, Secret};
use zeroize::Zeroizing;

use super::typed_code::typed_code;
use crate::crypto::seal::{NONCE_BYTES, SealError, Sealed, SealedRow, Sealer};

/// The length of a secret in bytes: the output length of SHA-1 (RFC 4226, 4, requirement 6).
pub const SECRET_BYTES: usize = 20;
/// The length of a step in seconds.
pub const STEP_SECONDS: i64 = 30;
/// The largest accepted difference of the clocks, in steps.
const DRIFT: i64 = 1;
const DIGITS: u8 = 6;
const TABLE: &str = "user_two_factor";

/// The secret that an app shares with this server.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

/// A typed code: six digits.
#[derive(Clone)]
pub struct TotpCode(Zeroizing<[u8; DIGITS as usize]>);

impl TotpCode {
    /// Parses a code: six digits of any script. Space, dashes and invisible characters between them are ignored.
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
    /// A secret of these random bytes.
    #[must_use]
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret for typing it into an app: Base32 (RFC 4648, 6) without padding.
    #[must_use]
    pub fn base32(&self) -> SecretString {
        Secret::from(*self.0).to_base32().into()
    }

    /// The URI that an app scans:
    /// `otpauth://totp/<issuer>:<account>?secret=…&issuer=<issuer>&algorithm=SHA1&digits=6&period=30`.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> SecretString {
        let (issuer, account) = (escaped(issuer), escaped(account));
        let secret = Zeroizing::new(Secret::from(*self.0).to_base32());
        let secret = secret.as_str();
        SecretString::from(format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
        ))
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

/// The step that contains `now`.
#[must_use]
pub fn step_at(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(STEP_SECONDS)
}

/// The step that `code` belongs to: the step of `now`, the one before it or the one after it. It must be later than
/// `after_step`, the last accepted step. The amount of work does not depend on the step that matches, or on whether one
/// matches.
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

/// A QR code of a text, as SVG.
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

/// Seals TOTP secrets, each for its user's row.
pub struct TotpSealer(Sealer);

impl TotpSealer {
    /// The keys derived from the configured secrets.
    #[must_use]
    pub fn new(current: &SecretString, previous: &[SecretString]) -> Self {
        Self(Sealer::new(current, previous, "totp secret"))
    }

    /// Seals the secret of `user`. A nonce must never be used twice.
    #[must_use]
    pub fn seal(&self, user: i64, secret: &TotpSecret, nonce: [u8; NONCE_BYTES]) -> Sealed {
        self.0.seal(SealedRow { table: TABLE, row: user }, &secret.0[..], nonce)
    }

    /// Opens the secret of `user`, and says whether it should be sealed again.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, user: i64, sealed: &Sealed) -> Result<(TotpSecret, bool), SealError> {
        let unsealed = self.0.open(SealedRow { table: TABLE, row: user }, sealed)?;
        let bytes = unsealed.text.as_slice().try_into().map_err(|_| SealError::Damaged)?;
        Ok((TotpSecret::new(bytes), unsealed.outdated))
    }
}

#[cfg(test)]
#[path = "totp_tests.rs"]
mod tests;
