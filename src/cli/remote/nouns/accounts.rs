//! Users, their devices, and erasures.

use crate::cli::remote::{
    column::{Column, at, number, text},
    noun::{Form, Kind, Method, Noun, Parameter, Part, REASON, Shown, USER, Verb, field, filter, place},
};

const ROLES: Kind = Kind::Word(&["user", "auditor", "operator", "admin"]);
const STATUSES: Kind = Kind::Word(&["pending", "active", "suspended", "deactivated"]);
const PASSWORD: Parameter = field(
    "password",
    Kind::Word(&["generated", "none"]),
    "Whether the account gets a generated password (the default) or none.",
);

const USERS: &[Column] = &[
    number("id", &["/id"]),
    text("role", &["/role"]),
    text("status", &["/status"]),
    text("email", &["/email"]),
    text("name", &["/display_name"]),
    at("created", &["/created_at"]),
    at("last sign-in", &["/last_login_at"]),
];

pub(super) const USER_NOUN: Noun = Noun {
    name: "user",
    about: "Creates, lists and changes users.",
    verbs: &[
        Verb {
            name: "list",
            about: "Lists users.",
            method: Method::Get,
            path: "/users",
            parameters: &[
                filter("role", ROLES, "Only users of this role."),
                filter("status", STATUSES, "Only users of this status."),
                filter("id", Kind::Number, "Only this account."),
                filter("email", Kind::Text, "Only users with an address that begins so, in any case."),
                filter("name", Kind::Text, "Only users with a name that begins so, in any case."),
                filter(
                    "sort",
                    Kind::Word(&["-created", "created", "email", "-email", "name", "-name"]),
                    "The order; `-` in front means descending.",
                ),
            ],
            shown: Shown::List("users", USERS),
            asks: None,
        },
        Verb {
            name: "show",
            about: "Shows a user, with the factors and the numbers of sessions and devices.",
            method: Method::Get,
            path: "/users/{user}",
            parameters: &[USER],
            shown: Shown::Fields,
            asks: None,
        },
        Verb {
            name: "create",
            about: "Creates an active user, and prints the generated password.",
            method: Method::Create,
            path: "/users",
            parameters: &[
                field("email", Kind::Text, "The e-mail address.").as_form(Form::Argument),
                field("role", ROLES, "`user`, `auditor`, `operator` or `admin`."),
                field("display_name", Kind::Text, "The name that other users see."),
                PASSWORD,
                REASON,
            ],
            shown: Shown::SaysWithSecret(
                "created user {/user/id} ({/user/email}, {/user/role})",
                "password: ",
                "/password",
            ),
            asks: None,
        },
        Verb {
            name: "reset-password",
            about: "Gives a user another password, which is printed, and ends every session of the user.",
            method: Method::Create,
            path: "/users/{user}/password-reset",
            parameters: &[USER, PASSWORD, REASON],
            shown: Shown::SaysWithSecret(
                "user {user} has a new password; sessions ended: {/sessions?all}",
                "password: ",
                "/password",
            ),
            asks: Some("The password of user {user} is replaced, and every session of the user ends."),
        },
        Verb {
            name: "reset-factors",
            about: "Removes a user's authenticator app, passkeys and backup codes, and ends every session of the user.",
            method: Method::Post,
            path: "/users/{user}/factor-reset",
            parameters: &[USER, REASON],
            shown: Shown::Says("user {user} no longer has a second factor; sessions ended: {/sessions?all}"),
            asks: Some("User {user} loses every second factor, and every session of the user ends."),
        },
        Verb {
            name: "set-role",
            about: "Changes a user's role. The user's sockets are closed.",
            method: Method::Patch,
            path: "/users/{user}",
            parameters: &[
                USER,
                field("role", ROLES, "`user`, `auditor`, `operator` or `admin`.").as_form(Form::Argument),
                REASON,
            ],
            shown: Shown::Says(
                "user {/id} ({/email}) is now {/role}; sessions affected: {/revocation/sessions?all}",
            ),
            asks: Some("User {user} gets the role {role}, and the user's sockets are closed."),
        },
        Verb {
            name: "set-status",
            about: "Changes a user's status. Every status but `active` ends every session of the user.",
            method: Method::Patch,
            path: "/users/{user}",
            parameters: &[
                USER,
                field("status", STATUSES, "`pending`, `active`, `suspended` or `deactivated`.")
                    .as_form(Form::Argument),
                REASON,
            ],
            shown: Shown::Says(
                "user {/id} ({/email}) is now {/status}; sessions ended: {/revocation/sessions?all}",
            ),
            asks: Some(
                "User {user} gets the status {status}. Every status but active ends the user's sessions.",
            ),
        },
        Verb {
            name: "export",
            about: "Writes everything that the tables hold about a user, as JSON.",
            method: Method::Get,
            path: "/users/{user}/export",
            parameters: &[USER, OUTPUT, REASON.for_part(Part::Query("reason"))],
            shown: Shown::Document,
            asks: None,
        },
        Verb {
            name: "erase",
            about: "Requests the erasure of a user. The account is deactivated, and every session of the user ends at once.",
            method: Method::Post,
            path: "/users/{user}/erasure",
            parameters: &[USER, REASON],
            shown: Shown::Says(
                "user {user} will be erased after {/erasure/due_at}; sessions ended: {/revocation/sessions?all}",
            ),
            asks: Some(
                "User {user} is deactivated, every session of the user ends, and after the period of grace everything about the user is erased.",
            ),
        },
        Verb {
            name: "cancel-erasure",
            about: "Cancels the erasure of a user, if it has not begun.",
            method: Method::Delete,
            path: "/users/{user}/erasure",
            parameters: &[USER, REASON],
            shown: Shown::Says("user {user} will not be erased"),
            asks: None,
        },
    ],
};

