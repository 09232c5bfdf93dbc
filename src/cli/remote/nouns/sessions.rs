//! Sessions, connections, revocations, and attempts to sign in.

use crate::cli::remote::{
    column::{Cell, Column, at, number, of, text},
    noun::{
        Form, Kind, Method, Noun, Parameter, Part, REASON, Shown, Verb, field, filter, place, program, switch,
    },
};

const USER_FILTER: Parameter = filter("user", Kind::User, "Only of this user (e-mail address or number).");
const SESSION_FILTER: Parameter = filter("session", Kind::Text, "Only this session.");
const DEVICE_FILTER: Parameter = filter("device", Kind::Text, "Only on this device.");
const ADDRESS: Parameter = filter("address", Kind::Text, "Only from this address.");
const NETWORK: Parameter = filter("network", Kind::Text, "Only from this network, for example 192.0.2.0/24.");
const COUNTRY: Parameter = filter("country", Kind::Text, "Only from this country (two letters).");
const SINCE: Parameter = filter("since", Kind::Text, "Only from this time on (RFC 3339).");
const UNTIL: Parameter = filter("until", Kind::Text, "Only before this time (RFC 3339).");
const OLDER: Parameter =
    filter("older_than", Kind::Number, "Only those that are at least so many seconds old.");
const YOUNGER: Parameter =
    filter("younger_than", Kind::Number, "Only those that are at most so many seconds old.");

const SESSIONS: &[Column] = &[
    text("session", &["/id"]),
    text("kind", &["/kind"]),
    text("user", &["/user_id", "/subject"]),
    text("device", &["/device_id"]),
    text("label", &["/device_label"]),
    text("issuer", &["/issuer"]),
    text("method", &["/method"]),
    text("address", &["/address"]),
    text("country", &["/place/country"]),
    at("opened", &["/created_at"]),
    at("last seen", &["/last_seen_at"]),
    number("sockets", &["/open_connections"]),
    at("revoked", &["/revoked_at"]),
    text("cause", &["/revoked_cause"]),
];

/// The targets of a revocation. The server requires exactly one.
const SESSION_TARGET: Parameter = field("session", Kind::Text, "This session.");
const DEVICE_TARGET: Parameter = field("device", Kind::Text, "Every session on a device.");
const USER_TARGET: Parameter =
    field("user", Kind::User, "Every session of a user (e-mail address or number).");
const ALL_TARGET: Parameter = switch("all", "Every session.");

const REVOKED: Shown = Shown::Says(
    "revocation {/revocation_id?none}: sessions ended: {/sessions?all}; sockets closed: {/sockets_closed}, not closed yet: {/pending}; sessions of admins that were left out: {/excluded}; more to end: {/more}",
);

pub(super) const SESSION: Noun = Noun {
    name: "session",
    about: "Lists and revokes sessions.",
    verbs: &[
        Verb {
            name: "list",
            about: "Lists sessions, the newest first.",
            method: Method::Get,
            path: "/sessions",
            parameters: &[
                USER_FILTER,
                Parameter {
                    id: "ended",
                    help: "Also sessions that have ended.",
                    form: Form::Flag,
                    part: Part::Query("active"),
                    value: Kind::NotTrue,
                },
                SESSION_FILTER,
                DEVICE_FILTER,
                filter(
                    "subject",
                    Kind::Text,
                    "Only of this subject, whether or not it is the number of an account.",
                ),
                ADDRESS,
                NETWORK,
                COUNTRY,
                filter("client", Kind::Text, "Only those with this text in the `User-Agent`, in any case."),
                OLDER,
                YOUNGER,
                filter(
                    "sort",
                    Kind::Word(&["-created", "created"]),
                    "The order; `-` in front means descending.",
                ),
            ],
            shown: Shown::List("sessions", SESSIONS),
            asks: None,
        },
        Verb {
            name: "revoke",
            about: "Revokes sessions. `revocation make` has further targets.",
            method: Method::Create,
            path: "/revocations",
            parameters: &[SESSION_TARGET, DEVICE_TARGET, USER_TARGET, ALL_TARGET, REASON],
            shown: REVOKED,
            asks: Some("Sessions end, and their sockets are closed: {session}{device}{user}{all}."),
        },
    ],
};

