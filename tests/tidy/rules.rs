//! Who may know whom: the table that `main.rs` checks.

/// What a room may name: rooms of its own crate, and other crates that are not everybody's.
pub(crate) struct Rule {
    /// A directory or file below the source root; the longest that fits a file counts.
    pub(crate) room: &'static str,
    /// Rooms of the same crate.
    pub(crate) rooms: &'static [&'static str],
    /// Paths below `portcullis_actors`.
    pub(crate) actors: &'static [&'static str],
    /// Crates of a particular kind (see [`KINDS`]).
    pub(crate) kinds: &'static [&'static str],
}

/// Crates that only some rooms may know. What is not named here, everybody may use.
pub(crate) const KINDS: [(&str, &[&str]); 5] = [
    ("web", &["actix_web", "actix_http", "actix_server", "actix_service", "actix_codec", "actix_tls"]),
    ("sockets", &["actix_web_actors"]),
    ("actors", &["actix", "actix_rt"]),
    ("sql", &["tokio_postgres", "deadpool_postgres", "refinery", "tokio_postgres_rustls"]),
    ("async", &["tokio", "futures_util", "async_trait"]),
];

pub(crate) const EVERY_ROOM: &[&str] = &[
    "app",
    "cli",
    "config",
    "domain",
    "fd_limits",
    "geo",
    "http",
    "lifecycle",
    "postgres",
    "secrets",
    "service",
    "socket",
    "store",
    "telemetry",
    "tls",
];
/// The parts of the actors' crate that a room outside may see.
pub(crate) const ALL_OF_ACTORS: &[&str] =
    &["Realtime", "runtime", "protocol", "id", "close", "audit", "logic"];

pub(crate) const RULES: &[Rule] = &[
    // The composition side: what is put together may know everything it puts together, but does no SQL.
    Rule { room: "src/main.rs", rooms: EVERY_ROOM, actors: &[], kinds: &[] },
    Rule { room: "src/lib.rs", rooms: EVERY_ROOM, actors: ALL_OF_ACTORS, kinds: &[] },
    Rule { room: "src/app", rooms: EVERY_ROOM, actors: ALL_OF_ACTORS, kinds: &["web", "actors", "async"] },
    Rule { room: "src/cli", rooms: EVERY_ROOM, actors: ALL_OF_ACTORS, kinds: &["web", "async"] },
    Rule {
        room: "src/lifecycle.rs",
        rooms: EVERY_ROOM,
        actors: ALL_OF_ACTORS,
        kinds: &["web", "actors", "async"],
    },
    // Settings name the types of what they set.
    Rule {
        room: "src/config",
        rooms: &["config", "domain", "geo", "socket", "store", "secrets"],
        actors: &["runtime", "protocol", "id"],
        kinds: &[],
    },
    // The file of channels says what their rules are.
    Rule { room: "src/config/channels.rs", rooms: &["config"], actors: &["logic"], kinds: &[] },
    Rule { room: "src/fd_limits.rs", rooms: &[], actors: &[], kinds: &[] },
    Rule { room: "src/telemetry.rs", rooms: &["config"], actors: &[], kinds: &[] },
    Rule { room: "src/secrets.rs", rooms: &[], actors: &[], kinds: &[] },
    Rule { room: "src/tls.rs", rooms: &["secrets"], actors: &[], kinds: &[] },
    Rule { room: "src/geo.rs", rooms: &["domain"], actors: &[], kinds: &[] },
    // The doors. Neither knows the store; rows reach them through the services.
    // The server API speaks of channels and publications.
    Rule {
        room: "src/http/api",
        rooms: &["http", "service", "domain"],
        actors: &["runtime", "protocol", "logic", "id", "close"],
        kinds: &["web", "async"],
    },
    Rule {
        room: "src/http",
        rooms: &["http", "service", "domain"],
        actors: &["id", "close"],
        kinds: &["web", "async"],
    },
    Rule {
        room: "src/socket",
        rooms: &["socket", "service", "domain"],
        actors: ALL_OF_ACTORS,
        kinds: &["web", "actors", "async"],
    },
    Rule {
        room: "src/socket/websocket/actor.rs",
        rooms: &["socket", "service", "domain"],
        actors: ALL_OF_ACTORS,
        kinds: &["web", "sockets", "actors", "async"],
    },
    Rule {
        room: "src/service",
        rooms: &["service", "domain", "geo", "store"],
        actors: &["Realtime", "runtime", "protocol", "logic", "id", "close", "audit"],
        kinds: &["async"],
    },
    // The journal keeps publications as the protocol has them.
    Rule {
        room: "src/store/journal",
        rooms: &["store", "domain"],
        actors: &["id", "logic", "protocol"],
        kinds: &["sql", "async"],
    },
    Rule {
        room: "src/store",
        rooms: &["store", "domain"],
        // What is denied is a rule of the actors' logic; here it is rows.
        actors: &["id", "close", "audit", "logic"],
        kinds: &["sql", "async"],
    },
    // Pure rules of both crates: what a limit is, is said once.
    Rule { room: "src/domain/throttle.rs", rooms: &["domain"], actors: &["id", "logic"], kinds: &[] },
    Rule { room: "src/domain/risk.rs", rooms: &["domain"], actors: &["logic"], kinds: &[] },
    Rule { room: "src/domain/problem.rs", rooms: &["domain"], actors: &["logic"], kinds: &[] },
    // What a token of another issuer grants is said in the terms of channels.
    Rule {
        room: "src/domain/issuer",
        rooms: &["domain"],
        actors: &["id", "logic", "protocol", "runtime"],
        kinds: &[],
    },
    Rule {
        room: "src/domain/subscription_terms.rs",
        rooms: &["domain"],
        actors: &["logic", "protocol"],
        kinds: &[],
    },
    Rule { room: "src/domain", rooms: &["domain"], actors: &["id", "close"], kinds: &[] },
    // The one question to the private server before the store can connect.
    Rule { room: "src/postgres", rooms: &["postgres"], actors: &[], kinds: &["sql", "async"] },
    // The actors' crate knows neither SQL nor HTTP, and its logic no actors.
    Rule {
        room: "actors/src/runtime",
        rooms: &["runtime", "logic", "protocol", "id", "close", "audit"],
        actors: &[],
        kinds: &["actors", "async"],
    },
    Rule { room: "actors/src/logic", rooms: &["logic", "protocol", "id", "close"], actors: &[], kinds: &[] },
    Rule { room: "actors/src/protocol", rooms: &["protocol", "id", "close"], actors: &[], kinds: &[] },
    Rule {
        room: "actors/src",
        rooms: &["runtime", "logic", "protocol", "id", "close", "audit"],
        actors: &[],
        kinds: &[],
    },
];