/// The file of a document.
const OUTPUT: Parameter = Parameter {
    id: "output",
    help: "The file, which must not exist, instead of standard output.",
    form: Form::Option,
    part: Part::Program,
    value: Kind::Text,
};

const DEVICES: &[Column] = &[
    text("device", &["/id"]),
    text("label", &["/label"]),
    text("trust", &["/trust"]),
    at("until", &["/trusted_until"]),
    text("browser", &["/browser"]),
    text("system", &["/system"]),
    text("address", &["/address"]),
    text("country", &["/place/country"]),
    at("last seen", &["/last_seen_at"]),
    number("sessions", &["/sessions"]),
    number("sockets", &["/open_connections"]),
];

const DEVICE_ID: Parameter = place("device", Kind::Text, "The id of the device.");

pub(super) const DEVICE: Noun = Noun {
    name: "device",
    about: "Lists, distrusts and forgets the devices of a user.",
    verbs: &[
        Verb {
            name: "list",
            about: "Lists the devices of a user. The device that was seen last comes first.",
            method: Method::Get,
            path: "/users/{user}/devices",
            parameters: &[USER],
            shown: Shown::List("devices", DEVICES),
            asks: None,
        },
        Verb {
            name: "show",
            about: "Shows a device.",
            method: Method::Get,
            path: "/users/{user}/devices/{device}",
            parameters: &[USER, DEVICE_ID],
            shown: Shown::Fields,
            asks: None,
        },
        Verb {
            name: "distrust",
            about: "Ends the trust in a device: the next sign-in there needs the second factor.",
            method: Method::Post,
            path: "/users/{user}/devices/{device}/distrust",
            parameters: &[USER, DEVICE_ID, REASON],
            shown: Shown::Says("device {/id} ({/label}) is not trusted; its sessions stay"),
            asks: None,
        },
        Verb {
            name: "forget",
            about: "Ends the sessions of a user on a device, and removes what is known about the device.",
            method: Method::Post,
            path: "/users/{user}/devices/{device}/forget",
            parameters: &[USER, DEVICE_ID, REASON],
            shown: Shown::Says("device {device} is forgotten; sessions ended: {/sessions?all}"),
            asks: Some("The sessions of user {user} on device {device} end, and the device is forgotten."),
        },
    ],
};

const ERASURES: &[Column] = &[
    number("user", &["/user"]),
    text("state", &["/state"]),
    at("requested", &["/requested_at"]),
    text("by", &["/requested_by"]),
    number("actor", &["/actor"]),
    at("due", &["/due_at"]),
    at("erased", &["/erased_at"]),
    text("reason", &["/reason"]),
];

pub(super) const ERASURE: Noun = Noun {
    name: "erasure",
    about: "Lists requests for the erasure of users.",
    verbs: &[Verb {
        name: "list",
        about: "Lists requests for erasures, and finished ones.",
        method: Method::Get,
        path: "/erasures",
        parameters: &[filter(
            "state",
            Kind::Word(&["pending", "erasing", "erased"]),
            "Only erasures in this state.",
        )],
        shown: Shown::List("erasures", ERASURES),
        asks: None,
    }],
};
