//! The settings as the rest of the server sees them, read from the table.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use actors::runtime::RealtimeSettings;
use domain::{
    abuse::throttle::{self, Limits, Rate},
    factors::passkey::RelyingPartyNames,
    issuer::IssuerSettings,
    retention::RetentionPeriods,
    risk::Thresholds,
    session::SessionLimits,
};
use secrecy::{ExposeSecret, SecretString};
use service::{OnStale, geo::Geo};
use store::DatabaseSettings;

use super::{
    channels,
    database::database,
    environment::Environment,
    error::ConfigError,
    issuers::issuers,
    names,
    reader::{Command, Reader, SECRET_MIN},
    setting::{Secret, Setting},
    table::*,
    variables::Variables,
    web::{self, WebSettings},
};
use crate::socket::{ConnectionLimits, HttpTimeouts, SocketSettings};

/// The shortest `API_KEY` that production accepts, in bytes.
const API_KEY_MIN: usize = 16;

/// The keys from which every token, cookie and MAC is derived. They never print.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// `JWT_SECRET_KEY`.
    pub jwt: SecretString,
    /// `JWT_PREVIOUS_SECRET_KEYS`.
    pub jwt_previous: Vec<SecretString>,
    /// `CSRF_SECRET_KEY`.
    pub csrf: SecretString,
    /// `DATA_ENCRYPTION_KEY`.
    pub data_encryption: SecretString,
    /// `DATA_ENCRYPTION_PREVIOUS_KEYS`.
    pub data_encryption_previous: Vec<SecretString>,
}

/// Where to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Plain HTTP.
    pub http: Option<SocketAddr>,
    /// TLS.
    pub https: Option<SocketAddr>,
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE`. `portcullis dev` generates a certificate instead.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// `METRICS_ADDR`.
    pub metrics: Option<SocketAddr>,
    /// `WORKERS`.
    pub workers: usize,
}

/// The databases of places that the settings name. `app` opens them.
#[derive(Clone, Debug, Default)]
pub struct GeoFiles {
    /// `GEOIP_DATABASE`.
    pub places: Option<PathBuf>,
    /// `GEOIP_ASN_DATABASE`.
    pub networks: Option<PathBuf>,
}

impl GeoFiles {
    /// The files that are named, each with the name of its setting.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let files = [(GEOIP_DATABASE.name, &self.places), (GEOIP_ASN_DATABASE.name, &self.networks)];
        files.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?)))
    }
}

/// All settings. The table describes each setting and has its default.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ENVIRONMENT`.
    pub environment: Environment,
    /// `DEBUG`.
    pub debug: bool,
    /// Where to listen.
    pub listen: Listen,
    /// `DATABASE_URL`, or the `POSTGRES_…` variables.
    pub database: DatabaseSettings,
    /// The keys.
    pub secrets: Secrets,
    /// Names, origins, cookies.
    pub web: WebSettings,
    /// `WEBAUTHN_…`.
    pub passkeys: RelyingPartyNames,
    /// `SESSION_TIMEOUT_MINUTES`, `SESSION_ABSOLUTE_DAYS`, `REFRESH_TOKEN_DAYS`, `SESSIONS_PER_USER`.
    pub sessions: SessionLimits,
    /// `REGISTRATION`.
    pub registration_open: bool,
    /// `REQUIRE_EMAIL_VERIFICATION`.
    pub require_email_verification: bool,
    /// `GEOIP_…`: the paths.
    pub geo_files: GeoFiles,
    /// The opened databases of places; empty until `app` has opened `geo_files`.
    pub geo: Geo,
    /// `RISK_…`.
    pub risk: Thresholds,
    /// `ATTEMPTS_RETENTION_DAYS`.
    pub attempts_kept: Duration,
    /// `…_RETENTION_DAYS` of the other tables.
    pub kept: RetentionPeriods,
    /// `ADDRESS_LIMIT_FACTOR`.
    pub address_limit_factor: u32,
    /// `LIMIT_<NAME>`. The table of names and defaults is in `domain::abuse::throttle`.
    pub limits: Limits,
    /// `BAN_MINUTES`.
    pub ban: Duration,
    /// `PASSWORD_QUEUE`.
    pub password_queue: usize,
    /// `ON_STALE`.
    pub on_stale: OnStale,
    /// `TOKEN_ISSUERS`; see `domain::issuer::configuration`.
    pub issuers: Vec<IssuerSettings>,
    /// `ISSUER_TOKEN_DAYS`.
    pub issuer_tokens: Duration,
    /// `ALLOW_ANONYMOUS`.
    pub allow_anonymous: bool,
    /// `API_KEY`.
    pub api_key: Option<SecretString>,
    /// Sockets. [`Settings::socket_settings`] completes them from other settings.
    pub socket: SocketSettings,
    /// The bounds of the actors, the file of unwritten audit events, and the namespaces of channels.
    pub realtime: RealtimeSettings,
    /// `DRAIN_DELAY`.
    pub drain_delay: Duration,
    /// `DRAIN_SECONDS`.
    pub drain: Duration,
    /// Warnings for the operator, one sentence each.
    pub warnings: Vec<String>,
}

