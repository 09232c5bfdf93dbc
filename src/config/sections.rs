//! The settings by subject, each read from its variables.
//!
//! Used by `config` only, which says what each setting means.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};

use super::{Listen, Secrets, Surface, reader::Reader};
use crate::socket::{ConnectionLimits, SocketSettings};
use domain::{
    abuse::throttle::{self, Limits, Rate},
    factors::passkey::{self, RelyingPartyNames, origin_fits},
    risk::Thresholds,
    session::SessionLimits,
};
use service::geo::{Database, Geo};
use store::DatabaseSettings;

/// The shortest secret that production accepts, in bytes.
pub(super) const SECRET_MIN: usize = 32;
const MINUTE: u64 = 60;
/// How long an address is banned.
pub(super) const BAN: Duration = Duration::from_secs(60 * MINUTE);
/// At some 30 ms a hash on two cores, the last of so many waits half a second.
pub(super) const PASSWORD_QUEUE: usize = 32;

pub(super) struct Registration(pub(super) bool);

impl FromStr for Registration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self(true)),
            "closed" => Ok(Self(false)),
            other => Err(format!("`{other}` is neither `open` nor `closed`")),
        }
    }
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub(super) fn listen(read: &mut Reader<'_>) -> Listen {
    let address: IpAddr = read.parsed("BIND_ADDRESS", IpAddr::from([0, 0, 0, 0]));
    let certificate = match (read.text("TLS_CERT_FILE"), read.text("TLS_KEY_FILE")) {
        (Some(certificate), Some(key)) => Some((PathBuf::from(certificate), PathBuf::from(key))),
        (None, None) => None,
        _ => {
            read.problem("TLS_CERT_FILE and TLS_KEY_FILE belong together");
            None
        }
    };
    let http = read.parsed("API_PORT", 8000);
    let https = read.parsed("TLS_PORT", 8443);
    Listen {
        http: Some(SocketAddr::new(address, http)),
        https: certificate.is_some().then_some(SocketAddr::new(address, https)),
        certificate,
        workers: read.at_least("WORKERS", 1, cores()),
    }
}

pub(super) fn database(read: &mut Reader<'_>) -> DatabaseSettings {
    let url = read.secret("DATABASE_URL").or_else(|| assembled_url(read));
    let parsed = match url {
        Some(url) => DatabaseSettings::parse(&url).map_err(|error| error.to_string()),
        None => Err("missing: set it, or POSTGRES_HOST and its companions".to_owned()),
    };
    parsed.unwrap_or_else(|error| {
        read.problem(format!("DATABASE_URL: {error}"));
        DatabaseSettings::embedded(std::path::Path::new("/nonexistent"), "portcullis")
    })
}

/// From the older deployment's separate variables; the connection must then be encrypted.
fn assembled_url(read: &mut Reader<'_>) -> Option<SecretString> {
    let host = read.text("POSTGRES_HOST")?;
    let port: u16 = read.parsed("POSTGRES_PORT", 5432);
    let user = read.text("POSTGRES_USER").unwrap_or_else(|| "postgres".to_owned());
    let database = read.text("POSTGRES_DB").unwrap_or_else(|| "portcullis".to_owned());
    let password = read.secret("POSTGRES_PASSWORD");
    let password = password.as_ref().map_or("", |password| password.expose_secret());
    let [user, password, database] = [user.as_str(), password, database.as_str()].map(percent_encode);
    Some(SecretString::from(format!(
        "postgresql://{user}:{password}@{host}:{port}/{database}?sslmode=require"
    )))
}

/// Encodes what may not stand in a part of a URL (RFC 3986: everything but the unreserved characters).
fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

