//! The table of settings: every variable with its type, unit, default, bounds and meaning. A default of another module is taken
//! from that module, so that each default is written once.
//!
//! The limits `LIMIT_<NAME>` have a table of their own, `domain::abuse::throttle`, because metrics and answers use their names,
//! too.

use actors::runtime::RealtimeSettings;
use domain::{
    account::erasure::{ErasureRules, MessagesOfErased},
    retention::RetentionPeriods,
    risk::Thresholds,
    session::SessionLimits,
    tokens::token_key::TokenAlgorithm,
};
use mail::SmtpSettings;
use service::EventSettings;
use store::DatabaseSettings;

use super::{
    row::{number, secret_text, table, text},
    setting::{FilePath, Flag, List, Number, Port, Row, Secret, Setting, Text, Unit, Word},
};
use crate::socket::{ConnectionLimits, SocketSettings};

/// Default port of plain HTTP.
pub(super) const HTTP_PORT: u16 = 8000;
/// Default port of TLS.
const HTTPS_PORT: u16 = 8443;
/// Default directory of the server's own files.
const DATA_DIRECTORY: &str = "./data";

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const TIB: u64 = 1024 * 1024 * MIB;
/// The longest period of a setting. A longer period is probably a mistake. This bound also keeps sums of times and durations
/// far from an overflow.
const TEN_YEARS_IN_DAYS: u64 = 3650;
const TEN_YEARS_IN_MINUTES: u64 = TEN_YEARS_IN_DAYS * 24 * 60;
/// The upper bound of settings that count connections. It is more than one machine can hold.
const MOST_CONNECTIONS: u64 = 100_000_000;

/// The largest count of a limit.
pub(super) const LIMIT_COUNT_MAX: u32 = 1_000_000_000;
/// The longest period of a limit, in seconds: a year.
pub(super) const LIMIT_SECONDS_MAX: u64 = 365 * 24 * 60 * 60;

fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

