//! The settings by subject, each read from its variables.
//!
//! Used by `config` only, which says what each setting means.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use portcullis_actors::runtime::RealtimeSettings;
use secrecy::{ExposeSecret, SecretString};

use super::{Listen, Secrets, Surface, reader::Reader};
use crate::{
    domain::session::SessionLimits,
    socket::{ConnectionLimits, SocketSettings},
    store::DatabaseSettings,
};

/// The shortest secret that production accepts, in bytes.
const SECRET_MIN: usize = 32;
const MINUTE: u64 = 60;

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
    let previous = read.secret("JWT_PREVIOUS_SECRET_KEYS");
    let jwt_previous = previous
        .iter()
        .flat_map(|keys| keys.expose_secret().split(','))
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .map(SecretString::from)
        .collect();
    Secrets { jwt, jwt_previous, csrf, data_encryption }
}

pub(super) fn surface(read: &mut Reader<'_>, production: bool) -> Surface {
    let allowed_origins = read.list("CORS_ALLOWED_ORIGINS");
    if production {
        for origin in &allowed_origins {
            let host = origin.strip_prefix("https://");
            let local = host.is_some_and(|host| {
                let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
                matches!(name, "localhost" | "127.0.0.1" | "[::1]") || name.ends_with(".localhost")
            });
            if host.is_none() || local {
                read.problem(format!(
                    "CORS_ALLOWED_ORIGINS: `{origin}` is not an https origin of another machine"
                ));
            }
        }
    }
    let domain = read.text("DOMAIN");
    if domain.is_none() {
        read.problem("DOMAIN: missing");
    }
    let trusted_proxies = read.parsed_list("TRUSTED_PROXIES");
    Surface {
        domain: domain.unwrap_or_default(),
        allowed_origins,
        cookie_domain: read.text("COOKIE_DOMAIN"),
        access_cookie_readable: read.flag("ACCESS_COOKIE_READABLE", false),
        security_headers: read.flag("SECURITY_HEADERS_ENABLED", true),
        trusted_proxies,
    }
}

pub(super) fn sessions(read: &mut Reader<'_>) -> SessionLimits {
    const DAY: u64 = 24 * 60 * MINUTE;
    let default = SessionLimits::default();
    SessionLimits {
        idle: Duration::from_secs(MINUTE * read.at_least("SESSION_TIMEOUT_MINUTES", 1, 30)),
        absolute: Duration::from_secs(DAY * read.at_least("SESSION_ABSOLUTE_DAYS", 1, 30)),
        refresh: Duration::from_secs(DAY * read.at_least("REFRESH_TOKEN_DAYS", 1, 7)),
        per_user: read.at_least("SESSIONS_PER_USER", 1, default.per_user),
        privilege: default.privilege,
    }
}

pub(super) fn socket(read: &mut Reader<'_>) -> SocketSettings {
    let default = SocketSettings::default();
    SocketSettings {
        query_token: read.flag("WS_QUERY_TOKEN", default.query_token),
        limits: ConnectionLimits {
            total: read.at_least("CONNECTIONS", 1, default.limits.total),
            per_address: read.at_least("CONNECTIONS_PER_ADDRESS", 1, default.limits.per_address),
            per_user: read.at_least("CONNECTIONS_PER_USER", 1, default.limits.per_user),
        },
        outbox_bytes: read.at_least("CONNECTION_QUEUE_BYTES", 64 * 1024, default.outbox_bytes),
        ..default
    }
}

pub(super) fn realtime(read: &mut Reader<'_>) -> RealtimeSettings {
    let default = RealtimeSettings::default();
    let data_dir = PathBuf::from(read.text("DATA_DIR").unwrap_or_else(|| "data".to_owned()));
    RealtimeSettings {
        connections_per_session: read.at_least("CONNECTIONS_PER_SESSION", 1, default.connections_per_session),
        spill_file: data_dir.join("audit.spill"),
        ..default
    }
}