pub(super) fn secrets(read: &mut Reader<'_>, production: bool) -> Secrets {
    let minimum = if production { SECRET_MIN } else { 1 };
    let jwt = read.strong_secret("JWT_SECRET_KEY", minimum);
    let csrf = read.strong_secret("CSRF_SECRET_KEY", minimum);
    let data_encryption = read.strong_secret("DATA_ENCRYPTION_KEY", minimum);
    if production && [&jwt, &csrf, &data_encryption].iter().all(|key| !key.expose_secret().is_empty()) {
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        if same(&jwt, &csrf) || same(&csrf, &data_encryption) || same(&jwt, &data_encryption) {
            read.problem("JWT_SECRET_KEY, CSRF_SECRET_KEY and DATA_ENCRYPTION_KEY must differ");
        }
    }
    let jwt_previous = previous_keys(read, "JWT_PREVIOUS_SECRET_KEYS", minimum);
    let data_encryption_previous = previous_keys(read, "DATA_ENCRYPTION_PREVIOUS_KEYS", minimum);
    Secrets { jwt, jwt_previous, csrf, data_encryption, data_encryption_previous }
}

/// A retired key still opens every door until it is removed, so it must be as strong as the current one.
fn previous_keys(read: &mut Reader<'_>, name: &'static str, minimum: usize) -> Vec<SecretString> {
    let Some(keys) = read.secret(name) else { return Vec::new() };
    let keys = keys.expose_secret().split(',').map(str::trim).filter(|key| !key.is_empty());
    let keys: Vec<SecretString> = keys.map(SecretString::from).collect();
    for key in &keys {
        read.check_strength(name, key, minimum);
    }
    keys
}

/// Only one algorithm is offered, and asking for another must not be passed over.
pub(super) fn algorithm(read: &mut Reader<'_>) {
    if read.text("JWT_ALGORITHM").is_some_and(|algorithm| algorithm != "HS256") {
        read.problem("JWT_ALGORITHM: only HS256 is offered");
    }
}

pub(super) fn surface(read: &mut Reader<'_>, base: &Surface, production: bool) -> Surface {
    let listed = read.list("CORS_ALLOWED_ORIGINS");
    for origin in &listed {
        if let Some(wrong) = wrong_with_origin(origin, production) {
            read.problem(format!("CORS_ALLOWED_ORIGINS: `{origin}` {wrong}"));
        }
    }
    let domain = read.text("DOMAIN").unwrap_or_else(|| base.domain.clone());
    if domain.is_empty() {
        read.problem("DOMAIN: missing");
    }
    Surface {
        domain,
        allowed_origins: base.allowed_origins.iter().cloned().chain(listed).collect(),
        cookie_domain: read.text("COOKIE_DOMAIN"),
        access_cookie_readable: read.flag("ACCESS_COOKIE_READABLE", base.access_cookie_readable),
        security_headers: read.flag("SECURITY_HEADERS_ENABLED", base.security_headers),
        trusted_proxies: read.parsed_list("TRUSTED_PROXIES"),
    }
}

/// To whom passkeys belong. What is not said follows from the domain and the origins that are allowed anyway.
pub(super) fn passkeys(
    read: &mut Reader<'_>,
    base: &RelyingPartyNames,
    surface: &Surface,
    production: bool,
) -> RelyingPartyNames {
    let id = read.text("WEBAUTHN_RP_ID").unwrap_or_else(|| surface.domain.clone());
    let mut origins = read.list("WEBAUTHN_ORIGINS");
    for origin in &origins {
        if let Some(wrong) = wrong_with_origin(origin, production) {
            read.problem(format!("WEBAUTHN_ORIGINS: `{origin}` {wrong}"));
        }
    }
    if origins.is_empty() {
        origins = surface.allowed_origins.iter().filter(|origin| origin_fits(origin, &id)).cloned().collect();
    }
    if origins.is_empty() {
        origins.push(format!("https://{id}"));
    }
    let named = if base.name.is_empty() { "Portcullis".to_owned() } else { base.name.clone() };
    let names = RelyingPartyNames { id, name: read.text("WEBAUTHN_RP_NAME").unwrap_or(named), origins };
    if !surface.domain.is_empty() {
        for problem in passkey::problems(&names) {
            read.problem(problem);
        }
    }
    names
}

