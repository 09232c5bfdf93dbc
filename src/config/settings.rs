//! The settings as the rest of the server sees them, read from the table.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use actors::runtime::RealtimeSettings;
use domain::{
    abuse::throttle::{self, Limits, Rate},
    account::erasure::{ErasureRules, MessagesOfErased},
    factors::passkey::RelyingPartyNames,
    issuer::IssuerSettings,
    retention::RetentionPeriods,
    risk::Thresholds,
    session::SessionLimits,
};
use secrecy::SecretString;
use service::{AuditLogSettings, DrillSettings, EventSettings, OnStale, geo::Geo};
use store::DatabaseSettings;

use super::{
    audit, channels,
    database::{database, owner, set_bounds},
    environment::{Environment, environment},
    error::ConfigError,
    issuers::issuers,
    listen::{Listen, address_and_port, client_files, listen},
    mail::{MailSetup, mail},
    names,
    pages::{PageSettings, pages},
    reader::{Command, Reader},
    secrets::{self, Secrets},
    shown::{ShownSetting, shown_of},
    table::*,
    traces::{TraceSettings, traces},
    variables::Variables,
    web::{self, WebSettings},
};
use crate::socket::{ConnectionLimits, HttpTimeouts, SocketSettings};

/// The shortest `API_KEY` that production accepts, in bytes.
const API_KEY_MIN: usize = 16;

/// The paths of the location databases. `app` opens the files.
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
    /// `OTEL_…`.
    pub traces: Option<TraceSettings>,
    /// Where to listen.
    pub listen: Listen,
    /// `DATABASE_URL`, or the `POSTGRES_…` variables.
    pub database: DatabaseSettings,
    /// The database as the owner of its tables, in development only: the server then migrates it, and gives the role of `database`
    /// its rights.
    pub database_owner: Option<DatabaseSettings>,
    /// `DATABASE_SINGLE_ROLE`.
    pub single_role: bool,
    /// The secrets for deriving keys.
    pub secrets: Secrets,
    /// Names, origins, cookies.
    pub web: WebSettings,
    /// `PAGES`, `PORTCULLIS_ASSETS_DIR`.
    pub pages: PageSettings,
    /// `WEBAUTHN_…`.
    pub passkeys: RelyingPartyNames,
    /// `SESSION_TIMEOUT_MINUTES`, `SESSION_ABSOLUTE_DAYS`, `REFRESH_TOKEN_DAYS`, `SESSIONS_PER_USER`, `DEVICES_PER_USER`.
    pub sessions: SessionLimits,
    /// `REGISTRATION`.
    pub registration_open: bool,
    /// `REQUIRE_EMAIL_VERIFICATION`.
    pub require_email_verification: bool,
    /// `GEOIP_…`: the paths.
    pub geo_files: GeoFiles,
    /// The opened location databases; empty until `app` has opened `geo_files`.
    pub geo: Geo,
    /// `RISK_…`.
    pub risk: Thresholds,
    /// `ATTEMPTS_RETENTION_DAYS`.
    pub attempts_kept: Duration,
    /// The other `…_RETENTION_DAYS`.
    pub kept: RetentionPeriods,
    /// `ERASURE_GRACE_DAYS`, `ERASURE_MESSAGES`, `ERASURES_FILE`.
    pub erasure: ErasureRules,
    /// `AUDIT_SIGNING_KEY`, `AUDIT_ANCHOR`.
    pub audit_log: AuditLogSettings,
    /// `ADDRESS_LIMIT_FACTOR`.
    pub address_limit_factor: u32,
    /// `LIMIT_<NAME>`. The table of names and defaults is in `domain::abuse::throttle`.
    pub limits: Limits,
    /// `BAN_MINUTES`.
    pub ban: Duration,
    /// `PASSWORD_QUEUE`.
    pub password_queue: usize,
    /// How long after its last look at the revocations this node is current. Not an environment variable.
    pub current_for: Duration,
    /// `ON_STALE`.
    pub on_stale: OnStale,
    /// `TOKEN_ISSUERS`; see `domain::issuer::configuration`.
    pub issuers: Vec<IssuerSettings>,
    /// The files that `TOKEN_ISSUERS` names.
    pub issuer_files: Vec<PathBuf>,
    /// `ISSUER_TOKEN_DAYS`.
    pub issuer_tokens: Duration,
    /// `EVENTS_…`.
    pub events: EventSettings,
    /// `SMTP_…`, `MAIL_…`, `PUBLIC_URL`.
    pub mail: Box<MailSetup>,
    /// `DRILL`, `DRILL_INTERVAL_SECONDS`.
    pub drill: DrillSettings,
    /// `ALLOW_ANONYMOUS`.
    pub allow_anonymous: bool,
    /// `API_KEY`.
    pub api_key: Option<SecretString>,
    /// The settings of sockets. `app` makes the live settings from them and from other settings.
    pub socket: SocketSettings,
    /// The bounds of the actors, the file of unwritten audit events, and the namespaces of channels.
    pub realtime: RealtimeSettings,
    /// `DRAIN_DELAY`.
    pub drain_delay: Duration,
    /// `DRAIN_SECONDS`.
    pub drain: Duration,
    /// Warnings for the operator, one sentence each.
    pub warnings: Vec<String>,
    /// Every setting with its effective value and its source, for operators.
    pub shown: Vec<ShownSetting>,
}

