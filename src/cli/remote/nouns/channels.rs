//! Channels and their messages.

use crate::cli::remote::{
    column::{Cell, Column, at, number, of, text},
    noun::{Form, Kind, Method, Noun, Parameter, Part, REASON, Shown, Verb, field, filter},
};

const CHANNELS: &[Column] = &[
    text("channel", &["/channel"]),
    number("subscribers", &["/subscribers"]),
    number("offset", &["/offset"]),
    number("removed up to", &["/removed_up_to"]),
    at("published", &["/published_at"]),
    at("created", &["/created_at"]),
];

const SUBSCRIBERS: &[Column] = &[
    text("connection", &["/client"]),
    text("user", &["/user"]),
    of("connection info", Cell::Json, &["/conn_info"]),
    of("channel info", Cell::Json, &["/chan_info"]),
];

const MESSAGES: &[Column] = &[
    number("offset", &["/offset"]),
    of("at", Cell::Millis, &["/at_ms"]),
    text("user", &["/publisher/user"]),
    of("tags", Cell::Json, &["/tags"]),
    of("data", Cell::Json, &["/data"]),
];

/// The channel of a list.
const CHANNEL_QUERY: Parameter = Parameter {
    id: "channel",
    help: "The name of the channel.",
    form: Form::Argument,
    part: Part::Query("channel"),
    value: Kind::Text,
};

const ERASED: Shown = Shown::Says(
    "messages removed: {/stored} in the database, {/in_memory} in the memory of this node; more to remove: {/more}",
);

pub(super) const CHANNEL: Noun = Noun {
    name: "channel",
    about: "Lists channels, their subscribers and their messages, and removes messages.",
    verbs: &[
        Verb {
            name: "list",
            about: "Lists the channels with subscribers on the node that answers, or durable channels.",
            method: Method::Get,
            path: "/channels",
            parameters: &[filter("kind", Kind::Word(&["occupied", "durable"]), "Which channels.")],
            shown: Shown::List("channels", CHANNELS),
            asks: None,
        },
        Verb {
            name: "subscribers",
            about: "Lists the subscribers of a channel on the node that answers.",
            method: Method::Get,
            path: "/channels/subscribers",
            parameters: &[CHANNEL_QUERY],
            shown: Shown::List("subscribers", SUBSCRIBERS),
            asks: None,
        },
        Verb {
            name: "history",
            about: "Lists the messages of a channel, the newest first.",
            method: Method::Get,
            path: "/channels/history",
            parameters: &[CHANNEL_QUERY],
            shown: Shown::List("messages", MESSAGES),
            asks: None,
        },
        Verb {
            name: "remove-message",
            about: "Removes one message. Its offset stays.",
            method: Method::Post,
            path: "/channels/messages/remove",
            parameters: &[
                CHANNEL_QUERY.for_part(Part::Body("channel")),
                field("offset", Kind::Number, "The offset of the message.").as_form(Form::Argument),
                REASON,
            ],
            shown: ERASED,
            asks: Some("The message {offset} of {channel} loses its content."),
        },
        Verb {
            name: "erase-messages",
            about: "Removes all messages of a person.",
            method: Method::Post,
            path: "/channels/messages/erase",
            parameters: &[
                field(
                    "user",
                    Kind::Subject,
                    "The number of an account, `email:` and its address, or a subject.",
                )
                .as_form(Form::Argument),
                REASON,
            ],
            shown: ERASED,
            asks: Some("All messages of {user} lose their content."),
        },
    ],
};