/// Origins are compared letter by letter (RFC 6454, 6.2): one that is written otherwise would never match, silently.
fn wrong_with_origin(origin: &str, production: bool) -> Option<&'static str> {
    let Some((scheme, rest)) = origin.split_once("://") else {
        return Some("is not an origin: scheme://host, with a port if it is not the usual one");
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let odd = |c: char| c.is_ascii_uppercase() || c.is_whitespace() || "/?#@*,".contains(c);
    let usual = matches!((scheme, port), ("https", Some("443")) | ("http", Some("80")));
    if host.is_empty() || rest.contains(odd) || usual || port.is_some_and(|port| port.parse::<u16>().is_err())
    {
        return Some("is not written as browsers write origins: lower case, no path, no usual port");
    }
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost");
    (production && (scheme != "https" || local)).then_some("is not an https origin of another machine")
}

pub(super) fn sessions(read: &mut Reader<'_>, base: &SessionLimits) -> SessionLimits {
    const DAY: u64 = 24 * 60 * MINUTE;
    let mut duration = |name, unit: u64, base: Duration| {
        Duration::from_secs(unit.saturating_mul(read.at_least(name, 1, base.as_secs() / unit)))
    };
    SessionLimits {
        idle: duration("SESSION_TIMEOUT_MINUTES", MINUTE, base.idle),
        absolute: duration("SESSION_ABSOLUTE_DAYS", DAY, base.absolute),
        refresh: duration("REFRESH_TOKEN_DAYS", DAY, base.refresh),
        per_user: read.at_least("SESSIONS_PER_USER", 1, base.per_user),
        privilege: base.privilege,
    }
}

/// The databases that are named; without any, those of `base`.
pub(super) fn geo(read: &mut Reader<'_>, base: Geo) -> Geo {
    let mut databases = Vec::new();
    for name in ["GEOIP_DATABASE", "GEOIP_ASN_DATABASE"] {
        let Some(path) = read.text(name) else { continue };
        match Database::open(Path::new(&path)) {
            Ok(database) => databases.push(database),
            Err(error) => read.problem(format!("{name}: {error}")),
        }
    }
    if databases.is_empty() { base } else { Geo::new(databases) }
}

pub(super) fn risk(read: &mut Reader<'_>, base: Thresholds) -> Thresholds {
    let found = Thresholds {
        notify: read.at_least("RISK_NOTIFY", 1, base.notify),
        second_factor: read.at_least("RISK_SECOND_FACTOR", 1, base.second_factor),
        refuse: read.at_least("RISK_REFUSE", 1, base.refuse),
    };
    if found.notify > found.second_factor || found.second_factor > found.refuse {
        read.problem("RISK_NOTIFY, RISK_SECOND_FACTOR and RISK_REFUSE must not fall in this order");
    }
    found
}

pub(super) fn limits(read: &mut Reader<'_>, mut limits: Limits) -> Limits {
    for limit in limits.each_mut() {
        let default = Rate { burst: limit.burst, period: limit.period };
        let Rate { burst, period } = read.parsed(&throttle::setting(limit), default);
        (limit.burst, limit.period) = (burst, period);
    }
    limits
}

pub(super) fn minutes(read: &mut Reader<'_>, name: &str, default: Duration) -> Duration {
    Duration::from_secs(MINUTE.saturating_mul(read.at_least(name, 1, default.as_secs() / MINUTE)))
}

pub(super) fn socket(read: &mut Reader<'_>, base: &SocketSettings) -> SocketSettings {
    SocketSettings {
        query_token: read.flag("WS_QUERY_TOKEN", base.query_token),
        limits: ConnectionLimits {
            total: read.at_least("CONNECTIONS", 1, base.limits.total),
            per_address: read.at_least("CONNECTIONS_PER_ADDRESS", 1, base.limits.per_address),
            per_user: read.at_least("CONNECTIONS_PER_USER", 1, base.limits.per_user),
        },
        // One answer of the channels (`logic::history::PAGE_BYTES`) must fit, whatever it is escaped to.
        outbox_bytes: read.at_least("CONNECTION_QUEUE_BYTES", 1024 * 1024, base.outbox_bytes),
        ..base.clone()
    }
}
