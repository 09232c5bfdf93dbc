//! `TOKEN_ISSUERS`: the external issuers, as a JSON array.
//!
//! `config` calls the parser and reads the files that the setting names. All mistakes are reported at once. A message
//! never contains a secret.

use std::{
    collections::HashSet,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use super::{
    authorities::Authorities,
    keys::KeySet,
    rules::Rules,
    types::{Algorithm, Use},
};
use crate::client::public_address::is_public;

/// The longest name of an issuer, in bytes. Every row of an external session contains the name.
const NAME_BYTES: usize = 100;
const PREFIX_BYTES: usize = 100;

/// One external issuer.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// The rules for the issuer's tokens.
    pub rules: Rules,
    /// The source of the issuer's keys.
    pub keys: KeySource,
}

impl IssuerSettings {
    /// Whether both settings are the same, so that keys fetched for one serve the other. Keys that are given are not compared:
    /// they have nothing to fetch.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let same_keys = match (&self.keys, &other.keys) {
            (
                KeySource::Url { url, authorities, public_only },
                KeySource::Url { url: others_url, authorities: others, public_only: others_only },
            ) => url == others_url && authorities == others && public_only == others_only,
            _ => false,
        };
        same_keys && self.rules == other.rules
    }
}

/// The source of an issuer's keys.
#[derive(Clone)]
pub enum KeySource {
    /// The settings contain the keys, or name a file with the keys.
    Given(Arc<KeySet>),
    /// The keys are fetched as a JWK Set.
    Url {
        /// The address of the JWK Set.
        url: String,
        /// The authorities that may have signed the certificate of the server at `url`; `None` for the authorities of the
        /// operating system.
        authorities: Option<Authorities>,
        /// Whether only addresses of the public internet are asked.
        public_only: bool,
    },
}

impl KeySource {
    /// The address of the keys without user, password, query and fragment, which may contain secrets. `None` if the keys are
    /// given.
    #[must_use]
    pub fn shown_url(&self) -> Option<String> {
        let Self::Url { url, .. } = self else { return None };
        let mut url = Url::parse(url).ok()?;
        // These fail only for addresses that cannot have a user or password.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        Some(url.into())
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(keys) => keys.fmt(f),
            Self::Url { url, .. } => f.write_str(url),
        }
    }
}

/// How strict the validation is.
#[derive(Clone, Copy, Debug)]
pub struct Strictness {
    /// The shortest secret, in bytes.
    pub secret_bytes: usize,
    /// Whether keys may be fetched without TLS, if their server is on this machine.
    pub plain_loopback: bool,
}

/// Reads a file, or returns the problem. The flag is `true` for a file that contains secrets.
pub type ReadFile<'a> = &'a mut dyn FnMut(&str, bool) -> Result<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    keys: Keys,
    ca_file: Option<String>,
    #[serde(default)]
    public_address: bool,
    algorithms: Vec<String>,
    issuer: Option<String>,
    audience: Option<String>,
    #[serde(default = "both_uses")]
    uses: Vec<String>,
    user_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Keys {
    Hmac(Vec<String>),
    HmacFile(String),
    JwksUrl(String),
    JwksFile(String),
}

fn both_uses() -> Vec<String> {
    vec!["connection".to_owned(), "subscription".to_owned()]
}

/// Parses the setting.
///
/// # Errors
/// One sentence per mistake.
pub fn parse(
    text: &str,
    strictness: Strictness,
    read: ReadFile<'_>,
) -> Result<Vec<IssuerSettings>, Vec<String>> {
    // serde's message may quote a secret, so only line and column are reported.
    let array: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|error| {
        vec![format!("not a JSON array (line {}, column {})", error.line(), error.column())]
    })?;
    let mut problems = Vec::new();
    let mut issuers = Vec::new();
    for (index, value) in array.into_iter().enumerate() {
        match one(value, strictness, read) {
            Ok(issuer) => issuers.push(issuer),
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| format!("issuer {}: {problem}", index + 1)));
            }
        }
    }
    problems.extend(clashes(&issuers));
    reserve_prefixes(&mut issuers);
    if problems.is_empty() { Ok(issuers) } else { Err(problems) }
}