const CONNECTIONS: &[Column] = &[
    text("connection", &["/client"]),
    text("user", &["/user"]),
    text("session", &["/session"]),
    text("transport", &["/transport"]),
    text("protocol", &["/protocol"]),
    text("address", &["/address"]),
    text("client", &["/app_name"]),
    text("version", &["/app_version"]),
    number("age s", &["/age_seconds"]),
    number("ping ms", &["/ping_round_trip_ms"]),
    number("queued", &["/queued_bytes"]),
    of("channels", Cell::Names, &["/state/channels"]),
];

pub(super) const CONNECTION: Noun = Noun {
    name: "connection",
    about: "Lists the open connections of the node that answers.",
    verbs: &[Verb {
        name: "list",
        about: "Lists open connections, the newest first unless --sort says otherwise.",
        method: Method::Get,
        path: "/connections",
        parameters: &[
            filter(
                "user",
                Kind::Subject,
                "Only of this subject: the number of an account, `email:` and its address, or the name that an external issuer gives.",
            ),
            filter("session", Kind::Text, "Only of this session."),
            DEVICE_FILTER,
            ADDRESS,
            NETWORK,
            filter("transport", Kind::Word(&["websocket", "http_stream", "sse"]), "Only of this transport."),
            filter("protocol", Kind::Word(&["json", "protobuf"]), "Only of this protocol."),
            filter("channel", Kind::Text, "Only with a subscription to this channel."),
            filter(
                "client",
                Kind::Text,
                "Only those with this text in the name and version of the client's library.",
            ),
            filter("country", Kind::Text, "Only those from this country (two letters)."),
            OLDER,
            YOUNGER,
            filter(
                "sort",
                Kind::Word(&["-connected", "connected", "-queued", "-ping"]),
                "The order: the newest, the oldest, the longest queue or the slowest ping first. The last two sort the connections that were examined.",
            ),
        ],
        shown: Shown::List("connections", CONNECTIONS),
        asks: None,
    }],
};

const REVOCATIONS: &[Column] = &[
    number("id", &["/id"]),
    at("at", &["/created_at"]),
    text("scope", &["/scope"]),
    text("target", &["/session", "/device", "/network", "/opened_since", "/subject", "/user"]),
    text("cause", &["/cause"]),
    number("actor", &["/actor"]),
    number("sessions", &["/sessions"]),
    number("excluded", &["/excluded"]),
    text("reason", &["/reason"]),
];

const CAUSES: Kind = Kind::Word(&[
    "revoked",
    "signed_out",
    "password_changed",
    "account_disabled",
    "refresh_reused",
    "device_removed",
    "role_changed",
    "session_expired",
    "session_limit",
    "factor_changed",
    "credential_cloned",
    "drill",
]);

pub(super) const REVOCATION: Noun = Noun {
    name: "revocation",
    about: "Revokes sessions, lists revocations, and shows their progress.",
    verbs: &[
        Verb {
            name: "list",
            about: "Lists revocations of every cause, the newest first.",
            method: Method::Get,
            path: "/revocations",
            parameters: &[
                filter("cause", CAUSES, "Only of this cause."),
                filter(
                    "user",
                    Kind::User,
                    "Only those that ended sessions of this user (e-mail address or number).",
                ),
                filter(
                    "actor",
                    Kind::User,
                    "Only those that this account has requested (e-mail address or number).",
                ),
                SINCE,
            ],
            shown: Shown::List("revocations", REVOCATIONS),
            asks: None,
        },
        Verb {
            name: "show",
            about: "Shows a revocation, and how far each node has carried it out.",
            method: Method::Get,
            path: "/revocations/{revocation}",
            parameters: &[place("revocation", Kind::Number, "The number of the revocation.")],
            shown: Shown::Fields,
            asks: None,
        },
        Verb {
            name: "make",
            about: "Revokes sessions. Give exactly one target.",
            method: Method::Create,
            path: "/revocations",
            parameters: &[
                SESSION_TARGET,
                DEVICE_TARGET,
                USER_TARGET,
                field(
                    "users",
                    Kind::Users,
                    "Every session of these users (e-mail addresses or numbers, with commas between them).",
                ),
                field("address", Kind::Text, "The sessions of accounts with this last known address."),
                field(
                    "network",
                    Kind::Text,
                    "The sessions of accounts with a last known address in this network.",
                ),
                field(
                    "opened_since",
                    Kind::Text,
                    "The sessions of accounts that were opened at this time (RFC 3339) or later.",
                ),
                field("subject", Kind::Text, "The external sessions of this subject."),
                ALL_TARGET,
                switch("lock_password", "With --user or --users: the passwords no longer permit a sign-in."),
                REASON,
            ],
            shown: REVOKED,
            asks: Some(
                "Sessions end, and their sockets are closed: {session}{device}{user}{users}{address}{network}{opened_since}{subject}{all}.",
            ),
        },
    ],
};

