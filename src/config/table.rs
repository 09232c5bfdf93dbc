//! The table of settings: every variable with its type, unit, default, bounds and meaning. A default that another room owns is
//! taken from there, so that each default is written once.
//!
//! The limits `LIMIT_<NAME>` have a table of their own, `domain::abuse::throttle`, because metrics and answers use their names,
//! too.

use actors::runtime::RealtimeSettings;
use domain::{retention::RetentionPeriods, risk::Thresholds, session::SessionLimits};
use store::DatabaseSettings;

use super::setting::{FilePath, Flag, List, Number, Row, Secret, Setting, Text, Unit, Word};
use crate::socket::{ConnectionLimits, SocketSettings};

/// Default port of plain HTTP.
pub(crate) const HTTP_PORT: u16 = 8000;
/// Default port of TLS.
pub(crate) const HTTPS_PORT: u16 = 8443;
/// Default directory of the server's own files.
pub(crate) const DATA_DIRECTORY: &str = "./data";

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const TIB: u64 = 1024 * 1024 * MIB;
/// A longer period is a mistake. The bound also keeps sums of times and durations far from an overflow.
const TEN_YEARS_IN_DAYS: u64 = 3650;
const TEN_YEARS_IN_MINUTES: u64 = TEN_YEARS_IN_DAYS * 24 * 60;
/// More connections than one machine can hold.
const MOST_CONNECTIONS: u64 = 100_000_000;

/// The largest count of a limit.
pub(super) const LIMIT_COUNT_MAX: u32 = 1_000_000_000;
/// The longest period of a limit, in seconds: a year.
pub(super) const LIMIT_SECONDS_MAX: u64 = 365 * 24 * 60 * 60;

