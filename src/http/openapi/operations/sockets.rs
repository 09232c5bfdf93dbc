//! WebSockets and emulated streams. Their messages are those of the Centrifuge protocol, which OpenAPI cannot describe.

use domain::request::SOCKET_PATHS;
use serde_json::json;

use super::super::{
    codes::Code,
    codes::{
        ACCOUNT_INACTIVE, BODY_TOO_LARGE, CONNECTION_LIMIT, INVALID_TICKET, INVALID_TOKEN,
        MALFORMED_AUTHORIZATION, MALFORMED_HANDSHAKE, MALFORMED_REQUEST, NOT_FOUND, ORIGIN_NOT_ALLOWED,
        REPEATED_CREDENTIAL, REQUEST_TIMEOUT, SESSION_ENDED, SESSION_EXPIRED, SESSION_REVOKED,
        SESSION_UNKNOWN, TLS_REQUIRED, TOKEN_EXPIRED, TOKEN_REVOKED, TOKENS_INVALIDATED, TOO_MANY_COMMANDS,
        TOO_MANY_REQUESTS, UNAVAILABLE, UNKNOWN_STREAM, UNSUPPORTED_WEBSOCKET_VERSION, UPGRADE_REQUIRED,
        USER_BLOCKED,
    },
    operation::{Operation, get, post},
    section::Section,
};

/// The refusals of a credential of a connection.
const REFUSED: &[Code] = &[
    MALFORMED_AUTHORIZATION,
    REPEATED_CREDENTIAL,
    ORIGIN_NOT_ALLOWED,
    INVALID_TOKEN,
    TOKEN_EXPIRED,
    TOKEN_REVOKED,
    TOKENS_INVALIDATED,
    SESSION_ENDED,
    SESSION_EXPIRED,
    SESSION_REVOKED,
    SESSION_UNKNOWN,
    ACCOUNT_INACTIVE,
    USER_BLOCKED,
    CONNECTION_LIMIT,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
];

pub(super) fn section() -> Section {
    let [own, sdk] = SOCKET_PATHS;
    Section {
        tag: "Connections",
        about: "The messages are those of the Centrifuge protocol, in JSON or Protobuf.",
        operations: vec![
            socket(get(own, "openSocket", "Opens a WebSocket.")),
            socket(get(sdk, "openSocketForSdks", "Opens a WebSocket, at the path of the client libraries.")),
            post("/connection/http_stream", "openStream", "Opens an emulated stream.")
                .about("The body has the first command. The answer is the stream of messages, also for a command that is malformed.")
                .socket()
                .commands()
                .refuses(REFUSED)
                .refuses(&[MALFORMED_REQUEST, BODY_TOO_LARGE, REQUEST_TIMEOUT])
                .answers_with(200, "Messages, one per line.", "application/json", |_| json!({}))
                .also_in(200, "application/octet-stream"),
            get("/connection/sse", "openEvents", "Opens a stream of server-sent events.")
                .socket()
                .query_parameter("cf_connect", "The first command.", true, &json!({"type": "string"}))
                .refuses(REFUSED)
                .refuses(&[MALFORMED_REQUEST, BODY_TOO_LARGE])
                .answers_with(
                    200,
                    "Messages, one per event.",
                    "text/event-stream", |_| json!({}),
                ),
            post("/emulation", "sendCommands", "Passes commands to an emulated stream of the client.")
                .about("The stream is named by the secret that the client got over it.")
                .commands()
                .refuses(&[MALFORMED_REQUEST, BODY_TOO_LARGE, REQUEST_TIMEOUT, ORIGIN_NOT_ALLOWED])
                .refuses(&[UNKNOWN_STREAM, TOO_MANY_COMMANDS])
                .answers_nothing(204, "The commands are passed to the stream."),
        ],
    }
}

fn socket(operation: Operation) -> Operation {
    operation
        .socket()
        .refuses(REFUSED)
        .refuses(&[INVALID_TICKET, TLS_REQUIRED, UPGRADE_REQUIRED, UNSUPPORTED_WEBSOCKET_VERSION])
        .refuses(&[MALFORMED_HANDSHAKE, NOT_FOUND])
        .answers_nothing(101, "The WebSocket is open.")
}