/// Settings, and the problems found in them so far.
pub struct Draft {
    /// The settings; wrong values are replaced by defaults.
    pub settings: Settings,
    problems: Vec<String>,
}

impl Draft {
    /// Adds a problem: one sentence that begins with the name of the variable.
    pub fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// The settings, if there is no problem.
    ///
    /// # Errors
    /// One error that lists every problem.
    pub fn finish(self) -> Result<Settings, ConfigError> {
        let Self { settings, problems } = self;
        if problems.is_empty() { Ok(settings) } else { Err(ConfigError { problems }) }
    }
}

/// The settings that `serve` and `dev` determine in different ways.
struct Base {
    environment: Environment,
    listen: Listen,
    database: DatabaseSettings,
    secrets: Secrets,
}

impl Settings {
    /// Reads the settings of `portcullis serve`.
    #[must_use]
    pub fn read(variables: &Variables) -> Draft {
        let mut read = Reader::new(variables, Command::Serve);
        let environment = match read.word(&ENVIRONMENT) {
            "development" => Environment::Development,
            _ => Environment::Production,
        };
        read.production = environment == Environment::Production;
        let listen = listen(&mut read);
        let database = database(&mut read);
        let secrets = secrets(&mut read);
        read.word(&JWT_ALGORITHM);
        Self::draft(read, variables, Base { environment, listen, database, secrets })
    }

