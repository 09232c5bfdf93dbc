//! Streams of Security Event Tokens (OpenID SSF 1.0): `/api/v1/ssf`.

use serde_json::json;

use super::super::{
    codes::{
        ADMIN_REQUIRED, API_KEY_REQUIRED, CHANGED_MEANWHILE, Code, INVALID_AUTHORIZATION, INVALID_EVENTS,
        INVALID_NAME, INVALID_REASON, INVALID_STATE, INVALID_STATUS, INVALID_URL, MISSING_ENDPOINT_URL,
        MISSING_STREAM_ID, NOT_FOUND, RECEIVER_DISABLED, TOO_MANY_IDS, TOO_MANY_RECEIVERS, TOO_MANY_STREAMS,
        UNEXPECTED_STREAM_ID, UNSUPPORTED_DELIVERY, VERIFICATION_WAITS,
    },
    operation::{Operation, delete, get, patch, post, put, schema_of},
    section::Section,
};
use crate::http::resources::ssf::{
    PollRequest, PolledView, StatusChange, StatusView, StreamConfiguration, StreamQuery, StreamView,
    TokenKeySet, TransmitterView, Verification,
};

const STREAMS: &str = "/api/v1/ssf/streams";
const STATUS: &str = "/api/v1/ssf/status";

/// The problems of a configuration.
const CONFIGURATION: &[Code] = &[
    INVALID_AUTHORIZATION,
    INVALID_EVENTS,
    INVALID_NAME,
    INVALID_URL,
    MISSING_ENDPOINT_URL,
    UNSUPPORTED_DELIVERY,
];

pub(super) fn section() -> Section {
    Section {
        tag: "Security events",
        about: "Streams of Security Event Tokens (OpenID SSF 1.0) by push (RFC 8935) or polling (RFC 8936). The caller is a key \
                of the server API with the scope `events`, or an operator. A key sees its own streams. Only admins change \
                streams with an access token, and changes with it need a recent sign-in or step-up.",
        operations: [transmitter(), streams(), status()].into_iter().flatten().collect(),
    }
}

fn transmitter() -> Vec<Operation> {
    vec![
        get("/.well-known/ssf-configuration", "ssfConfiguration", "What the transmitter can do.")
            .answers::<TransmitterView>(200, "The configuration.")
            .answer_header(200, "CacheControl", "Cache-Control"),
        get("/.well-known/ssf-jwks.json", "ssfKeySet", "The public keys of Security Event Tokens.")
            .answers_with(200, "The keys.", "application/jwk-set+json", schema_of::<TokenKeySet>)
            .answer_header(200, "CacheControl", "Cache-Control"),
    ]
}

fn streams() -> Vec<Operation> {
    vec![
        get(STREAMS, "ssfReadStreams", "One stream, or all streams of the caller.")
            .api_key_or_operator()
            .query::<StreamQuery>()
            .refuses(&[NOT_FOUND])
            .answers_with(200, "The stream, or without `stream_id` a list.", "application/json", |schemas| {
                let stream = schema_of::<StreamView<'_>>(schemas);
                json!({"oneOf": [&stream, {"type": "array", "items": &stream}]})
            }),
        post(STREAMS, "ssfCreateStream", "Creates a stream.")
            .api_key_or_operator()
            .privileged()
            .body::<StreamConfiguration>()
            .refuses(CONFIGURATION)
            .refuses(&[ADMIN_REQUIRED, UNEXPECTED_STREAM_ID, TOO_MANY_RECEIVERS, TOO_MANY_STREAMS])
            .answers::<StreamView<'_>>(201, "The stream."),
        changed(patch(STREAMS, "ssfChangeStream", "Changes the fields of a stream that the body has.")),
        changed(put(STREAMS, "ssfReplaceStream", "Changes a stream. Missing fields get their defaults.")),
        delete(STREAMS, "ssfDeleteStream", "Deletes a stream with its events.")
            .api_key_or_operator()
            .privileged()
            .query::<StreamQuery>()
            .refuses(&[ADMIN_REQUIRED, MISSING_STREAM_ID, NOT_FOUND])
            .answers_nothing(204, "The stream is deleted."),
    ]
}

fn changed(operation: Operation) -> Operation {
    operation
        .api_key_or_operator()
        .privileged()
        .body::<StreamConfiguration>()
        .refuses(CONFIGURATION)
        .refuses(&[ADMIN_REQUIRED, MISSING_STREAM_ID, NOT_FOUND, CHANGED_MEANWHILE])
        .answers::<StreamView<'_>>(200, "The stream.")
}

fn status() -> Vec<Operation> {
    vec![
        get(STATUS, "ssfReadStatus", "The status of a stream.")
            .api_key_or_operator()
            .query::<StreamQuery>()
            .refuses(&[MISSING_STREAM_ID, NOT_FOUND])
            .answers::<StatusView<'_>>(200, "The status."),
        post(STATUS, "ssfChangeStatus", "Enables, pauses or disables a stream.")
            .api_key_or_operator()
            .privileged()
            .body::<StatusChange>()
            .refuses(&[ADMIN_REQUIRED, NOT_FOUND, INVALID_STATUS, INVALID_REASON, CHANGED_MEANWHILE])
            .answers::<StatusView<'_>>(200, "The status."),
        post("/api/v1/ssf/verify", "ssfVerify", "Sends a verification event over a stream.")
            .api_key_or_operator()
            .body::<Verification>()
            .refuses(&[NOT_FOUND, INVALID_STATE, RECEIVER_DISABLED, VERIFICATION_WAITS])
            .answers_nothing(204, "The event is on its way."),
        post("/api/v1/ssf/poll/{id}", "ssfPoll", "Settles tokens, and returns the next ones.")
            .about(
                "Only a key of the server API may poll. Each token of the answer is a Security Event Token (RFC 8417), a JWT of \
                 the type `secevent+jwt`. Without tokens, the answer waits unless `returnImmediately` is true.",
            )
            .api_key_or_operator()
            .path_id("id", "The id of the stream.")
            .body::<PollRequest>()
            .refuses(&[API_KEY_REQUIRED, TOO_MANY_IDS])
            .answers::<PolledView>(200, "The tokens."),
    ]
}
