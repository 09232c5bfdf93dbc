//! Webhooks and their deliveries.

use crate::cli::remote::{
    column::{Cell, Column, at, number, of, text},
    noun::{Form, Kind, Method, Noun, Parameter, Part, REASON, Shown, Verb, field, filter, place, switch},
};

const WEBHOOKS: &[Column] = &[
    text("webhook", &["/id"]),
    text("name", &["/name"]),
    text("status", &["/status"]),
    text("url", &["/url"]),
    of("events", Cell::List, &["/events"]),
    at("created", &["/created_at"]),
    text("why", &["/status_reason"]),
];

const DELIVERIES: &[Column] = &[
    text("event", &["/event_id"]),
    text("type", &["/type"]),
    text("state", &["/state"]),
    number("attempts", &["/attempts"]),
    number("status", &["/http_status"]),
    at("occurred", &["/occurred_at"]),
    at("due", &["/due_at"]),
    at("settled", &["/settled_at"]),
    text("failure", &["/failure"]),
];

const WEBHOOK_ID: Parameter =
    place("webhook", Kind::Named("/webhooks", "webhooks"), "The id or the name of the webhook.");

const URL: Parameter = Parameter {
    id: "address",
    help: "Where the events are sent: an `https://` URL.",
    form: Form::Option,
    part: Part::Body("url"),
    value: Kind::Text,
};

const EVENTS: Parameter = field(
    "events",
    Kind::Texts,
    "Groups (`security`, `refusals`, `connections`, `channels`) and types of events, with commas between them.",
);

pub(super) const WEBHOOK: Noun = Noun {
    name: "webhook",
    about: "Creates, lists, changes, tests and deletes webhooks, and sends dead letters again.",
    verbs: &[
        Verb {
            name: "list",
            about: "Lists webhooks.",
            method: Method::Get,
            path: "/webhooks",
            parameters: &[],
            shown: Shown::List("webhooks", WEBHOOKS),
            asks: None,
        },
        Verb {
            name: "show",
            about: "Shows a webhook.",
            method: Method::Get,
            path: "/webhooks/{webhook}",
            parameters: &[WEBHOOK_ID],
            shown: Shown::Fields,
            asks: None,
        },
        Verb {
            name: "create",
            about: "Creates a webhook, and prints its secret once.",
            method: Method::Create,
            path: "/webhooks",
            parameters: &[
                field("name", Kind::Text, "A name that says what the webhook is for.")
                    .as_form(Form::Argument),
                URL.as_form(Form::Argument),
                EVENTS.as_form(Form::RequiredOption),
                REASON,
            ],
            shown: Shown::SaysWithSecret(
                "webhook {/webhook/id} ({/webhook/name}); its secret is not shown again",
                "secret: ",
                "/secret",
            ),
            asks: None,
        },
        Verb {
            name: "change",
            about: "Changes a webhook.",
            method: Method::Patch,
            path: "/webhooks/{webhook}",
            parameters: &[
                WEBHOOK_ID,
                field("name", Kind::Text, "Another name."),
                URL,
                EVENTS,
                field("status", Kind::Word(&["enabled", "paused", "disabled"]), "Whether events are sent."),
                switch("rotate_secret", "Makes a new secret, which is printed once."),
                REASON,
            ],
            shown: Shown::SaysWithSecret(
                "webhook {/webhook/id} ({/webhook/name}) is {/webhook/status}",
                "secret: ",
                "/secret",
            ),
            asks: None,
        },
        Verb {
            name: "delete",
            about: "Deletes a webhook and its waiting events.",
            method: Method::Delete,
            path: "/webhooks/{webhook}",
            parameters: &[WEBHOOK_ID, REASON],
            shown: Shown::Says("webhook {webhook} is deleted"),
            asks: Some("The webhook {webhook} and its waiting events are deleted."),
        },
        Verb {
            name: "test",
            about: "Sends an event to a webhook, which has no other meaning.",
            method: Method::Post,
            path: "/webhooks/{webhook}/test",
            parameters: &[WEBHOOK_ID],
            shown: Shown::Says("event {/event_id} is on its way"),
            asks: None,
        },
        Verb {
            name: "deliveries",
            about: "Lists the deliveries of a webhook.",
            method: Method::Get,
            path: "/webhooks/{webhook}/deliveries",
            parameters: &[
                WEBHOOK_ID,
                filter(
                    "state",
                    Kind::Word(&["pending", "delivered", "dead"]),
                    "Only deliveries in this state.",
                ),
            ],
            shown: Shown::List("deliveries", DELIVERIES),
            asks: None,
        },
        Verb {
            name: "replay",
            about: "Sends dead letters of a webhook again.",
            method: Method::Post,
            path: "/webhooks/{webhook}/replay",
            parameters: &[
                WEBHOOK_ID,
                field("events", Kind::Texts, "The ids of events. Without it, the oldest 1,000 dead letters."),
                REASON,
            ],
            shown: Shown::Says("dead letters that are sent again: {/replayed}"),
            asks: None,
        },
    ],
};