table! {
    "The process" {
        /// The kind of installation. `development` weakens the rules for secrets and origins.
        ENVIRONMENT: Word = Word(&["production", "development"]);
        /// Whether the parts of this server log at the level `debug` instead of `info`. Secrets are never logged. The variable
        /// `RUST_LOG` ranks above this setting.
        DEBUG: Flag = Flag { default: false }, reloadable;
        /// The receiver of traces in the protocol of OpenTelemetry (OTLP over HTTP), for example `http://localhost:4318`. The
        /// server adds `/v1/traces`.
        OTEL_EXPORTER_OTLP_ENDPOINT: Text = text("URL", "none: no traces are exported");
        /// Headers for the receiver of traces, such as its key: `name=value`, separated by commas.
        OTEL_EXPORTER_OTLP_HEADERS: Secret = Secret { without: "none" };
        /// The name of this server in traces.
        OTEL_SERVICE_NAME: Text = Text { form: "text", default: Some("portcullis"), without: "", secret: false };
        /// The share of traces that are exported, from 0 to 1.
        OTEL_TRACES_SAMPLER_ARG: Text = Text { form: "number", default: Some("1"), without: "", secret: false };
        /// Threads that serve sockets and requests. The default is the number of cores.
        WORKERS: Number = number(Unit::Count, cores, 1, 1024);
        /// How long the server still accepts and serves connections after a stop has turned readiness off. Load balancers must
        /// notice the change of readiness within this time.
        DRAIN_DELAY: Number = Number { unit: Unit::Seconds, default: || 5, dev: Some(0), least: 0, most: 3600 };
        /// The time over which a stop spreads the closing of sockets.
        DRAIN_SECONDS: Number = Number { unit: Unit::Seconds, default: || 5, dev: Some(1), least: 0, most: 3600 };
        /// The directory of the server's own files, such as audit events that are not written to the database yet.
        DATA_DIR: FilePath = FilePath { default: Some(DATA_DIRECTORY) };
    }
    "Listening" {
        /// The address to listen on.
        BIND_ADDRESS: Text = Text { form: "IP address", default: Some("0.0.0.0"), without: "", secret: false };
        /// The port of plain HTTP. With 0, the system chooses a free port. With `off`, there is no plain HTTP over TCP.
        API_PORT: Port = Port { default: HTTP_PORT };
        /// Whether plain HTTP only redirects requests to `https://` and `DOMAIN`, with 308. `/health` is still answered, and
        /// WebSockets are refused. Clients must reach TLS at port 443, because the redirect names no port.
        API_REDIRECT: Flag = Flag { default: false };
        /// The path of a Unix socket, on which plain HTTP is served for a proxy on this machine, in addition to the ports. Its
        /// peers count as a trusted proxy. `API_REDIRECT` does not concern it.
        API_SOCKET: FilePath = FilePath { default: None };
        /// The permissions of the Unix socket of `API_SOCKET`. Processes that may write to the socket can connect.
        API_SOCKET_MODE: Text = Text { form: "octal number", default: Some("0660"), without: "", secret: false };
        /// The port of TLS, which is served if there is a certificate. With 0, the system chooses a free port.
        TLS_PORT: Number = number(Unit::Count, || HTTPS_PORT as u64, 0, 65_535);
        /// How long an idle connection stays open after an answer. This time must be longer than the idle time of a load
        /// balancer (often 60 s). Otherwise the server may close a connection that the load balancer is about to use.
        KEEP_ALIVE_SECONDS: Number = number(
            Unit::Seconds,
            || Unit::Seconds.amount(SocketSettings::default().http_timeouts.keep_alive),
            1,
            3600,
        );
        /// The address of `/metrics`, which the public ports do not serve. Choose an address that only this machine or the
        /// monitoring system can reach.
        METRICS_ADDR: Text = text("address and port", "none (`dev`: a free port on loopback, which is printed)");
        /// The certificate chain for TLS, in PEM form. When this file or the file of the private key changes, both are read
        /// again within two seconds.
        TLS_CERT_FILE: FilePath = FilePath { default: None }, reloadable;
        /// The private key of the certificate in `TLS_CERT_FILE`, in PEM form. Other users of the machine must not be able to
        /// change the file.
        TLS_KEY_FILE: FilePath = FilePath { default: None }, reloadable;
        /// The certificates of the authorities that sign client certificates, in PEM form. With this setting, requests to
        /// `/api/v1/admin` and to the server API need TLS and a client certificate of these authorities, in addition to their
        /// usual credential. The TLS connection must end at this server: with a proxy that terminates TLS, these paths are
        /// always refused. When the file changes, it is read again within two seconds. A reload cannot set or remove this
        /// setting.
        CLIENT_CA_FILE: FilePath = FilePath { default: None }, reloadable;
        /// Lists of revoked client certificates (CRLs) of the authorities in `CLIENT_CA_FILE`, in PEM form. A certificate is
        /// refused if it is on a list, if its issuer has no list in the file, or if the list has expired. When the file
        /// changes, it is read again within two seconds.
        CLIENT_CRL_FILE: FilePath = FilePath { default: None }, reloadable;
    }
    "Certificates from an authority (ACME)" {
        /// The address for messages about the account at the authority. With it, `serve` orders a certificate for `DOMAIN` by
        /// ACME (RFC 8555) and renews it when a third of its life is left. `TLS_CERT_FILE` must then be absent. See
        /// `docs/operation/certificates.md`.
        ACME_EMAIL: Text = text("e-mail address", "none: no certificate is ordered");
        /// Whether you agree to the terms of service of the authority. Without this, nothing is ordered.
        ACME_TERMS_AGREED: Flag = Flag { default: false };
        /// How the server proves that it controls `DOMAIN`. `tls-alpn-01`: on the TLS port, which the authority must reach as
        /// port 443. `http-01`: on plain HTTP, which the authority must reach as port 80.
        ACME_CHALLENGE: Word = Word(&["tls-alpn-01", "http-01"]);
        /// The directory of the authority.
        ACME_DIRECTORY_URL: Text = Text {
            form: "https URL",
            default: Some("https://acme-v02.api.letsencrypt.org/directory"),
            without: "",
            secret: false,
        };
        /// The certificates that may have signed the TLS certificate of the directory, in PEM form, for an authority of your own.
        ACME_CA_FILE: FilePath = FilePath { default: None };
        /// The id of the key for an external account, if the authority asks for one.
        ACME_EAB_KEY_ID: Text = text("text", "none");
        /// The key for an external account, in base64url, as the authority shows it.
        ACME_EAB_HMAC_KEY: Secret = Secret { without: "none" };
    }
    "Database" {
        /// The address of the database: a URL, or the keywords and values of libpq; see `docs/operation/database.md`.
        DATABASE_URL: Text = secret_text("PostgreSQL URL", "required, unless `POSTGRES_HOST` is given");
        /// The address of the database for the commands that need the owner of the tables: `migrate`, `restore` and `import`. The
        /// server itself does not need it, and must not know it. Without it, those commands use `DATABASE_URL`.
        DATABASE_OWNER_URL: Text = secret_text("PostgreSQL URL", "none");
        /// Whether a production server may connect as a role that can change the audit log, such as the owner of the tables. It
        /// then migrates the database itself, and warns at the start, in `/health/ready` and in the metrics.
        DATABASE_SINGLE_ROLE: Flag = Flag { default: false };
        /// The most connections of this node to the database; one more connection waits for notifications. PostgreSQL's
        /// `max_connections` must suffice for all nodes and tools.
        DATABASE_CONNECTIONS: Number = number(Unit::Count, || DatabaseSettings::POOL_SIZE as u64, 4, 1_000);
        /// How long it may take to connect to one address of the database, with encryption and sign-in: `connect_timeout`.
        DATABASE_CONNECT_SECONDS: Number =
            number(Unit::Seconds, || Unit::Seconds.amount(DatabaseSettings::CONNECT_TIMEOUT), 1, 60);
        /// How long work waits for a free connection. Requests of users wait at most 2 s if they read, and 5 s if they write.
        DATABASE_WAIT_SECONDS: Number =
            number(Unit::Seconds, || Unit::Seconds.amount(DatabaseSettings::ACQUIRE_TIMEOUT), 1, 60);
        /// How long one statement may run before PostgreSQL ends it. Requests of users are answered earlier, after 2 s if they
        /// read, and after 5 s if they write.
        DATABASE_STATEMENT_SECONDS: Number =
            number(Unit::Seconds, || Unit::Seconds.amount(DatabaseSettings::STATEMENT_TIMEOUT), 1, 300);
        /// A connection that is unused for this long is closed. 0 means never.
        DATABASE_IDLE_SECONDS: Number =
            number(Unit::Seconds, || Unit::Seconds.amount(DatabaseSettings::IDLE_TIMEOUT), 0, 86_400);
        /// A connection of this age is replaced before its next use. 0 means never.
        DATABASE_LIFETIME_SECONDS: Number =
            number(Unit::Seconds, || Unit::Seconds.amount(DatabaseSettings::LIFETIME), 0, 604_800);
        /// After this time without traffic, TCP asks whether the database still answers: `keepalives_idle`. 0 means never.
        DATABASE_KEEPALIVE_SECONDS: Number =
            number(Unit::Seconds, || Unit::Seconds.amount(DatabaseSettings::KEEPALIVE), 0, 7_200);
        /// The database server, if there is no `DATABASE_URL`: a name, an address (IPv6, too), or the directory of a Unix
        /// socket; several servers are separated by commas. Over a network the connection must be encrypted.
        POSTGRES_HOST: Text = text("host", "none");
        /// The port of the database server.
        POSTGRES_PORT: Number = number(Unit::Count, || 5432, 1, 65_535);
        /// The PostgreSQL role with which the server connects to the database.
        POSTGRES_USER: Text = Text { form: "text", default: Some("postgres"), without: "", secret: false };
        /// The password for `POSTGRES_USER`.
        POSTGRES_PASSWORD: Secret = Secret { without: "none" };
        /// The name of the database.
        POSTGRES_DB: Text = Text { form: "text", default: Some("portcullis"), without: "", secret: false };
        /// Whether the connection is encrypted, and how the database proves its identity: `sslmode`. This setting and the
        /// following ones also complete a `DATABASE_URL` that does not have the same parameter.
        POSTGRES_SSLMODE: Text = text(
            "`disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`",
            "`require` with `POSTGRES_HOST`, otherwise that of the URL",
        );
        /// The certificates of the authorities that may sign the certificate of the database, in PEM form: `sslrootcert`. The
        /// file is read for each connection.
        POSTGRES_SSLROOTCERT_FILE: FilePath = FilePath { default: None };
        /// The certificate with which this server proves its identity to the database, in PEM form: `sslcert`. The file is read
        /// for each connection.
        POSTGRES_SSLCERT_FILE: FilePath = FilePath { default: None };
        /// The private key of the certificate in `POSTGRES_SSLCERT_FILE`, in PEM form: `sslkey`. Other users of the machine must
        /// not be able to change the file.
        POSTGRES_SSLKEY_FILE: FilePath = FilePath { default: None };
        /// Which of several servers is used: `target_session_attrs`. The server writes, so the other words of libpq are refused.
        POSTGRES_TARGET_SESSION_ATTRS: Text =
            text("`any`, `read-write` or `primary`", "`read-write` with several servers, otherwise `any`");
        /// Whether the sign-in is bound to the encrypted connection (SCRAM-SHA-256-PLUS): `channel_binding`.
        POSTGRES_CHANNEL_BINDING: Text = text("`disable`, `prefer` or `require`", "`prefer`");
    }
    "Secrets" {
        /// The secret from which the keys of access tokens and refresh tokens are derived. At least 32 bytes in production.
        JWT_SECRET_KEY: Secret = Secret { without: "required" }, reloadable;
        /// The secret that will follow `JWT_SECRET_KEY`; see `docs/operation/keys.md`. Tokens that are signed with its keys are
        /// accepted. `portcullis keys` adds the time since which it is here, after an `@`.
        JWT_NEXT_SECRET_KEY: Secret = Secret { without: "none" }, reloadable;
        /// Retired values of `JWT_SECRET_KEY`, separated by commas. Tokens that were signed with their keys are still accepted.
        /// `portcullis keys` adds to each value the time of its end, after an `@`.
        JWT_PREVIOUS_SECRET_KEYS: Secret = Secret { without: "none" }, reloadable;
        /// The algorithm of new access tokens. With `EdDSA` (Ed25519), other services can verify access tokens with the public
        /// keys at `/.well-known/jwks.json`, which are there with `HS256`, too. Tokens of the other algorithm stay valid until
        /// they expire.
        JWT_ALGORITHM: Word = Word(&[TokenAlgorithm::Hs256.as_str(), TokenAlgorithm::EdDsa.as_str()]), reloadable;
        /// The secret from which the keys of CSRF tokens, device cookies and the cookies of browsers before sign-in are
        /// derived. At least 32 bytes in production.
        CSRF_SECRET_KEY: Secret = Secret { without: "required" }, reloadable;
        /// The secret that will follow `CSRF_SECRET_KEY`, in the form of `JWT_NEXT_SECRET_KEY`.
        CSRF_NEXT_SECRET_KEY: Secret = Secret { without: "none" }, reloadable;
        /// Retired values of `CSRF_SECRET_KEY`, in the form of `JWT_PREVIOUS_SECRET_KEYS`. What was signed with their keys is
        /// still accepted.
        CSRF_PREVIOUS_SECRET_KEYS: Secret = Secret { without: "none" }, reloadable;
        /// The secret from which further keys are derived. These keys hash identifiers and backup codes, and encrypt secrets in
        /// the database. At least 32 bytes in production.
        DATA_ENCRYPTION_KEY: Secret = Secret { without: "required" }, reloadable;
        /// The secret that will follow `DATA_ENCRYPTION_KEY`, in the form of `JWT_NEXT_SECRET_KEY`.
        DATA_ENCRYPTION_NEXT_KEY: Secret = Secret { without: "none" }, reloadable;
        /// Retired values of `DATA_ENCRYPTION_KEY`, in the form of `JWT_PREVIOUS_SECRET_KEYS`. Data that was encrypted with
        /// their keys can still be used. A job encrypts this data anew with the current key.
        DATA_ENCRYPTION_PREVIOUS_KEYS: Secret = Secret { without: "none" }, reloadable;
        /// A key of the server API with every right, for tests and small installations. At least 16 bytes in production.
        /// `portcullis key` creates further keys.
        API_KEY: Secret = Secret { without: "none" };
    }
    "Names, origins and cookies" {
        /// The name of the server: issuer and audience of its tokens.
        DOMAIN: Text = text("domain", "required (`dev`: `localhost`)");
        /// The origins of pages that may call the server, compared letter by letter. While the server has pages of its own
        /// (`PAGES`), `https://` and `DOMAIN` is always among them.
        CORS_ALLOWED_ORIGINS: List = List { item: "origins", without: "none" };
        /// Further headers that pages of `CORS_ALLOWED_ORIGINS` may send. The headers of this server and of tracing
        /// (`traceparent`, `tracestate`, `baggage`, `sentry-trace`) are always allowed.
        CORS_ALLOWED_HEADERS: List = List { item: "names of headers", without: "none" };
        /// The domain of cookies: `DOMAIN` or a parent of it. Without a value, cookies belong to one host.
        COOKIE_DOMAIN: Text = text("domain", "none");
        /// Whether scripts may read the cookie of the access token.
        ACCESS_COOKIE_READABLE: Flag = Flag { default: false };
        /// Whether answers carry security headers.
        SECURITY_HEADERS_ENABLED: Flag = Flag { default: true };
        /// Whether browsers must use TLS for all hosts below this server's name as well, for two years
        /// (`Strict-Transport-Security` with `includeSubDomains`).
        HSTS_SUBDOMAINS: Flag = Flag { default: false };
        /// The proxies in front of this server: their addresses or networks. `X-Forwarded-For` is trusted only from them. All
        /// clients of a proxy that is missing here appear to have the proxy's address.
        TRUSTED_PROXIES: List = List { item: "addresses or networks, such as `10.0.0.0/8`", without: "none" }, reloadable;
        /// The domain that passkeys belong to.
        WEBAUTHN_RP_ID: Text = text("domain", "the value of `DOMAIN`");
        /// The name that browsers show when they ask for a passkey.
        WEBAUTHN_RP_NAME: Text = Text { form: "text", default: Some("Portcullis"), without: "", secret: false };
        /// The origins of pages that may ask for passkeys, and of Android apps (`android:apk-key-hash:` and 43 characters).
        WEBAUTHN_ORIGINS: List = List {
            item: "origins",
            without: "the origins of `CORS_ALLOWED_ORIGINS` at or below `WEBAUTHN_RP_ID`; if there are none, `https://` and that domain",
        };
    }
    "Pages" {
        /// Whether the server has pages for people: sign-in, account, chat and console. The interface works without them.
        PAGES: Word = Word(&["on", "off"]);
        /// The address of a listener of its own for the console, which the other listeners then do not serve. It uses TLS if the
        /// server has a certificate. Its origin must be in `CORS_ALLOWED_ORIGINS`.
        CONSOLE_ADDR: Text = text("address and port", "none: every listener serves the console");
        /// A directory like `web/` of the sources, whose files are served instead of those in the program, and read with each
        /// request. For the development of pages: not in production.
        PORTCULLIS_ASSETS_DIR: FilePath = FilePath { default: None };
    }
    "Accounts and sessions" {
        /// Whether new users may register.
        REGISTRATION: Word = Word(&["open", "closed"]);
        /// Whether a new user must confirm the e-mail address before the first sign-in. Until then the account is `pending`.
        REQUIRE_EMAIL_VERIFICATION: Flag = Flag { default: false };
        /// A session that is unused for this long, and has no open socket, ends.
        SESSION_TIMEOUT_MINUTES: Number =
            number(Unit::Minutes, || Unit::Minutes.amount(SessionLimits::default().idle), 1, TEN_YEARS_IN_MINUTES);
        /// The longest life of a session, counted from the sign-in.
        SESSION_ABSOLUTE_DAYS: Number =
            number(Unit::Days, || Unit::Days.amount(SessionLimits::default().absolute), 1, TEN_YEARS_IN_DAYS);
        /// How long a refresh token may stay unused. Every refresh starts this period anew, up to the end of the session.
        REFRESH_TOKEN_DAYS: Number =
            number(Unit::Days, || Unit::Days.amount(SessionLimits::default().refresh), 1, TEN_YEARS_IN_DAYS);
        /// The most sessions of one user. A further sign-in ends the oldest session.
        SESSIONS_PER_USER: Number =
            number(Unit::Count, || u64::from(SessionLimits::default().per_user), 1, 1_000_000);
        /// The most devices of one user. A further device replaces the oldest device that is not trusted and has no session.
        DEVICES_PER_USER: Number =
            number(Unit::Count, || u64::from(SessionLimits::default().devices), 1, 10_000);
        /// How long a request to erase an account waits, so that it can be cancelled. The erasure begins at the earliest an hour
        /// after the request.
        ERASURE_GRACE_DAYS: Number = number(Unit::Days, || Unit::Days.amount(ErasureRules::default().grace), 0, 365);
        /// What happens to the messages of an erased user in channels. `erase`: the content is replaced. `keep`: they stay as they
        /// are. `pseudonymise`: the content stays, under a random name. All nodes must have the same value.
        ERASURE_MESSAGES: Word = Word(&MessagesOfErased::WORDS);
        /// A file in which each erasure is recorded, without personal data. It must outlive the database: after a restore, the
        /// server erases again the accounts that are in this file. See `docs/privacy.md`.
        ERASURES_FILE: FilePath = FilePath { default: None };
        /// Other identity providers whose tokens are accepted; see `docs/issuers.md`.
        TOKEN_ISSUERS: Text = secret_text("JSON array", "none"), reloadable;
        /// The longest life of a token of another identity provider. A token with a longer life is refused. The denial of a
        /// token does not last longer, either.
        ISSUER_TOKEN_DAYS: Number = number(Unit::Days, || 30, 1, TEN_YEARS_IN_DAYS);
        /// Whether a connection without a token is accepted. Such a connection has the rights that namespaces give to
        /// `anonymous`.
        ALLOW_ANONYMOUS: Flag = Flag { default: false }, reloadable;
    }
    "Mail" {
        /// The mail server: `smtps://user:password@host:465` (TLS), `starttls://user:password@host:587` (STARTTLS, which the
        /// server must offer), or `smtp://host:25` without encryption. The user and the password may be missing. Special
        /// characters in them are percent-encoded. Production refuses a connection over a network without encryption.
        SMTP_URL: Text = secret_text("URL", "none: no mail is sent (`dev`: mails are only shown)");
        /// The certificates of the authorities that may sign the certificate of the mail server, in PEM form, in place of those of
        /// the system.
        SMTP_CA_FILE: FilePath = FilePath { default: None };
        /// How long one attempt to send a mail may take.
        SMTP_TIMEOUT_SECONDS: Number =
            number(Unit::Seconds, || Unit::Seconds.amount(SmtpSettings::TIMEOUT), 1, 300);
        /// The sender of mails: an address, or a name and an address, such as `Example <no-reply@example.com>`. The name is also
        /// that of the service in mails.
        MAIL_FROM: Text = text("e-mail address", "`no-reply@` and `DOMAIN`");
        /// A directory with templates of mails, which replace those of the program, and with further languages. See
        /// `docs/mail.md`.
        MAIL_TEMPLATES_DIR: FilePath = FilePath { default: None };
        /// How long a mail that cannot be sent is tried again. A mail whose link has expired is given up earlier.
        MAIL_MAX_AGE_HOURS: Number = number(Unit::Hours, || 24, 1, 168);
        /// How long mails are kept after they were sent or given up. Links are good for at most 7 days; with a shorter period they
        /// end earlier.
        MAIL_RETENTION_DAYS: Number =
            number(Unit::Days, || Unit::Days.amount(RetentionPeriods::default().mails), 1, TEN_YEARS_IN_DAYS);
        /// The address of the pages that links in mails open.
        PUBLIC_URL: Text = text("origin", "`https://` and `DOMAIN` (`dev`: the server itself)");
    }
    "Events for other systems" {
        /// Whether events may be sent to private addresses, to this machine and over plain HTTP; see `docs/events.md`. Without
        /// it, callers that may name a receiver cannot make the server ask machines that only the server can reach.
        EVENTS_INNER_ADDRESSES: Flag = Flag { default: false };
        /// How long one attempt to deliver an event may take.
        EVENTS_TIMEOUT_SECONDS: Number =
            number(Unit::Seconds, || Unit::Seconds.amount(EventSettings::default().timeout), 1, 60);
        /// After this many attempts, an event becomes a dead letter.
        EVENTS_MAX_ATTEMPTS: Number =
            number(Unit::Count, || u64::from(EventSettings::default().max_attempts), 1, 10_000);
        /// After this time, an event that was not delivered becomes a dead letter.
        EVENTS_MAX_AGE_DAYS: Number =
            number(Unit::Days, || Unit::Days.amount(EventSettings::default().max_age), 1, 30);
        /// The most events that wait for one receiver. Above it, the oldest become dead letters, and events of refusals,
        /// connections and channels are dropped.
        EVENTS_BACKLOG: Number =
            number(Unit::Count, || u64::from(EventSettings::default().backlog), 100, 10_000_000);
    }
    "Risk and limits" {
        /// A location database in the MaxMind DB format. It says where an address is.
        GEOIP_DATABASE: FilePath = FilePath { default: None };
        /// A database of networks in the MaxMind DB format. It says to which network an address belongs.
        GEOIP_ASN_DATABASE: FilePath = FilePath { default: None };
        /// From this score on, the user is notified of a sign-in. Scores are 0 to 100, so 101 or more means never.
        RISK_NOTIFY: Number = number(Unit::Count, || u64::from(Thresholds::default().notify), 1, 255);
        /// From this score on, a sign-in needs a second factor. 101 or more means never.
        RISK_SECOND_FACTOR: Number =
            number(Unit::Count, || u64::from(Thresholds::default().second_factor), 1, 255);
        /// From this score on, a sign-in with at least two reasons for risk is refused. 101 or more means never.
        RISK_REFUSE: Number = number(Unit::Count, || u64::from(Thresholds::default().refuse), 1, 255);
        /// How long attempts to sign in are kept. They are deleted in whole months, so an attempt is kept for at most a month
        /// longer.
        ATTEMPTS_RETENTION_DAYS: Number = number(Unit::Days, || 90, 1, TEN_YEARS_IN_DAYS);
        /// How long sessions are kept after their end, including external sessions.
        SESSIONS_RETENTION_DAYS: Number =
            number(Unit::Days, || Unit::Days.amount(RetentionPeriods::default().sessions), 1, TEN_YEARS_IN_DAYS);
        /// How long revocations are kept.
        REVOCATIONS_RETENTION_DAYS: Number =
            number(Unit::Days, || Unit::Days.amount(RetentionPeriods::default().revocations), 1, TEN_YEARS_IN_DAYS);
        /// How long a device without a session is kept after its last use.
        DEVICES_RETENTION_DAYS: Number =
            number(Unit::Days, || Unit::Days.amount(RetentionPeriods::default().devices), 1, TEN_YEARS_IN_DAYS);
        /// How long entries of the audit log are kept. They are deleted in whole months, so an entry is kept for at most a month
        /// longer.
        AUDIT_RETENTION_DAYS: Number =
            number(Unit::Days, || Unit::Days.amount(RetentionPeriods::default().audit), 1, TEN_YEARS_IN_DAYS);
        /// The secret of the key that signs the checkpoints of the audit log. At least 32 bytes in production. Without it, the
        /// database keeps a random key, sealed with `DATA_ENCRYPTION_KEY`.
        AUDIT_SIGNING_KEY: Secret = Secret { without: "a random key in the database" };
        /// Where the checkpoints of the audit log are kept outside of the database: the path of a file, for example on a volume
        /// of another machine, the URL of another database, or `s3://BUCKET/PREFIX` for an object store. Without it, a log that was
        /// cut off together with its checkpoints, or rolled back, is not noticed. See `docs/audit.md`.
        AUDIT_ANCHOR: Text = Text {
            form: "path, URL of a database, or `s3://BUCKET/PREFIX`",
            default: None,
            without: "none",
            secret: true,
        };
        /// With an object store: its URL, without the bucket. Plain HTTP is permitted only to this machine.
        AUDIT_ANCHOR_ENDPOINT: Text = text("https URL", "Amazon S3 in the region");
        /// With an object store: the region, which is part of each signature.
        AUDIT_ANCHOR_REGION: Text =
            Text { form: "text", default: Some("us-east-1"), without: "", secret: false };
        /// With an object store: whether the name of the bucket is in the path of a request or in its host.
        AUDIT_ANCHOR_STYLE: Word = Word(&["path", "virtual-host"]);
        /// With an object store: the id of the key that signs the requests. The key needs the rights to put, get and list objects
        /// below the prefix, and none to delete them.
        AUDIT_ANCHOR_KEY_ID: Text = text("text", "none");
        /// With an object store: the secret of this key.
        AUDIT_ANCHOR_SECRET: Secret = Secret { without: "none" };
        /// With an object store: the certificates that may have signed its certificate, in PEM form, for an authority of your own.
        AUDIT_ANCHOR_CA_FILE: FilePath = FilePath { default: None };
        /// Whether this node drills its own revocations: an account that the server creates signs in, holds a WebSocket and both
        /// streams open, is revoked, and the time until each door is shut is measured. Turn it on when all servers of the
        /// database run a release that knows it; see `docs/operation/drills.md`.
        DRILL: Flag = Flag { default: false };
        /// How often this node drills, with `DRILL=on`. Each time differs by up to a tenth, so that nodes do not drill at once.
        DRILL_INTERVAL_SECONDS: Number = number(Unit::Seconds, || 600, 60, 86_400);
        /// Multiplies every limit per address, for users that share one address.
        ADDRESS_LIMIT_FACTOR: Number =
            Number { unit: Unit::Count, default: || 1, dev: Some(1_000), least: 1, most: 1_000_000 }, reloadable;
        /// How long an address is banned for credential stuffing.
        BAN_MINUTES: Number = number(Unit::Minutes, || 60, 1, TEN_YEARS_IN_MINUTES);
        /// How many password hashes may wait. The number of hashes that run at once is the number of cores minus one, but at
        /// least one. With two cores, the last of 32 waiting hashes waits about half a second.
        PASSWORD_QUEUE: Number = number(Unit::Count, || 32, 1, 1_000_000);
    }
    "Connections and channels" {
        /// Whether the handshake of a WebSocket may carry its token as `?token=`.
        WS_QUERY_TOKEN: Flag = Flag { default: true };
        /// The most sockets on this node. The limit of open files can lower this number.
        CONNECTIONS: Number =
            number(Unit::Count, || ConnectionLimits::default().total as u64, 1, MOST_CONNECTIONS), reloadable;
        /// The most sockets from one address (IPv6: one /64) on this node.
        CONNECTIONS_PER_ADDRESS: Number = Number {
            unit: Unit::Count,
            default: || ConnectionLimits::default().per_address as u64,
            dev: Some(20_000),
            least: 1,
            most: MOST_CONNECTIONS,
        }, reloadable;
        /// The most sockets on this node whose peers have not signed in. Multiplied by `UNAUTHENTICATED_MESSAGE_BYTES`, this is
        /// the memory that such peers can occupy.
        UNAUTHENTICATED_CONNECTIONS: Number =
            number(Unit::Count, || ConnectionLimits::default().unauthenticated as u64, 1, MOST_CONNECTIONS), reloadable;
        /// The most bytes of a WebSocket message, including the input that waits behind it, before the peer has signed in.
        /// Afterwards the limit is 64 KiB. `connect` with its token, and the commands that a client library sends in the same
        /// message, must fit. This is also the limit of the first command of an emulated stream, and of a body of `/emulation`
        /// that does not begin with the `session` of an open stream.
        UNAUTHENTICATED_MESSAGE_BYTES: Number =
            number(Unit::Bytes, || SocketSettings::default().unauthenticated_message as u64, KIB, 64 * KIB);
        /// The most sockets of one user on this node.
        CONNECTIONS_PER_USER: Number = Number {
            unit: Unit::Count,
            default: || ConnectionLimits::default().per_user as u64,
            dev: Some(1_000),
            least: 1,
            most: MOST_CONNECTIONS,
        }, reloadable;
        /// The most sockets of one session on this node.
        CONNECTIONS_PER_SESSION: Number = Number {
            unit: Unit::Count,
            default: || RealtimeSettings::default().connections_per_session as u64,
            dev: Some(1_000),
            least: 1,
            most: MOST_CONNECTIONS,
        }, reloadable;
        /// The most bytes that wait to be written to one peer. If more bytes wait, the connection is closed with 3008. The
        /// lower bound of this setting is above the size of the largest answer.
        CONNECTION_QUEUE_BYTES: Number =
            number(Unit::Bytes, || SocketSettings::default().outbox_bytes as u64, MIB, 1024 * MIB);
        /// What happens to deliveries while this node cannot read revocations, for example because it has lost its database.
        /// `hold`: deliveries wait until the node has carried out the revocations that it missed. `deliver`: deliveries
        /// continue, even to sockets that were revoked in the meantime.
        ON_STALE: Word = Word(&["hold", "deliver"]);
        /// A TOML file with the namespaces of channels; see `docs/channels.md`. Without it, the built-in namespaces apply.
        CHANNELS_FILE: FilePath = FilePath { default: None }, reloadable;
        /// The most bytes of all histories in memory.
        HISTORY_BYTES: Number =
            number(Unit::Bytes, || RealtimeSettings::default().history_bytes as u64, MIB, 64 * TIB);
    }
}

/// Every setting, in the order of the table.
pub(super) fn rows() -> impl Iterator<Item = &'static dyn Row> {
    SECTIONS.iter().flat_map(|(_, rows)| rows.iter().copied())
}