    /// The settings of `portcullis dev` and of tests: loopback, with a database and secrets of its own.
    #[must_use]
    pub fn development(database: DatabaseSettings, secrets: Secrets, http: u16, https: Option<u16>) -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let ports = (loopback(http), https.map(loopback));
        Self::read_development(&Variables::default(), database, secrets, ports).settings
    }

    /// Like [`Settings::development`], with the settings in `variables` that `portcullis dev` does not choose itself.
    #[must_use]
    pub fn read_development(
        variables: &Variables,
        database: DatabaseSettings,
        secrets: Secrets,
        (http, https): (SocketAddr, Option<SocketAddr>),
    ) -> Draft {
        let mut read = Reader::new(variables, Command::Dev);
        let workers = usize::try_from((WORKERS.kind.default)()).unwrap_or(1);
        let metrics = metrics_address(&mut read);
        let listen = Listen { http: Some(http), https, certificate: None, metrics, workers };
        Self::draft(
            read,
            variables,
            Base { environment: Environment::Development, listen, database, secrets },
        )
    }

    fn draft(mut read: Reader<'_>, variables: &Variables, base: Base) -> Draft {
        let mut settings = Self::from_base(&mut read, base);
        let (mut problems, warnings) = read.into_findings();
        settings.warnings = warnings;
        problems.extend(names::unknown(variables));
        Draft { settings, problems }
    }

    fn from_base(read: &mut Reader<'_>, base: Base) -> Self {
        let Base { environment, listen, mut database, secrets } = base;
        database.pool_size = read.number(&DATABASE_CONNECTIONS);
        let web = web::web(read);
        Self {
            environment,
            listen,
            database,
            secrets,
            passkeys: web::passkeys(read, &web),
            debug: read.flag(&DEBUG),
            web,
            sessions: sessions(read),
            registration_open: read.word(&REGISTRATION) == "open",
            require_email_verification: read.flag(&REQUIRE_EMAIL_VERIFICATION),
            geo_files: GeoFiles {
                places: read.path(&GEOIP_DATABASE).map(PathBuf::from),
                networks: read.path(&GEOIP_ASN_DATABASE).map(PathBuf::from),
            },
            geo: Geo::default(),
            risk: risk(read),
            attempts_kept: read.duration(&ATTEMPTS_RETENTION_DAYS),
            kept: RetentionPeriods {
                sessions: read.duration(&SESSIONS_RETENTION_DAYS),
                revocations: read.duration(&REVOCATIONS_RETENTION_DAYS),
                devices: read.duration(&DEVICES_RETENTION_DAYS),
                audit: read.duration(&AUDIT_RETENTION_DAYS),
            },
            address_limit_factor: read.number(&ADDRESS_LIMIT_FACTOR),
            limits: limits(read),
            ban: read.duration(&BAN_MINUTES),
            password_queue: read.number(&PASSWORD_QUEUE),
            on_stale: on_stale(read),
            issuers: issuers(read),
            issuer_tokens: read.duration(&ISSUER_TOKEN_DAYS),
            allow_anonymous: read.flag(&ALLOW_ANONYMOUS),
            api_key: api_key(read),
            socket: socket(read),
            realtime: realtime(read),
            drain_delay: read.duration(&DRAIN_DELAY),
            drain: read.duration(&DRAIN_SECONDS),
            warnings: Vec::new(),
        }
    }

    /// The settings of sockets, completed from other settings. `open_files` is the number of sockets that the limit of open
    /// files allows.
    #[must_use]
    pub fn socket_settings(&self, open_files: usize) -> SocketSettings {
        let mut socket = self.socket.clone();
        socket.limits.total = socket.limits.total.min(open_files);
        let mut client = (*socket.client).clone();
        client.commands = self.limits.frame_connection;
        client.allow_anonymous = self.allow_anonymous;
        // Connections and channel shards must use the same namespaces.
        client.namespaces = Arc::clone(&self.realtime.namespaces);
        socket.client = Arc::new(client);
        socket
    }
}

fn listen(read: &mut Reader<'_>) -> Listen {
    let address = read.parsed(&BIND_ADDRESS).unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let certificate = match (read.path(&TLS_CERT_FILE), read.path(&TLS_KEY_FILE)) {
        (Some(certificate), Some(key)) => Some((PathBuf::from(certificate), PathBuf::from(key))),
        (None, None) => None,
        _ => {
            read.problem("TLS_CERT_FILE and TLS_KEY_FILE belong together");
            None
        }
    };
    let http = read.number(&API_PORT);
    let https = read.number(&TLS_PORT);
    Listen {
        http: Some(SocketAddr::new(address, http)),
        https: certificate.is_some().then_some(SocketAddr::new(address, https)),
        certificate,
        metrics: metrics_address(read),
        workers: read.number(&WORKERS),
    }
}

fn metrics_address(read: &mut Reader<'_>) -> Option<SocketAddr> {
    let text = read.text(&METRICS_ADDR)?;
    let address = text.parse();
    if address.is_err() {
        let form = "is not an address with a port, such as 127.0.0.1:9100 or [::1]:9100";
        read.problem(format!("{}: `{text}` {form}", METRICS_ADDR.name));
    }
    address.ok()
}

fn secrets(read: &mut Reader<'_>) -> Secrets {
    let minimum = if read.production { SECRET_MIN } else { 1 };
    let jwt = read.strong_secret(&JWT_SECRET_KEY, minimum);
    let csrf = read.strong_secret(&CSRF_SECRET_KEY, minimum);
    let data_encryption = read.strong_secret(&DATA_ENCRYPTION_KEY, minimum);
    let given = [&jwt, &csrf, &data_encryption].iter().all(|key| !key.expose_secret().is_empty());
    if read.production && given {
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        if same(&jwt, &csrf) || same(&csrf, &data_encryption) || same(&jwt, &data_encryption) {
            read.problem("JWT_SECRET_KEY, CSRF_SECRET_KEY and DATA_ENCRYPTION_KEY must differ");
        }
    }
    // A retired key is still accepted, so it must be as strong as the current one.
    let mut previous = |setting: &Setting<Secret>| {
        let keys = read.secret(setting).map(|keys| split_keys(&keys)).unwrap_or_default();
        for key in &keys {
            read.check_strength(setting.name, key, minimum);
        }
        keys
    };
    let jwt_previous = previous(&JWT_PREVIOUS_SECRET_KEYS);
    let data_encryption_previous = previous(&DATA_ENCRYPTION_PREVIOUS_KEYS);
    Secrets { jwt, jwt_previous, csrf, data_encryption, data_encryption_previous }
}