fn one(
    value: serde_json::Value,
    strictness: Strictness,
    read: ReadFile<'_>,
) -> Result<IssuerSettings, Vec<String>> {
    let written: Written = serde_json::from_value(value).map_err(|_| {
        let keys = "`keys` (one of `hmac`, `hmac_file`, `jwks_url`, `jwks_file`)";
        vec![format!(
            "it must have `name`, {keys} and `algorithms`, may have `ca_file`, `public_address`, `issuer`, `audience`, `uses` and `user_prefix`, and must have nothing else"
        )]
    })?;
    let mut problems = Vec::new();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if written.name.is_empty() || written.name.len() > NAME_BYTES || !written.name.chars().all(plain) {
        problems.push(
            "`name` must have 1 to 100 characters: letters, digits, dots, dashes and underscores".to_owned(),
        );
    }
    let algorithms = algorithms(&written, &mut problems);
    let uses = uses(&written, &mut problems);
    let user_prefix = written.user_prefix.clone().unwrap_or_else(|| format!("{}:", written.name));
    if !user_prefix.is_empty() && !tells_apart(&user_prefix) {
        problems.push(
            "`user_prefix` must have at most 100 printable characters, not only digits, because accounts of this server are numbers"
                .to_owned(),
        );
    }
    let keys = keys(&written, strictness, read).map_err(|problem| problems.push(problem));
    match keys {
        Ok(keys) if problems.is_empty() => Ok(IssuerSettings {
            rules: Rules {
                name: written.name.into(),
                algorithms,
                issuer: written.issuer,
                audience: written.audience,
                uses,
                user_prefix,
                foreign_prefixes: Vec::new(),
            },
            keys,
        }),
        _ => Err(problems),
    }
}

/// Whether a name with this prefix always differs from the names of this server's users, which are numbers.
fn tells_apart(prefix: &str) -> bool {
    let printable = prefix.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    prefix.len() <= PREFIX_BYTES && printable && prefix.bytes().any(|byte| !byte.is_ascii_digit())
}

/// All algorithms must fit the kind of keys. So a public key is never used as a shared secret, and a shared secret is never
/// used as a public key.
fn algorithms(written: &Written, problems: &mut Vec<String>) -> Vec<Algorithm> {
    let shared = matches!(written.keys, Keys::Hmac(_) | Keys::HmacFile(_));
    let mut known = Vec::new();
    for name in &written.algorithms {
        match serde_json::from_value::<Algorithm>(name.as_str().into()) {
            Ok(algorithm) if algorithm.is_symmetric() != shared => {
                problems.push(format!("`{algorithm:?}` does not fit the kind of keys in `keys`"));
            }
            Ok(algorithm) => known.push(algorithm),
            Err(_) => problems.push("`algorithms`: HS, RS or ES with 256, 384 or 512, or EdDSA".to_owned()),
        }
    }
    if written.algorithms.is_empty() {
        problems.push("`algorithms` is empty".to_owned());
    }
    known
}

fn uses(written: &Written, problems: &mut Vec<String>) -> Vec<Use> {
    let mut known = Vec::new();
    for name in &written.uses {
        match name.as_str() {
            "connection" => known.push(Use::Connection),
            "subscription" => known.push(Use::Subscription),
            _ => problems.push("`uses`: `connection`, `subscription` or both".to_owned()),
        }
    }
    if written.uses.is_empty() {
        problems.push("`uses` is empty".to_owned());
    }
    known
}

