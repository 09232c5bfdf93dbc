//! Bans, keys of the server API, and issuers of tokens.

use crate::cli::remote::{
    column::{Cell, Column, at, of, text},
    noun::{Form, Kind, Method, Noun, Parameter, Part, REASON, Shown, Verb, field, filter, place},
};

const BANS: &[Column] = &[
    text("network", &["/network"]),
    at("until", &["/until"]),
    at("since", &["/created_at"]),
    text("reason", &["/reason"]),
];

const BANNED: Parameter = Parameter {
    id: "address",
    help: "The address, or on a server also a network (203.0.113.0/24).",
    form: Form::Argument,
    part: Part::Body("network"),
    value: Kind::Text,
};

pub(super) const BAN: Noun = Noun {
    name: "ban",
    about: "Bans addresses, lists bans and lifts them.",
    verbs: &[
        Verb {
            name: "add",
            about: "Bans an address or a network. An existing ban is extended, never shortened.",
            method: Method::Create,
            path: "/bans",
            parameters: &[
                BANNED,
                Parameter {
                    id: "minutes",
                    help: "The length of the ban, in minutes.",
                    form: Form::Option,
                    part: Part::Body("until"),
                    value: Kind::MinutesFromNow,
                },
                REASON,
            ],
            shown: Shown::Says("{/network} is banned until {/until}"),
            asks: None,
        },
        Verb {
            name: "list",
            about: "Lists the bans in force.",
            method: Method::Get,
            path: "/bans",
            parameters: &[filter("address", Kind::Text, "Only the bans that refuse this address.")],
            shown: Shown::List("bans", BANS),
            asks: None,
        },
        Verb {
            name: "remove",
            about: "Lifts a ban.",
            method: Method::Post,
            path: "/bans/lift",
            parameters: &[BANNED, REASON],
            shown: Shown::Says("{address} is no longer banned"),
            asks: None,
        },
    ],
};

const KEYS: &[Column] = &[
    text("key", &["/id"]),
    text("name", &["/name"]),
    text("state", &["/state"]),
    at("expires", &["/expires_at"]),
    at("last used", &["/last_used_at"]),
    of("scopes", Cell::List, &["/scopes"]),
];

pub(super) const KEY: Noun = Noun {
    name: "key",
    about: "Creates, lists and revokes keys of the server API.",
    verbs: &[
        Verb {
            name: "create",
            about: "Creates a key and prints it once.",
            method: Method::Create,
            path: "/api-keys",
            parameters: &[
                field("name", Kind::Text, "A name that says what the key is for.").as_form(Form::Argument),
                Parameter {
                    id: "scopes",
                    help: "What the key may do.",
                    form: Form::RequiredOption,
                    part: Part::Body("scopes"),
                    value: Kind::Texts,
                },
                Parameter {
                    id: "days",
                    help: "The number of days after which the key expires.",
                    form: Form::Option,
                    part: Part::Body("expires_at"),
                    value: Kind::DaysFromNow,
                },
                REASON,
            ],
            shown: Shown::SaysWithSecret(
                "key {/id} ({/name}): {/scopes}; expires: {/expires_at?never}; it is not shown again",
                "",
                "/key",
            ),
            asks: None,
        },
        Verb {
            name: "list",
            about: "Lists keys, the newest first.",
            method: Method::Get,
            path: "/api-keys",
            parameters: &[],
            shown: Shown::List("api_keys", KEYS),
            asks: None,
        },
        Verb {
            name: "revoke",
            about: "Revokes a key: from then on it is refused.",
            method: Method::Post,
            path: "/api-keys/{key}/revoke",
            parameters: &[
                place("key", Kind::Named("/api-keys", "api_keys"), "The id or the name of the key."),
                REASON,
            ],
            shown: Shown::Says("key {key} is revoked"),
            asks: Some("Requests with the key {key} are refused from now on."),
        },
    ],
};

const ISSUERS: &[Column] = &[
    text("name", &["/name"]),
    text("issuer", &["/issuer"]),
    text("audience", &["/audience"]),
    text("prefix", &["/user_prefix"]),
    of("uses", Cell::List, &["/uses"]),
    of("algorithms", Cell::List, &["/algorithms"]),
    text("keys", &["/keys/url", "/keys/kind"]),
];

pub(super) const ISSUER: Noun = Noun {
    name: "issuer",
    about: "Lists the external issuers of tokens.",
    verbs: &[Verb {
        name: "list",
        about: "Lists the issuers as the node that answers uses them.",
        method: Method::Get,
        path: "/issuers",
        parameters: &[],
        shown: Shown::Whole("issuers", ISSUERS),
        asks: None,
    }],
};
