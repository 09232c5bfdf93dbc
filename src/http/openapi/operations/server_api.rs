//! The server API: `POST /api/{method}`, with one description per method.

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::{
    codes::{API_KEY, BODY_TOO_LARGE, INCOMPLETE_BODY, MALFORMED_JSON, REQUEST_TIMEOUT},
    operation::{Operation, Schemas, post, schema_of},
    section::Section,
};
use crate::http::api::{
    channel_requests::{self, ChannelRequest, Publish},
    connection_requests::{self, Denial, Disconnect, Refresh, Subscribe, UserRequest},
    error::ApiError,
    method::Method,
    results::{self, Broadcast, Closed, Done, Empty, Info, PositionView, Presence, PresenceStatsView},
};
use domain::tokens::subscription_terms::SubscriptionTerms;

/// What the header `X-Centrifugo-Error-Mode: transport` turns error codes into.
const ERROR_STATUSES: [(u16, &str); 8] = [
    (400, "The error of the method, if it is not one of the problems."),
    (401, "The error of the method, if it is not one of the problems."),
    (403, "The error of the method, if it is not one of the problems."),
    (404, "The error of the method."),
    (409, "The error of the method."),
    (416, "The error of the method."),
    (429, "The error of the method, if it is not one of the problems."),
    (500, "The error of the method, if it is not one of the problems."),
];

pub(super) fn section() -> Section {
    let mut operations: Vec<_> = Method::ALL.iter().map(|method| of_method(*method)).collect();
    operations.push(batch());
    Section {
        tag: "Server API",
        about: "For servers, in the form of Centrifugo's server libraries. Errors of a method are answered with 200 and \
                `error`, or as a status with the header `X-Centrifugo-Error-Mode: transport`. Unknown fields are ignored. \
                Methods of Centrifugo that this server does not have are answered with error 108.",
        operations,
    }
}

/// Makes a schema, and adds those that it refers to.
type SchemaOf = fn(&mut Schemas) -> Value;

fn of_method(method: Method) -> Operation {
    let scope = format!("Needs the scope `{}`.", method.scope().as_str());
    let (parameters, result) = shapes(method);
    operation(method.name(), summary(method), &scope).other_body("application/json", parameters).answers_with(
        200,
        "The result, or the error of the method.",
        "application/json",
        |schemas| {
            let error = wrapped("error", &of::<ApiError>(schemas));
            json!({"oneOf": [wrapped("result", &result(schemas)), error]})
        },
    )
}

fn summary(method: Method) -> &'static str {
    match method {
        Method::Publish => "Publishes to a channel.",
        Method::Broadcast => "Publishes to several channels.",
        Method::Presence => "The subscribers of a channel.",
        Method::PresenceStats => "The numbers of subscribers of a channel.",
        Method::History => "The publications of a channel.",
        Method::HistoryRemove => "Removes the publications of a channel.",
        Method::Channels => "The channels that have subscribers.",
        Method::Info => "The nodes of the cluster.",
        Method::Subscribe => "Subscribes connections of a user to a channel.",
        Method::Unsubscribe => "Ends subscriptions of a user's connections.",
        Method::Disconnect => "Closes connections of a user.",
        Method::Refresh => "Extends or ends connections of a user.",
        Method::Connections => "The connections of a user.",
        Method::BlockUser => "Blocks a user.",
        Method::UnblockUser => "Ends the block of a user.",
        Method::RevokeToken => "Revokes a token by its `jti`.",
        Method::InvalidateUserTokens => "Revokes the tokens of a user up to a moment.",
    }
}