/// Settings, and the problems found in them so far. `app` adds the problems of files and databases.
pub struct Draft {
    /// The settings; wrong values are replaced by defaults or placeholders.
    pub settings: Settings,
    problems: Vec<String>,
    variables: Variables,
}

impl Draft {
    /// Adds a problem: one sentence that begins with the name of the variable.
    pub fn problem(&mut self, problem: String) {
        self.problems.push(self.variables.located(problem));
    }

    /// The settings, if there is no problem.
    ///
    /// # Errors
    /// One error that lists every problem.
    pub fn finish(self) -> Result<Settings, ConfigError> {
        let Self { settings, problems, .. } = self;
        if problems.is_empty() { Ok(settings) } else { Err(ConfigError { problems }) }
    }
}

/// The settings that `serve` and `dev` determine in different ways.
struct Base {
    environment: Environment,
    listen: Listen,
    database: DatabaseSettings,
    owner: Option<DatabaseSettings>,
    secrets: Secrets,
}

impl Settings {
    /// Reads the settings of `portcullis serve`.
    #[must_use]
    pub fn read(variables: &Variables) -> Draft {
        let mut read = Reader::new(variables, Command::Serve);
        let environment = environment(&mut read);
        read.production = environment == Environment::Production;
        let listen = listen(&mut read);
        let database = database(&mut read);
        let mut owner = owner(&mut read);
        if read.production && owner.take().is_some() {
            read.warning(
                "DATABASE_OWNER_URL: the server does not use it, and an intruder could change the audit log with it: \
                 give it to `portcullis migrate` only"
                    .to_owned(),
            );
        }
        let secrets = secrets::secrets(&mut read);
        Self::draft(read, variables, Base { environment, listen, database, owner, secrets })
    }

