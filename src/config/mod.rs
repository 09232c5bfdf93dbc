//! Every setting of the server and every limit, with its unit and default.
//!
//! Read once, at the start, by the composition root; nothing else looks at the environment. A bad or missing setting
//! stops the start with one message that lists every problem. Each variable `X` may instead be given as `X_FILE`, the
//! path of a file that holds the value (Docker secrets).

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use actors::runtime::RealtimeSettings;
use ipnet::IpNet;
use secrecy::SecretString;

use crate::socket::SocketSettings;
use domain::{
    abuse::throttle::Limits, factors::passkey::RelyingPartyNames, issuer::IssuerSettings, risk::Thresholds,
    session::SessionLimits,
};
use service::geo::Geo;
use store::DatabaseSettings;

mod api_key;
mod channels;
mod development;
mod issuers;
mod reader;
mod realtime;
mod sections;
#[cfg(test)]
mod tests;

pub use reader::ConfigError;
use reader::Reader;
use realtime::realtime;
use sections::{
    BAN, PASSWORD_QUEUE, Registration, algorithm, database, geo, limits, listen, minutes, passkeys, risk,
    secrets, sessions, socket, surface,
};

const DAY: u64 = 24 * 60 * 60;
const ATTEMPTS_KEPT: Duration = Duration::from_secs(90 * DAY);

/// Where the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// `portcullis dev`: loopback only, generated secrets, demonstration users.
    Development,
    /// Everything else.
    Production,
}

impl FromStr for Environment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "development" => Ok(Self::Development),
            "production" => Ok(Self::Production),
            other => Err(format!("`{other}` is neither `production` nor `development`")),
        }
    }
}

/// The keys from which every token, cookie and MAC is derived. They never print.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// `JWT_SECRET_KEY`: signs access tokens, and authenticates refresh tokens under a label of its own.
    pub jwt: SecretString,
    /// `JWT_PREVIOUS_SECRET_KEYS`, comma-separated: still verified until retired.
    pub jwt_previous: Vec<SecretString>,
    /// `CSRF_SECRET_KEY`: CSRF tokens and the device and pre-session cookies.
    pub csrf: SecretString,
    /// `DATA_ENCRYPTION_KEY`: keyed hashes of identifiers, and what is sealed at rest.
    pub data_encryption: SecretString,
    /// `DATA_ENCRYPTION_PREVIOUS_KEYS`, comma-separated: still open what they sealed; it is sealed anew when it is used.
    pub data_encryption_previous: Vec<SecretString>,
}

/// Where to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Plain HTTP.
    pub http: Option<SocketAddr>,
    /// TLS.
    pub https: Option<SocketAddr>,
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE`, PEM; development makes its own.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// `WORKERS`: threads that serve sockets and requests. Default: one per core.
    pub workers: usize,
}

/// What cookies and tokens look like from outside.
#[derive(Clone, Debug)]
pub struct Surface {
    /// `DOMAIN`: the server's name, issuer and audience of its tokens.
    pub domain: String,
    /// `CORS_ALLOWED_ORIGINS`, comma-separated, matched exactly.
    pub allowed_origins: Vec<String>,
    /// `COOKIE_DOMAIN`; host-only cookies without it.
    pub cookie_domain: Option<String>,
    /// `ACCESS_COOKIE_READABLE`: let scripts read the access token's cookie. Default: no.
    pub access_cookie_readable: bool,
    /// `SECURITY_HEADERS_ENABLED`. Default: yes.
    pub security_headers: bool,
    /// `TRUSTED_PROXIES`, comma-separated networks whose `X-Forwarded-For` is believed. Default: none.
    pub trusted_proxies: Vec<IpNet>,
}

/// Everything the server can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ENVIRONMENT`. Default: production.
    pub environment: Environment,
    /// `DEBUG`: more in the log; never secrets.
    pub debug: bool,
    /// Where to listen.
    pub listen: Listen,
    /// `DATABASE_URL`, or `POSTGRES_HOST`, `_PORT`, `_USER`, `_PASSWORD`, `_DB`.
    pub database: DatabaseSettings,
    /// The keys.
    pub secrets: Secrets,
    /// Names, origins, cookies.
    pub surface: Surface,
    /// `WEBAUTHN_RP_ID` (`DOMAIN`), `WEBAUTHN_RP_NAME` (Portcullis), `WEBAUTHN_ORIGINS`, comma-separated (those of
    /// `CORS_ALLOWED_ORIGINS` that lie at or below that name, or else `https://` and the name).
    pub passkeys: RelyingPartyNames,
    /// `SESSION_TIMEOUT_MINUTES` (30), `SESSION_ABSOLUTE_DAYS` (30), `REFRESH_TOKEN_DAYS` (7), `SESSIONS_PER_USER` (20).
    pub sessions: SessionLimits,
    /// `REGISTRATION=open|closed`. Default: open.
    pub registration_open: bool,
    /// `REQUIRE_EMAIL_VERIFICATION`: new users are pending. Default: no.
    pub require_email_verification: bool,
    /// `GEOIP_DATABASE`, `GEOIP_ASN_DATABASE`: files in the MaxMind DB format that tell where an address is. Default: none.
    pub geo: Geo,
    /// `RISK_NOTIFY` (30), `RISK_SECOND_FACTOR` (50), `RISK_REFUSE` (90): the scores, of 100, from which on that is done; 101
    /// for never.
    pub risk: Thresholds,
    /// `ATTEMPTS_RETENTION_DAYS` (90): how long attempts to sign in are kept; they go by whole months.
    pub attempts_kept: Duration,
    /// `ADDRESS_LIMIT_FACTOR`: multiplies every limit per address, for networks that share one. Default: 1.
    pub address_limit_factor: u32,
    /// `LIMIT_<NAME>=<count>/<seconds>`, as `LIMIT_LOGIN_ADDRESS=30/60`: names and defaults are the table in
    /// `domain::abuse::throttle`.
    pub limits: Limits,
    /// `BAN_MINUTES`: how long an address is banned for stuffing. Default: 60.
    pub ban: Duration,
    /// `PASSWORD_QUEUE`: password hashes that may wait while as many as there are cores run. Default: 32.
    pub password_queue: usize,
    /// `TOKEN_ISSUERS`, a JSON array: other identity providers whose tokens connections and subscriptions may show; see
    /// `domain::issuer::configuration`. Default: none.
    pub issuers: Vec<IssuerSettings>,
    /// `ALLOW_ANONYMOUS`: connections may come without a token, and have the rights of `anonymous`. Default: no.
    pub allow_anonymous: bool,
    /// `API_KEY`: a key of the server API that may do everything, for tests and small set-ups; at least 16 bytes in
    /// production. Default: none, keys are made with `portcullis key`.
    pub api_key: Option<SecretString>,
    /// Sockets.
    pub socket: SocketSettings,
    /// The actors' bounds. `CHANNELS_FILE`: a TOML file with the namespaces of channels; those built in without it.
    /// `HISTORY_BYTES`: data of histories in memory, at least 1 MiB. Default: 512 MiB.
    pub realtime: RealtimeSettings,
    /// `DRAIN_SECONDS`: over how long a stop spreads the closing of sockets. Default: 5.
    pub drain: Duration,
}