/// The parameters and the result of a method.
fn shapes(method: Method) -> (SchemaOf, SchemaOf) {
    match method {
        Method::Publish => (publication_to_one, of::<PositionView<'_>>),
        Method::Broadcast => (publication_to_several, of::<Broadcast>),
        Method::Presence => (of::<ChannelRequest>, of::<Presence<'_>>),
        Method::PresenceStats => (of::<ChannelRequest>, of::<PresenceStatsView>),
        Method::History => (of::<channel_requests::History>, of::<results::History<'_>>),
        Method::HistoryRemove => (of::<ChannelRequest>, of::<Empty>),
        Method::Channels => (of::<channel_requests::Channels>, of::<results::Channels<'_>>),
        Method::Info => (|_| json!({}), of::<Info>),
        Method::Subscribe => (subscription, of::<Done>),
        Method::Unsubscribe => (of_user_and::<ChannelRequest>, of::<Done>),
        Method::Disconnect => (of_user_and::<Disconnect>, of::<Closed>),
        Method::Refresh => (of_user_and::<Refresh<'_>>, of::<Done>),
        Method::Connections => {
            (of_user_and::<connection_requests::Connections<'_>>, of::<results::Connections>)
        }
        Method::BlockUser | Method::InvalidateUserTokens => (of_user_and::<Denial>, of::<Closed>),
        Method::UnblockUser => (of_user_and::<Denial>, of::<Empty>),
        Method::RevokeToken => (denial_of_token, of::<Closed>),
    }
}

fn of<T: ToSchema>(schemas: &mut Schemas) -> Value {
    schema_of::<T>(schemas)
}

fn of_user_and<T: ToSchema>(schemas: &mut Schemas) -> Value {
    json!({"allOf": [of::<UserRequest>(schemas), of::<T>(schemas)]})
}

fn subscription(schemas: &mut Schemas) -> Value {
    let (user, request) = (of::<UserRequest>(schemas), of::<Subscribe>(schemas));
    json!({"allOf": [user, request, of::<SubscriptionTerms>(schemas)]})
}

/// `publish` and `broadcast` share their parameters, and each needs another one.
fn publication_to_one(schemas: &mut Schemas) -> Value {
    json!({"allOf": [of::<Publish<'_>>(schemas), {"required": ["channel"]}]})
}

fn publication_to_several(schemas: &mut Schemas) -> Value {
    json!({"allOf": [of::<Publish<'_>>(schemas), {"required": ["channels"]}]})
}

fn denial_of_token(schemas: &mut Schemas) -> Value {
    json!({"allOf": [of::<Denial>(schemas), {"required": ["uid"]}]})
}

fn wrapped(name: &str, schema: &Value) -> Value {
    json!({"type": "object", "required": [name], "properties": {name: schema}})
}

/// Several methods in one request.
fn batch() -> Operation {
    let command = json!({
        "type": "object", "description": "The name of one method, with its parameters. Another object is an error.",
    });
    let body = json!({
        "type": "object", "required": ["commands"],
        "properties": {
            "commands": {"type": "array", "maxItems": 1_000, "items": command},
            "parallel": {"type": ["boolean", "null"], "description": "Run several commands at the same time."},
        },
    });
    operation("batch", "Carries out several methods.", "Needs the scopes of all methods.")
        .other_body("application/json", |_| body)
        .answers_with(200, "The replies in the order of the commands, or an error.", "application/json", |schemas| {
            let reply = json!({"type": "object", "description": "The result by the name of the method, or `error`."});
            let replies = wrapped("replies", &json!({"type": "array", "items": reply}));
            json!({"oneOf": [replies, wrapped("error", &of::<ApiError>(schemas))]})
        })
}

fn operation(method: &str, summary: &str, about: &str) -> Operation {
    let camel: String =
        method.split('_').map(|word| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..])).collect();
    let mode = json!({"type": "string"});
    let called = post(&format!("/api/{method}"), &format!("api{camel}"), summary)
        .about(about)
        .api_key()
        .header_parameter("X-Centrifugo-Error-Mode", "`transport` turns errors into statuses.", &mode)
        .refuses(API_KEY)
        .refuses(&[MALFORMED_JSON, INCOMPLETE_BODY, REQUEST_TIMEOUT, BODY_TOO_LARGE]);
    ERROR_STATUSES.iter().fold(called, |called, (status, about)| {
        called.answers_with(*status, about, "application/json", schema_of::<ApiError>)
    })
}