/// Makes one `static` from each row, and [`SECTIONS`] from all rows.
macro_rules! table {
    ($($section:literal { $($(#[doc = $about:literal])+ $name:ident: $kind:ty = $value:expr;)+ })+) => {
        $($(
            $(#[doc = $about])+
            pub(super) static $name: Setting<$kind> =
                Setting { name: stringify!($name), about: concat!($($about),+), kind: $value };
        )+)+

        /// Every setting, by section.
        pub(super) static SECTIONS: &[(&str, &[&dyn Row])] = &[$(($section, &[$(&$name),+])),+];
    };
}

/// A number with the same default under `portcullis dev`.
const fn number(unit: Unit, default: fn() -> u64, least: u64, most: u64) -> Number {
    Number { unit, default, dev: None, least, most }
}

const fn text(form: &'static str, without: &'static str) -> Text {
    Text { form, default: None, without }
}

fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

table! {
    "The process" {
        /// The kind of installation. `development` weakens the rules for secrets and origins.
        ENVIRONMENT: Word = Word(&["production", "development"]);
        /// Whether more is logged. Secrets are never logged.
        DEBUG: Flag = Flag { default: false };
        /// Threads that serve sockets and requests. The default is the number of cores.
        WORKERS: Number = number(Unit::Count, cores, 1, 1024);
        /// How long the server still accepts and serves connections after a stop has turned readiness off. Load balancers must
        /// notice within this time.
        DRAIN_DELAY: Number = Number { unit: Unit::Seconds, default: || 5, dev: Some(0), least: 0, most: 3600 };
        /// The time over which a stop spreads the closing of sockets.
        DRAIN_SECONDS: Number = Number { unit: Unit::Seconds, default: || 5, dev: Some(1), least: 0, most: 3600 };
        /// The directory of the server's own files, such as audit events that are not written to the database yet.
        DATA_DIR: FilePath = FilePath { default: Some(DATA_DIRECTORY) };
    }
    "Listening" {
        /// The address to listen on.
        BIND_ADDRESS: Text = Text { form: "IP address", default: Some("0.0.0.0"), without: "" };
        /// The port of plain HTTP. 0 takes any free port.
        API_PORT: Number = number(Unit::Count, || HTTP_PORT as u64, 0, 65_535);
        /// The port of TLS, which is served if there is a certificate. 0 takes any free port.
        TLS_PORT: Number = number(Unit::Count, || HTTPS_PORT as u64, 0, 65_535);
        /// How long an idle connection stays open after an answer. It must be longer than the idle time of a load balancer (often
        /// 60 s), or the server may close a connection that the load balancer is about to use.
        KEEP_ALIVE_SECONDS: Number = number(
            Unit::Seconds,
            || Unit::Seconds.amount(SocketSettings::default().http_timeouts.keep_alive),
            1,
            3600,
        );
        /// The address of `/metrics`, which the public ports do not serve. Choose an address that only the machine itself or the
        /// network of the monitoring can reach.
        METRICS_ADDR: Text = text("address and port", "none (`dev`: a free port on loopback, which is printed)");
        /// The certificate chain for TLS, in PEM form. When the files change, they are read again within a minute.
        TLS_CERT_FILE: FilePath = FilePath { default: None };
        /// The private key of that certificate, in PEM form. Other users must not be able to change the file.
        TLS_KEY_FILE: FilePath = FilePath { default: None };
    }
    "Database" {
        /// The database.
        DATABASE_URL: Text = text("PostgreSQL URL", "required, unless `POSTGRES_HOST` is given");
        /// The most connections of this node to the database. PostgreSQL's `max_connections` must suffice for all nodes and tools.
        DATABASE_CONNECTIONS: Number = number(Unit::Count, || DatabaseSettings::POOL_SIZE as u64, 4, 1_000);
        /// The database server, if there is no `DATABASE_URL`: a name, an address (IPv6, too), or the directory of a Unix
        /// socket. Over a network the connection must be encrypted.
        POSTGRES_HOST: Text = text("host", "none");
        /// The port of the database server.
        POSTGRES_PORT: Number = number(Unit::Count, || 5432, 1, 65_535);
        /// The user of the database.
        POSTGRES_USER: Text = Text { form: "text", default: Some("postgres"), without: "" };
        /// The password of that user.
        POSTGRES_PASSWORD: Secret = Secret { without: "none" };
        /// The name of the database.
        POSTGRES_DB: Text = Text { form: "text", default: Some("portcullis"), without: "" };
    }
    "Secrets" {
        /// Signs access tokens. A key derived from it authenticates refresh tokens. At least 32 bytes in production.
        JWT_SECRET_KEY: Secret = Secret { without: "required" };
        /// Retired values of `JWT_SECRET_KEY`, separated by commas. Tokens that they signed are still accepted.
        JWT_PREVIOUS_SECRET_KEYS: Secret = Secret { without: "none" };
        /// The algorithm of access tokens.
        JWT_ALGORITHM: Word = Word(&["HS256"]);
        /// Authenticates CSRF tokens and the cookies of devices and of sign-ins. At least 32 bytes in production.
        CSRF_SECRET_KEY: Secret = Secret { without: "required" };
        /// Keys the hashes of identifiers, and encrypts secrets in the database. At least 32 bytes in production.
        DATA_ENCRYPTION_KEY: Secret = Secret { without: "required" };
        /// Retired values of `DATA_ENCRYPTION_KEY`, separated by commas. Data that they encrypted can still be read, and is
        /// encrypted with the current key when it is used.
        DATA_ENCRYPTION_PREVIOUS_KEYS: Secret = Secret { without: "none" };
        /// A key of the server API with every right, for tests and small installations. At least 16 bytes in production.
        /// `portcullis key` creates further keys.
        API_KEY: Secret = Secret { without: "none" };
    }
    "Names, origins and cookies" {
        /// The name of the server: issuer and audience of its tokens.
        DOMAIN: Text = text("domain", "required (`dev`: `localhost`)");
        /// The origins of pages that may call the server, compared letter by letter.
        CORS_ALLOWED_ORIGINS: List = List { item: "origins", without: "none" };
        /// Further headers that pages of those origins may send. The headers of this server and of tracing (`traceparent`,
        /// `tracestate`, `baggage`, `sentry-trace`) are always allowed.
        CORS_ALLOWED_HEADERS: List = List { item: "names of headers", without: "none" };
        /// The domain of cookies: `DOMAIN` or a parent of it. Without a value, cookies belong to one host.
        COOKIE_DOMAIN: Text = text("domain", "none");
        /// Whether scripts may read the cookie of the access token.
        ACCESS_COOKIE_READABLE: Flag = Flag { default: false };
        /// Whether answers carry security headers.
        SECURITY_HEADERS_ENABLED: Flag = Flag { default: true };
        /// The proxies in front of this server: their addresses or networks. `X-Forwarded-For` is trusted only from them. All
        /// clients of a proxy that is missing here appear to have the proxy's address.
        TRUSTED_PROXIES: List = List { item: "addresses or networks, such as `10.0.0.0/8`", without: "none" };
        /// The domain that passkeys belong to.
        WEBAUTHN_RP_ID: Text = text("domain", "the value of `DOMAIN`");
        /// The name that browsers show when they ask for a passkey.
        WEBAUTHN_RP_NAME: Text = Text { form: "text", default: Some("Portcullis"), without: "" };
        /// The origins of pages that may ask for passkeys, and of Android apps (`android:apk-key-hash:` and 43 characters).
        WEBAUTHN_ORIGINS: List = List {
            item: "origins",
            without: "the origins of `CORS_ALLOWED_ORIGINS` at or below `WEBAUTHN_RP_ID`, or else `https://` and that name",
        };
    }
    "Accounts and sessions" {
        /// Whether new users may register.
        REGISTRATION: Word = Word(&["open", "closed"]);
        /// Whether the e-mail address of a new user must be confirmed first. Until then the account is `pending`.
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
        /// The most devices of one user. A further device replaces the oldest one that is not trusted and has no session.
        DEVICES_PER_USER: Number =
            number(Unit::Count, || u64::from(SessionLimits::default().devices), 1, 10_000);
        /// Other identity providers whose tokens are accepted; see `docs/issuers.md`.
        TOKEN_ISSUERS: Text = text("JSON array", "none");
        /// The longest life of a token of such a provider. A token with a longer life is refused. The denial of a token lasts no
        /// longer than this, either.
        ISSUER_TOKEN_DAYS: Number = number(Unit::Days, || 30, 1, TEN_YEARS_IN_DAYS);
        /// Whether a connection without a token is accepted, with the rights of `anonymous`.
        ALLOW_ANONYMOUS: Flag = Flag { default: false };
    }
    "Risk and limits" {
        /// A database of places in the MaxMind DB format: where an address is.
        GEOIP_DATABASE: FilePath = FilePath { default: None };
        /// A database of networks in the MaxMind DB format: to which network an address belongs.
        GEOIP_ASN_DATABASE: FilePath = FilePath { default: None };
        /// From this score (of 100) on, the user is notified of a sign-in. 101 or more: never.
        RISK_NOTIFY: Number = number(Unit::Count, || u64::from(Thresholds::default().notify), 1, 255);
        /// From this score on, a sign-in needs a second factor. 101 or more: never.
        RISK_SECOND_FACTOR: Number =
            number(Unit::Count, || u64::from(Thresholds::default().second_factor), 1, 255);
        /// From this score on, a sign-in is refused. 101 or more: never.
        RISK_REFUSE: Number = number(Unit::Count, || u64::from(Thresholds::default().refuse), 1, 255);
        /// How long attempts to sign in are kept. They are deleted by whole months.
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
        /// How long audit events are kept.
        AUDIT_RETENTION_DAYS: Number =
            number(Unit::Days, || Unit::Days.amount(RetentionPeriods::default().audit), 1, TEN_YEARS_IN_DAYS);
        /// Multiplies every limit per address, for users that share one address.
        ADDRESS_LIMIT_FACTOR: Number =
            Number { unit: Unit::Count, default: || 1, dev: Some(1_000), least: 1, most: 1_000_000 };
        /// How long an address is banned for credential stuffing.
        BAN_MINUTES: Number = number(Unit::Minutes, || 60, 1, TEN_YEARS_IN_MINUTES);
        /// The most password hashes that wait. One fewer than the number of cores run at once. With two cores, the last of 32
        /// waits about half a second.
        PASSWORD_QUEUE: Number = number(Unit::Count, || 32, 1, 1_000_000);
    }
    "Connections and channels" {
        /// Whether the handshake of a WebSocket may carry its token as `?token=`.
        WS_QUERY_TOKEN: Flag = Flag { default: true };
        /// The most sockets on this node. The limit of open files can lower it.
        CONNECTIONS: Number =
            number(Unit::Count, || ConnectionLimits::default().total as u64, 1, MOST_CONNECTIONS);
        /// The most sockets from one address (IPv6: one /64).
        CONNECTIONS_PER_ADDRESS: Number = Number {
            unit: Unit::Count,
            default: || ConnectionLimits::default().per_address as u64,
            dev: Some(20_000),
            least: 1,
            most: MOST_CONNECTIONS,
        };
        /// The most sockets on this node whose peers have not signed in. Multiplied by `UNAUTHENTICATED_MESSAGE_BYTES`, this is
        /// the memory that such peers can occupy.
        UNAUTHENTICATED_CONNECTIONS: Number =
            number(Unit::Count, || ConnectionLimits::default().unauthenticated as u64, 1, MOST_CONNECTIONS);
        /// The most bytes of a WebSocket message, including the input that waits behind it, before the peer has signed in.
        /// Afterwards the limit is 64 KiB. `connect` with its token, and the commands that a client library sends in the same
        /// message, must fit. This is also the limit of the first command of an emulated stream, and of a body of
        /// `/emulation` that does not begin with the session of an open stream.
        UNAUTHENTICATED_MESSAGE_BYTES: Number =
            number(Unit::Bytes, || SocketSettings::default().unauthenticated_message as u64, KIB, 64 * KIB);
        /// The most sockets of one user.
        CONNECTIONS_PER_USER: Number = Number {
            unit: Unit::Count,
            default: || ConnectionLimits::default().per_user as u64,
            dev: Some(1_000),
            least: 1,
            most: MOST_CONNECTIONS,
        };
        /// The most sockets of one session on this node.
        CONNECTIONS_PER_SESSION: Number = Number {
            unit: Unit::Count,
            default: || RealtimeSettings::default().connections_per_session as u64,
            dev: Some(1_000),
            least: 1,
            most: MOST_CONNECTIONS,
        };
        /// The most bytes that wait to be written to one peer. Beyond that, the connection is closed with 3008. The lower bound
        /// leaves room for the largest answer.
        CONNECTION_QUEUE_BYTES: Number =
            number(Unit::Bytes, || SocketSettings::default().outbox_bytes as u64, MIB, 1024 * MIB);
        /// What happens to deliveries while this node cannot read revocations, for example because it has lost its database.
        /// `hold`: deliveries wait until the node has carried out the revocations that it missed. `deliver`: deliveries continue,
        /// even to sockets that were revoked in the meantime.
        ON_STALE: Word = Word(&["hold", "deliver"]);
        /// A TOML file with the namespaces of channels; see `docs/channels.md`. Without it, the built-in namespaces apply.
        CHANNELS_FILE: FilePath = FilePath { default: None };
        /// The most bytes of all histories in memory.
        HISTORY_BYTES: Number =
            number(Unit::Bytes, || RealtimeSettings::default().history_bytes as u64, MIB, 64 * TIB);
    }
}

/// Every setting, in the order of the table.
pub(super) fn rows() -> impl Iterator<Item = &'static dyn Row> {
    SECTIONS.iter().flat_map(|(_, rows)| rows.iter().copied())
}