impl Settings {
    /// Reads the process environment.
    ///
    /// # Errors
    /// One error that lists every problem.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    /// Reads the settings through `lookup`.
    ///
    /// # Errors
    /// One error that lists every problem.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut read = Reader::new(lookup);
        let environment = read.parsed("ENVIRONMENT", Environment::Production);
        let base = Self {
            environment,
            debug: false,
            listen: listen(&mut read),
            database: database(&mut read),
            secrets: secrets(&mut read, environment == Environment::Production),
            surface: Surface {
                domain: String::new(),
                allowed_origins: Vec::new(),
                cookie_domain: None,
                access_cookie_readable: false,
                security_headers: true,
                trusted_proxies: Vec::new(),
            },
            passkeys: RelyingPartyNames::default(),
            sessions: SessionLimits::default(),
            registration_open: true,
            require_email_verification: false,
            geo: Geo::default(),
            risk: Thresholds::default(),
            attempts_kept: ATTEMPTS_KEPT,
            address_limit_factor: 1,
            limits: Limits::default(),
            ban: BAN,
            password_queue: PASSWORD_QUEUE,
            issuers: Vec::new(),
            allow_anonymous: false,
            api_key: None,
            socket: SocketSettings::default(),
            realtime: RealtimeSettings::default(),
            drain: Duration::from_secs(5),
        };
        algorithm(&mut read);
        let settings = base.overlay(&mut read);
        read.finish(settings)
    }

    /// These settings with what `lookup` says otherwise; for a development server, whose listeners, database and keys are
    /// its own.
    ///
    /// # Errors
    /// One error that lists every problem.
    pub fn overlaid(self, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut read = Reader::new(lookup);
        let settings = self.overlay(&mut read);
        read.finish(settings)
    }

    fn overlay(self, read: &mut Reader<'_>) -> Self {
        let production = self.environment == Environment::Production;
        let surface = surface(read, &self.surface, production);
        Self {
            passkeys: passkeys(read, &self.passkeys, &surface, production),
            debug: read.flag("DEBUG", self.debug),
            surface,
            sessions: sessions(read, &self.sessions),
            registration_open: read.parsed("REGISTRATION", Registration(self.registration_open)).0,
            require_email_verification: read
                .flag("REQUIRE_EMAIL_VERIFICATION", self.require_email_verification),
            geo: geo(read, self.geo),
            risk: risk(read, self.risk),
            attempts_kept: Duration::from_secs(DAY.saturating_mul(read.at_least(
                "ATTEMPTS_RETENTION_DAYS",
                1,
                self.attempts_kept.as_secs() / DAY,
            ))),
            address_limit_factor: read.at_least("ADDRESS_LIMIT_FACTOR", 1, self.address_limit_factor),
            limits: limits(read, self.limits),
            ban: minutes(read, "BAN_MINUTES", self.ban),
            password_queue: read.at_least("PASSWORD_QUEUE", 1, self.password_queue),
            issuers: issuers::issuers(read, self.issuers, production),
            allow_anonymous: read.flag("ALLOW_ANONYMOUS", self.allow_anonymous),
            api_key: api_key::api_key(read, self.api_key, production),
            socket: socket(read, &self.socket),
            realtime: realtime(read, &self.realtime),
            drain: Duration::from_secs(read.parsed("DRAIN_SECONDS", self.drain.as_secs())),
            ..self
        }
    }
}

/// The database that the environment names, as `serve` understands it; `None` if it names none.
///
/// # Errors
/// What is wrong with the variables.
pub fn database_from_env(
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<DatabaseSettings>, ConfigError> {
    let named = ["DATABASE_URL", "DATABASE_URL_FILE", "POSTGRES_HOST", "POSTGRES_HOST_FILE"];
    if named.iter().all(|name| lookup(name).is_none_or(|value| value.is_empty())) {
        return Ok(None);
    }
    let mut read = Reader::new(lookup);
    let database = database(&mut read);
    read.finish(Some(database))
}