fn split_keys(keys: &SecretString) -> Vec<SecretString> {
    let keys = keys.expose_secret().split(',').map(str::trim).filter(|key| !key.is_empty());
    keys.map(SecretString::from).collect()
}

fn on_stale(read: &mut Reader<'_>) -> OnStale {
    if read.word(&ON_STALE) == OnStale::Deliver.as_str() { OnStale::Deliver } else { OnStale::Hold }
}

fn api_key(read: &mut Reader<'_>) -> Option<SecretString> {
    let key = read.secret(&API_KEY)?;
    if read.production {
        read.check_strength(API_KEY.name, &key, API_KEY_MIN);
    }
    Some(key)
}

fn sessions(read: &mut Reader<'_>) -> SessionLimits {
    SessionLimits {
        idle: read.duration(&SESSION_TIMEOUT_MINUTES),
        absolute: read.duration(&SESSION_ABSOLUTE_DAYS),
        refresh: read.duration(&REFRESH_TOKEN_DAYS),
        per_user: read.number(&SESSIONS_PER_USER),
        devices: read.number(&DEVICES_PER_USER),
        ..SessionLimits::default()
    }
}

fn risk(read: &mut Reader<'_>) -> Thresholds {
    let thresholds = Thresholds {
        notify: read.number(&RISK_NOTIFY),
        second_factor: read.number(&RISK_SECOND_FACTOR),
        refuse: read.number(&RISK_REFUSE),
    };
    if thresholds.notify > thresholds.second_factor || thresholds.second_factor > thresholds.refuse {
        read.problem("RISK_NOTIFY, RISK_SECOND_FACTOR and RISK_REFUSE must be in ascending order");
    }
    thresholds
}

fn limits(read: &mut Reader<'_>) -> Limits {
    let mut limits = Limits::default();
    for limit in limits.each_mut() {
        let name = throttle::setting(limit);
        let Some(Rate { burst, period }) = read.limit(&name) else { continue };
        if burst > LIMIT_COUNT_MAX || period.as_secs() > LIMIT_SECONDS_MAX {
            read.problem(format!("{name}: must be at most {LIMIT_COUNT_MAX}/{LIMIT_SECONDS_MAX}"));
            continue;
        }
        (limit.burst, limit.period) = (burst, period);
    }
    limits
}

fn socket(read: &mut Reader<'_>) -> SocketSettings {
    SocketSettings {
        query_token: read.flag(&WS_QUERY_TOKEN),
        limits: ConnectionLimits {
            total: read.number(&CONNECTIONS),
            per_address: read.number(&CONNECTIONS_PER_ADDRESS),
            per_user: read.number(&CONNECTIONS_PER_USER),
            unauthenticated: read.number(&UNAUTHENTICATED_CONNECTIONS),
        },
        unauthenticated_message: read.number(&UNAUTHENTICATED_MESSAGE_BYTES),
        outbox_bytes: read.number(&CONNECTION_QUEUE_BYTES),
        http_timeouts: HttpTimeouts {
            keep_alive: read.duration(&KEEP_ALIVE_SECONDS),
            ..HttpTimeouts::default()
        },
        ..SocketSettings::default()
    }
}

fn realtime(read: &mut Reader<'_>) -> RealtimeSettings {
    let data_dir = read.path(&DATA_DIR).unwrap_or_default();
    let defaults = RealtimeSettings::default();
    RealtimeSettings {
        connections_per_session: read.number(&CONNECTIONS_PER_SESSION),
        spill_file: PathBuf::from(data_dir).join("audit.spill"),
        history_bytes: read.number(&HISTORY_BYTES),
        namespaces: channels::channels(read, &defaults.namespaces),
        ..defaults
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
