//! Mails to users.

use crate::cli::remote::{
    column::{Column, at, number, text},
    noun::{Kind, Method, Noun, REASON, Shown, Verb, filter, place},
};

const MAILS: &[Column] = &[
    text("mail", &["/id"]),
    text("kind", &["/kind"]),
    number("user", &["/user"]),
    text("address", &["/address"]),
    text("state", &["/state"]),
    number("attempts", &["/attempts"]),
    at("created", &["/created_at"]),
    at("settled", &["/settled_at"]),
    text("failure", &["/failure"]),
];

pub(super) const MAIL: Noun = Noun {
    name: "mail",
    about: "Lists the mails to users, and sends them again.",
    verbs: &[
        Verb {
            name: "list",
            about: "Lists mails, newest first.",
            method: Method::Get,
            path: "/mail",
            parameters: &[
                filter(
                    "state",
                    Kind::Word(&["waiting", "sending", "sent", "failed", "expired"]),
                    "Only mails in this state.",
                ),
                filter("kind", Kind::Text, "Only mails of this kind, for example `reset_password`."),
                filter(
                    "user",
                    Kind::User,
                    "Only mails to this user: the address or the number of the account.",
                ),
                filter("address", Kind::Text, "Only mails to this address."),
            ],
            shown: Shown::List("mails", MAILS),
            asks: None,
        },
        Verb {
            name: "send-again",
            about: "Sends a mail again.",
            method: Method::Post,
            path: "/mail/{mail}/send-again",
            parameters: &[place("mail", Kind::Text, "The id of the mail."), REASON],
            shown: Shown::Says("mail {mail} to {/mail/address} is on its way"),
            asks: None,
        },
    ],
};