pub(super) const DRILL: Noun = Noun {
    name: "drill",
    about: "Drills the revocations of the node that answers, and shows when each door was shut.",
    verbs: &[Verb {
        name: "",
        about: "Drills the revocations of the node that answers, and shows when each door was shut.",
        method: Method::Post,
        path: "/drill",
        parameters: &[REASON],
        shown: Shown::Drill,
        asks: None,
    }],
};

pub(super) const RECEIPT: Noun = Noun {
    name: "receipt",
    about: "Shows and verifies receipts of revocations.",
    verbs: &[
        Verb {
            name: "show",
            about: "Shows the receipt of a revocation.",
            method: Method::Get,
            path: "/revocations/{id}/receipt",
            parameters: &[
                place("id", Kind::Number, "The number of the revocation."),
                program("out", Form::Option, Kind::Text, "Writes the receipt into this file."),
            ],
            shown: Shown::Receipt,
            asks: None,
        },
        Verb {
            name: "verify",
            about: "Verifies a receipt with the key of the audit log.",
            method: Method::Get,
            path: "/api/v1/audit/key",
            parameters: &[
                program("file", Form::Argument, Kind::Text, "The file with the receipt."),
                program("keys", Form::Option, Kind::Texts, "A key of the audit log."),
                program("key_files", Form::Option, Kind::Texts, "A file with a key of the audit log."),
            ],
            shown: Shown::Verified,
            asks: None,
        },
    ],
};

const ATTEMPTS: &[Column] = &[
    at("at", &["/at"]),
    text("outcome", &["/outcome"]),
    text("method", &["/method"]),
    number("user", &["/user_id"]),
    text("address", &["/address"]),
    text("country", &["/place/country"]),
    text("AS", &["/network"]),
    text("browser", &["/browser"]),
    text("system", &["/system"]),
    number("risk", &["/risk/score"]),
    of("reasons", Cell::List, &["/risk/reasons"]),
];

const STUFFED: &[Column] = &[
    number("user", &["/user"]),
    text("email", &["/email"]),
    number("attempts", &["/attempts"]),
    of("outcomes", Cell::List, &["/outcomes"]),
    at("first", &["/first_at"]),
    at("last", &["/last_at"]),
    number("sources", &["/source_count"]),
    number("sessions", &["/open_sessions"]),
    of("from", Cell::List, &["/sources"]),
];

const OUTCOMES: Kind = Kind::Word(&[
    "success",
    "challenged",
    "unknown_account",
    "wrong_password",
    "wrong_factor",
    "inactive_account",
    "superseded",
    "risk_refused",
    "credential_cloned",
    "invalid_passkey",
]);

pub(super) const ATTEMPT: Noun = Noun {
    name: "attempt",
    about: "Lists attempts to sign in, and finds the accounts that a stuffing wave has opened.",
    verbs: &[
        Verb {
            name: "list",
            about: "Lists attempts to sign in to all accounts, the newest first.",
            method: Method::Get,
            path: "/attempts",
            parameters: &[
                filter("outcome", OUTCOMES, "Only with this outcome."),
                USER_FILTER,
                ADDRESS,
                NETWORK,
                COUNTRY,
                SINCE,
                UNTIL,
            ],
            shown: Shown::List("attempts", ATTEMPTS),
            asks: None,
        },
        Verb {
            name: "stuffing",
            about: "Finds the accounts with an attempt with the right password from a source that failed on many accounts.",
            method: Method::Get,
            path: "/attempts/stuffing",
            parameters: &[
                SINCE,
                UNTIL,
                filter("by", Kind::Word(&["address", "network"]), "What a source is."),
                filter("min_failures", Kind::Number, "The least failures of a source."),
                filter("min_accounts", Kind::Number, "The least names with which a source failed."),
                filter(
                    "min_failed_percent",
                    Kind::Number,
                    "The least share of names that failed, in percent.",
                ),
            ],
            shown: Shown::List("accounts", STUFFED),
            asks: None,
        },
    ],
};