    /// The settings of tools and of tests: on loopback, with this database and these secrets. All other settings have the
    /// defaults of `portcullis dev`.
    #[must_use]
    pub fn development(database: DatabaseSettings, secrets: Secrets, http: u16, https: Option<u16>) -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let ports = (loopback(http), https.map(loopback));
        Self::read_development(&Variables::default(), database, secrets, ports).settings
    }

    /// Like [`Settings::development`], but reads from `variables` the settings that `portcullis dev` does not choose itself.
    #[must_use]
    pub fn read_development(
        variables: &Variables,
        database: DatabaseSettings,
        secrets: Secrets,
        (http, https): (SocketAddr, Option<SocketAddr>),
    ) -> Draft {
        let mut read = Reader::new(variables, Command::Dev);
        let workers = usize::try_from((WORKERS.kind.default)()).unwrap_or(1);
        let metrics = address_and_port(&mut read, &METRICS_ADDR);
        let console = address_and_port(&mut read, &CONSOLE_ADDR);
        let (client_ca, client_crl) = client_files(&mut read);
        let listen = Listen {
            http: Some(http),
            redirect: false,
            socket: None,
            https,
            certificate: None,
            acme: None,
            client_ca,
            client_crl,
            metrics,
            console,
            workers,
        };
        let mut draft = Self::draft(
            read,
            variables,
            Base { environment: Environment::Development, listen, database, owner: None, secrets },
        );
        // The receivers of a developer are on the same machine.
        draft.settings.events.inner_addresses = true;
        draft
    }

    fn draft(mut read: Reader<'_>, variables: &Variables, base: Base) -> Draft {
        let mut settings = Self::from_base(&mut read, base);
        for problem in names::unknown(variables) {
            read.problem(problem);
        }
        let (problems, warnings) = read.into_findings();
        settings.warnings = warnings;
        settings.shown = shown_of(variables, &settings.web.domain, &settings.passkeys);
        Draft { settings, problems, variables: variables.clone() }
    }

    fn from_base(read: &mut Reader<'_>, base: Base) -> Self {
        let Base { environment, listen, mut database, owner, mut secrets } = base;
        secrets.algorithm = secrets::algorithm(read);
        set_bounds(read, &mut database);
        let (issuers, issuer_files) = issuers(read);
        let web = web::web(read);
        let verify = read.flag(&REQUIRE_EMAIL_VERIFICATION);
        Self {
            environment,
            listen,
            database,
            database_owner: owner,
            single_role: read.flag(&DATABASE_SINGLE_ROLE),
            secrets,
            passkeys: web::passkeys(read, &web),
            mail: Box::new(mail(read, &web, verify)),
            pages: pages(read),
            debug: read.flag(&DEBUG),
            traces: traces(read),
            web,
            sessions: sessions(read),
            registration_open: read.word(&REGISTRATION) == "open",
            require_email_verification: verify,
            geo_files: GeoFiles {
                places: read.path(&GEOIP_DATABASE).map(PathBuf::from),
                networks: read.path(&GEOIP_ASN_DATABASE).map(PathBuf::from),
            },
            geo: Geo::default(),
            risk: risk(read),
            attempts_kept: read.duration(&ATTEMPTS_RETENTION_DAYS),
            kept: kept(read),
            erasure: erasure(read),
            audit_log: audit::audit_log(read),
            address_limit_factor: read.number(&ADDRESS_LIMIT_FACTOR),
            limits: limits(read),
            ban: read.duration(&BAN_MINUTES),
            password_queue: read.number(&PASSWORD_QUEUE),
            current_for: service::CURRENT_FOR,
            on_stale: on_stale(read),
            issuers,
            issuer_files,
            issuer_tokens: read.duration(&ISSUER_TOKEN_DAYS),
            events: EventSettings {
                inner_addresses: read.flag(&EVENTS_INNER_ADDRESSES),
                timeout: read.duration(&EVENTS_TIMEOUT_SECONDS),
                max_attempts: read.number(&EVENTS_MAX_ATTEMPTS),
                max_age: read.duration(&EVENTS_MAX_AGE_DAYS),
                backlog: read.number(&EVENTS_BACKLOG),
            },
            drill: drill(read),
            allow_anonymous: read.flag(&ALLOW_ANONYMOUS),
            api_key: api_key(read),
            socket: socket(read),
            realtime: realtime(read),
            drain_delay: read.duration(&DRAIN_DELAY),
            drain: read.duration(&DRAIN_SECONDS),
            warnings: Vec::new(),
            shown: Vec::new(),
        }
    }
}

/// The rules of erasures that the command line applies, too. Wrong settings are replaced by defaults; a server does not start with
/// them.
#[must_use]
pub fn erasure_rules(variables: &Variables) -> ErasureRules {
    erasure(&mut Reader::new(variables, Command::Serve))
}

fn erasure(read: &mut Reader<'_>) -> ErasureRules {
    ErasureRules {
        grace: read.duration(&ERASURE_GRACE_DAYS),
        messages: MessagesOfErased::of_word(read.word(&ERASURE_MESSAGES)),
        records: read.path(&ERASURES_FILE).map(PathBuf::from),
    }
}

fn kept(read: &mut Reader<'_>) -> RetentionPeriods {
    RetentionPeriods {
        sessions: read.duration(&SESSIONS_RETENTION_DAYS),
        revocations: read.duration(&REVOCATIONS_RETENTION_DAYS),
        devices: read.duration(&DEVICES_RETENTION_DAYS),
        audit: read.duration(&AUDIT_RETENTION_DAYS),
        mails: read.duration(&MAIL_RETENTION_DAYS),
    }
}

fn on_stale(read: &mut Reader<'_>) -> OnStale {
    if read.word(&ON_STALE) == OnStale::Deliver.as_str() { OnStale::Deliver } else { OnStale::Hold }
}

fn drill(read: &mut Reader<'_>) -> DrillSettings {
    let interval = read.duration(&DRILL_INTERVAL_SECONDS);
    DrillSettings { interval: read.flag(&DRILL).then_some(interval) }
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
