//! The secrets for deriving keys, each with its next secret and its previous secrets.
//!
//! `settings` reads all of them. Tools read the secrets of one kind.

use std::time::Duration;

use domain::{
    client::device::DEVICE_COOKIE_LIFETIME,
    crypto::secret_ring::{DatedSecret, SecretRing},
    tokens::{access_token, token_key::TokenAlgorithm},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    error::ConfigError,
    reader::{Command, Reader, SECRET_MIN},
    setting::{Secret, Setting},
    table::{
        CSRF_NEXT_SECRET_KEY, CSRF_PREVIOUS_SECRET_KEYS, CSRF_SECRET_KEY, DATA_ENCRYPTION_KEY,
        DATA_ENCRYPTION_NEXT_KEY, DATA_ENCRYPTION_PREVIOUS_KEYS, ENVIRONMENT, JWT_ALGORITHM,
        JWT_NEXT_SECRET_KEY, JWT_PREVIOUS_SECRET_KEYS, JWT_SECRET_KEY, REFRESH_TOKEN_DAYS,
    },
    variables::Variables,
};

/// Within this time after a rotation, every server has read the settings again. Until then a server may still use the retired
/// secret.
const ROLLOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// The secrets for deriving the keys of tokens, cookies, hashes and encryption. They are never printed.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// `JWT_SECRET_KEY`, `JWT_NEXT_SECRET_KEY`, `JWT_PREVIOUS_SECRET_KEYS`.
    pub jwt: SecretRing,
    /// `JWT_ALGORITHM`.
    pub algorithm: TokenAlgorithm,
    /// `CSRF_SECRET_KEY`, `CSRF_NEXT_SECRET_KEY`, `CSRF_PREVIOUS_SECRET_KEYS`.
    pub csrf: SecretRing,
    /// `DATA_ENCRYPTION_KEY`, `DATA_ENCRYPTION_NEXT_KEY`, `DATA_ENCRYPTION_PREVIOUS_KEYS`.
    pub data_encryption: SecretRing,
}

impl Secrets {
    /// Secrets that were never rotated, and the default algorithm.
    #[must_use]
    pub fn new(jwt: SecretString, csrf: SecretString, data_encryption: SecretString) -> Self {
        Self {
            jwt: SecretRing::of(jwt),
            algorithm: TokenAlgorithm::default(),
            csrf: SecretRing::of(csrf),
            data_encryption: SecretRing::of(data_encryption),
        }
    }
}

/// A kind of secrets, which are rotated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Access tokens and refresh tokens.
    Tokens,
    /// CSRF tokens, device cookies and the cookies of browsers before sign-in.
    Csrf,
    /// What the database keeps encrypted or hashed.
    Data,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Tokens, Self::Csrf, Self::Data];

    /// The word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Csrf => "csrf",
            Self::Data => "data",
        }
    }

    /// The names of the settings: of the current secret, the next secret and the previous secrets.
    #[must_use]
    pub fn settings(self) -> [&'static str; 3] {
        self.rows().map(|row| row.name)
    }

    fn rows(self) -> [&'static Setting<Secret>; 3] {
        match self {
            Self::Tokens => [&JWT_SECRET_KEY, &JWT_NEXT_SECRET_KEY, &JWT_PREVIOUS_SECRET_KEYS],
            Self::Csrf => [&CSRF_SECRET_KEY, &CSRF_NEXT_SECRET_KEY, &CSRF_PREVIOUS_SECRET_KEYS],
            Self::Data => [&DATA_ENCRYPTION_KEY, &DATA_ENCRYPTION_NEXT_KEY, &DATA_ENCRYPTION_PREVIOUS_KEYS],
        }
    }

    /// The secrets of this kind, by the rules of `serve`.
    ///
    /// # Errors
    /// A secret is missing or too weak, or its file cannot be read.
    pub fn secrets(self, variables: &Variables) -> Result<SecretRing, ConfigError> {
        let mut read = Reader::new(variables, Command::Serve);
        read.production = read.word(&ENVIRONMENT) != "development";
        let ring = ring(&mut read, self);
        read.finish(ring)
    }

    /// How long the settings must keep a retired secret of this kind: the longest life of a thing made with the secret, and a
    /// day for all servers to read the settings again. For data, the database says how long rows need the secret.
    ///
    /// # Errors
    /// `REFRESH_TOKEN_DAYS` is wrong.
    pub fn longest_life(self, variables: &Variables) -> Result<Duration, ConfigError> {
        let mut read = Reader::new(variables, Command::Serve);
        let life = match self {
            Self::Tokens => read.duration(&REFRESH_TOKEN_DAYS).max(access_token::LIFETIME),
            Self::Csrf => DEVICE_COOKIE_LIFETIME,
            Self::Data => Duration::ZERO,
        };
        read.finish(life + ROLLOUT)
    }
}

/// `JWT_ALGORITHM` for tools.
///
/// # Errors
/// The setting is wrong.
pub fn token_algorithm(variables: &Variables) -> Result<TokenAlgorithm, ConfigError> {
    let mut read = Reader::new(variables, Command::Serve);
    let algorithm = algorithm(&mut read);
    read.finish(algorithm)
}

pub(super) fn algorithm(read: &mut Reader<'_>) -> TokenAlgorithm {
    let word = read.word(&JWT_ALGORITHM);
    TokenAlgorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == word).unwrap_or_default()
}

/// The secrets of all kinds. The algorithm is read later, because `dev` reads it, too.
pub(super) fn secrets(read: &mut Reader<'_>) -> Secrets {
    let [jwt, csrf, data_encryption] = KeyKind::ALL.map(|kind| ring(read, kind));
    let rings = [&jwt, &csrf, &data_encryption];
    let given = rings.iter().all(|ring| !ring.current.expose_secret().is_empty());
    if read.production && given {
        let shared = |one: &SecretRing, other: &SecretRing| {
            one.accepted().any(|a| other.accepted().any(|b| a.expose_secret() == b.expose_secret()))
        };
        if shared(&jwt, &csrf) || shared(&csrf, &data_encryption) || shared(&jwt, &data_encryption) {
            read.problem("JWT_SECRET_KEY, CSRF_SECRET_KEY and DATA_ENCRYPTION_KEY must differ");
        }
    }
    Secrets { jwt, algorithm: TokenAlgorithm::default(), csrf, data_encryption }
}

fn ring(read: &mut Reader<'_>, kind: KeyKind) -> SecretRing {
    let minimum = if read.production { SECRET_MIN } else { 1 };
    let [current, next, previous] = kind.rows();
    let mut others = |setting: &Setting<Secret>, parse: fn(&SecretString) -> Vec<DatedSecret>| {
        let found = read.secret(setting).map(|text| parse(&text)).unwrap_or_default();
        // These secrets are accepted, so they must be as strong as the current one.
        for dated in &found {
            read.check_strength(setting.name, &dated.secret, minimum);
        }
        found
    };
    let next = others(next, |text| vec![DatedSecret::parse(text.expose_secret())]).pop();
    let previous = others(previous, split);
    let Some(text) = read.required_secret(current) else {
        return SecretRing { current: SecretString::default(), next, previous };
    };
    // A next secret may have been copied with its time, which adds nothing to the strength of the secret.
    let secret = DatedSecret::parse(text.expose_secret()).secret;
    read.check_strength(current.name, &secret, minimum);
    SecretRing { current: secret, next, previous }
}

fn split(keys: &SecretString) -> Vec<DatedSecret> {
    let keys = keys.expose_secret().split(',').map(str::trim).filter(|key| !key.is_empty());
    keys.map(DatedSecret::parse).collect()
}