fn keys(written: &Written, strictness: Strictness, read: ReadFile<'_>) -> Result<KeySource, String> {
    if written.ca_file.is_some() && !matches!(&written.keys, Keys::JwksUrl(url) if url.starts_with("https:"))
    {
        return Err("`ca_file` is allowed only with a `jwks_url` that begins with https://".to_owned());
    }
    if written.public_address {
        let Keys::JwksUrl(url) = &written.keys else {
            return Err("`public_address` is allowed only with a `jwks_url`".to_owned());
        };
        if leads_to_inner_address(url) {
            return Err("`public_address` is true, and `jwks_url` has an inner address".to_owned());
        }
    }
    match &written.keys {
        Keys::Hmac(secrets) => shared(secrets.iter().map(String::as_str), strictness),
        // One secret per line.
        Keys::HmacFile(path) => {
            let text = SecretString::from(read(path, true)?);
            let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
            shared(lines, strictness)
        }
        Keys::JwksFile(path) => {
            let keys = KeySet::published(&read(path, false)?).map_err(|error| format!("{path}: {error}"))?;
            Ok(KeySource::Given(Arc::new(keys)))
        }
        Keys::JwksUrl(url) if may_be_fetched(url, strictness) => {
            let authorities = written.ca_file.as_deref().map(|path| {
                Authorities::from_pem(&read(path, false)?).map_err(|error| format!("{path}: {error}"))
            });
            let (authorities, public_only) = (authorities.transpose()?, written.public_address);
            Ok(KeySource::Url { url: url.clone(), authorities, public_only })
        }
        Keys::JwksUrl(_) => {
            Err("`jwks_url` must begin with https:// and contain no user name or password".to_owned())
        }
    }
}

fn shared<'a>(secrets: impl Iterator<Item = &'a str>, strictness: Strictness) -> Result<KeySource, String> {
    let secrets: Vec<SecretString> = secrets.map(SecretString::from).collect();
    let shortest = secrets.iter().map(|secret| secret.expose_secret().len()).min();
    match shortest {
        None => Err("there is no secret".to_owned()),
        Some(bytes) if bytes < strictness.secret_bytes.max(1) => {
            Err(format!("a secret is shorter than {} bytes", strictness.secret_bytes.max(1)))
        }
        Some(_) => Ok(KeySource::Given(Arc::new(KeySet::shared(&secrets)))),
    }
}

/// Whether keys may be fetched from this address. The address must use TLS. If the settings allow it, an address on this
/// machine may use plain HTTP instead. The address must not contain a user name or password.
fn may_be_fetched(address: &str, strictness: Strictness) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(ip)) => ip == Ipv6Addr::LOCALHOST,
        None => return false,
    };
    let permitted = url.scheme() == "https" || (url.scheme() == "http" && strictness.plain_loopback && local);
    // The parser also accepts white space, other letter case and missing slashes. The setting must be exact.
    let exact =
        address.starts_with(&format!("{}://", url.scheme())) && !address.contains(char::is_whitespace);
    permitted && exact && url.username().is_empty() && url.password().is_none()
}

/// Whether the URL has an address that is not public. A name is checked when it is resolved.
fn leads_to_inner_address(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => !is_public(address.into()),
        Some(Host::Ipv6(address)) => !is_public(address.into()),
        Some(Host::Domain(_)) | None => false,
    }
}

/// A token of an issuer without a prefix must not name a user of another issuer. So this function gives each issuer without a
/// prefix the prefixes of the other issuers.
fn reserve_prefixes(issuers: &mut [IssuerSettings]) {
    let mut prefixes: Vec<_> = issuers.iter().map(|issuer| issuer.rules.user_prefix.clone()).collect();
    prefixes.retain(|prefix| !prefix.is_empty());
    for issuer in issuers.iter_mut().filter(|issuer| issuer.rules.user_prefix.is_empty()) {
        issuer.rules.foreign_prefixes.clone_from(&prefixes);
    }
}

/// Finds issuers with the same name, and issuers with users that could be confused. Issuers with equal prefixes are allowed:
/// they have the same users.
fn clashes(issuers: &[IssuerSettings]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    for issuer in issuers {
        let Rules { name, user_prefix, .. } = &issuer.rules;
        if !names.insert(name) {
            problems.push(format!("two issuers are called `{name}`"));
        }
        let inside = issuers.iter().find(|other| {
            let shorter = &other.rules.user_prefix;
            !shorter.is_empty() && shorter != user_prefix && user_prefix.starts_with(shorter.as_str())
        });
        if let Some(other) = inside {
            problems
                .push(format!("users of `{name}` could be confused with users of `{}`", other.rules.name));
        }
    }
    problems
}

#[cfg(test)]
#[path = "configuration_tests.rs"]
mod tests;
