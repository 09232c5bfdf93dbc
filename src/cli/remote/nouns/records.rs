//! What the server records and shows about itself: the audit log, statistics, and settings.

use crate::cli::remote::{
    column::{Cell, Column, at, number, of, text},
    noun::{Form, Kind, Method, Noun, Parameter, Part, Shown, Verb, filter, program},
};

const EVENTS: &[Column] = &[
    number("entry", &["/index"]),
    at("at", &["/at"]),
    text("outcome", &["/outcome"]),
    text("event", &["/event"]),
    text("user", &["/subject", "/user"]),
    number("actor", &["/actor"]),
    text("address", &["/address"]),
    of("detail", Cell::Json, &["/detail"]),
];

const EVENT: Parameter = filter("event", Kind::Text, "The name of the event, for example `session.opened`.");
const OUTCOME: Parameter =
    filter("outcome", Kind::Word(&["success", "failure", "denied"]), "How the act ended.");
const USER_FILTER: Parameter = filter(
    "user",
    Kind::User,
    "The account that the act concerns (on a server, its address is possible, too).",
);
const ACTOR: Parameter = filter(
    "actor",
    Kind::User,
    "The account that performed the act (on a server, its address is possible, too).",
);
const SINCE: Parameter = filter("since", Kind::Text, "Events from this time on (RFC 3339).");
const UNTIL: Parameter = filter("until", Kind::Text, "Events before this time (RFC 3339).");

pub(super) const AUDIT: Noun = Noun {
    name: "audit",
    about: "Verifies, proves, shows and exports the audit log.",
    verbs: &[
        Verb {
            name: "list",
            about: "Lists entries of the audit log, the newest first.",
            method: Method::Get,
            path: "/audit/events",
            parameters: &[
                EVENT,
                OUTCOME,
                USER_FILTER,
                ACTOR,
                filter("session", Kind::Text, "The session of the act."),
                filter("id", Kind::Text, "The id of the event."),
                SINCE,
                UNTIL,
            ],
            shown: Shown::List("events", EVENTS),
            asks: None,
        },
        Verb {
            name: "tail",
            about: "Shows the newest entries.",
            method: Method::Get,
            path: "/audit/events",
            parameters: &[
                program("lines", Form::Option, Kind::Number, "How many entries."),
                program("follow", Form::Flag, Kind::True, "Waits for further entries."),
                EVENT,
                OUTCOME,
                USER_FILTER,
                ACTOR,
                SINCE,
                UNTIL,
            ],
            shown: Shown::Tail,
            asks: None,
        },
        Verb {
            name: "export",
            about: "Writes entries to standard output, one line of JSON per entry: the leaves of the tree.",
            method: Method::Get,
            path: "/audit/export",
            parameters: &[
                EVENT,
                OUTCOME,
                USER_FILTER,
                ACTOR,
                filter("from", Kind::Number, "The number of the first entry."),
                filter("readable", Kind::True, "Writes the personal fields in the clear.")
                    .as_form(Form::Flag),
                Parameter {
                    id: "reason",
                    help: "With --readable: why the personal fields are needed. It is kept in the audit log.",
                    form: Form::Option,
                    part: Part::Query("reason"),
                    value: Kind::ReasonWith("readable"),
                },
            ],
            shown: Shown::Document,
            asks: None,
        },
        Verb {
            name: "prove",
            about: "Proves that an entry is in the log.",
            method: Method::Get,
            path: "/audit/proofs/inclusion",
            parameters: &[
                Parameter {
                    id: "entry",
                    help: "The number of the entry, or the id of the event.",
                    form: Form::Argument,
                    part: Part::Query("index"),
                    value: Kind::Entry,
                },
                filter("size", Kind::Number, "The number of entries of the tree."),
            ],
            shown: Shown::Proof,
            asks: None,
        },
        Verb {
            name: "consistency",
            about: "Proves that the log continues an earlier state of it.",
            method: Method::Get,
            path: "/audit/proofs/consistency",
            parameters: &[
                filter("from", Kind::Number, "The number of entries of the earlier state.")
                    .as_form(Form::Argument),
                filter("to", Kind::Number, "The number of entries of the later state.")
                    .as_form(Form::OptionalArgument),
            ],
            shown: Shown::Proof,
            asks: None,
        },
        Verb {
            name: "checkpoint",
            about: "Prints the newest checkpoint.",
            method: Method::Get,
            path: "/api/v1/audit/checkpoint",
            parameters: &[],
            shown: Shown::Document,
            asks: None,
        },
        Verb {
            name: "key",
            about: "Prints the key with which checkpoints are verified.",
            method: Method::Get,
            path: "/api/v1/audit/key",
            parameters: &[],
            shown: Shown::Document,
            asks: None,
        },
    ],
};

pub(super) const STATISTICS: Noun = Noun {
    name: "statistics",
    about: "Shows figures over time.",
    verbs: &[Verb {
        name: "",
        about: "Shows figures over time.",
        method: Method::Get,
        path: "/statistics",
        parameters: &[
            Parameter {
                id: "series",
                help: "What is counted: `sign_ins`, `refreshes`, `limits`, `revocations`, `sessions_revoked`, `sessions`, `connections`, `connected_users`; several with commas between them.",
                form: Form::Argument,
                part: Part::Query("series"),
                value: Kind::Joined,
            },
            filter("from", Kind::Text, "The beginning (RFC 3339). Without it, an hour before the end."),
            filter("to", Kind::Text, "The end (RFC 3339). Without it, now."),
            filter("step", Kind::Number, "The length of a period, in seconds."),
        ],
        shown: Shown::Statistics,
        asks: None,
    }],
};

const SETTINGS_COLUMNS: &[Column] = &[
    text("setting", &["/name"]),
    text("value", &["/value"]),
    text("default", &["/default"]),
    text("source", &["/source/kind"]),
    text("redacted", &["/redacted"]),
    text("reload", &["/reloadable"]),
    text("problem", &["/problem"]),
];

pub(super) const SETTINGS: Noun = Noun {
    name: "settings",
    about: "Shows the settings in effect on the node that answers.",
    verbs: &[Verb {
        name: "",
        about: "Shows the settings in effect on the node that answers.",
        method: Method::Get,
        path: "/settings",
        parameters: &[],
        shown: Shown::Whole("settings", SETTINGS_COLUMNS),
        asks: None,
    }],
};

pub(super) const NODE: Noun = Noun {
    name: "node",
    about: "Shows what the node that answers does now.",
    verbs: &[Verb {
        name: "",
        about: "Shows what the node that answers does now.",
        method: Method::Get,
        path: "/node",
        parameters: &[],
        shown: Shown::Fields,
        asks: None,
    }],
};
