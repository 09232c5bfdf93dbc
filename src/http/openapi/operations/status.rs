//! The state of the server: health, keys, the answers to challenges of ACME, and this description.

use serde_json::json;

use super::super::{
    codes::{NOT_FOUND, NOT_READY, UNAVAILABLE},
    operation::{Operation, get, schema_of},
    section::Section,
};
use crate::http::resources::{
    dev_mail::{DevMailView, DevMailbox, MailboxQuery},
    health::{LiveView, ReadyView},
    jwks::KeySet,
};

/// The media type of pages.
const HTML: &str = "text/html; charset=utf-8";

pub(super) fn section() -> Section {
    Section {
        tag: "Server",
        about: "Health, public keys, and this description.",
        operations: vec![
            live("/health", "health"),
            live("/health/live", "live"),
            get("/health/ready", "ready", "Says whether the node should get requests.")
                .refuses(&[NOT_READY])
                .answers::<ReadyView>(200, "The node is ready. `details` is for operators."),
            get("/.well-known/jwks.json", "keySet", "The public keys of access tokens.")
                .answers_with(200, "The keys.", "application/jwk-set+json", schema_of::<KeySet<'_>>)
                .answer_header(200, "CacheControl", "Cache-Control"),
            get("/.well-known/acme-challenge/{token}", "acmeChallenge", "The answer to a challenge of ACME.")
                .path_parameter("token", "The token of the challenge.", &json!({"type": "string"}))
                .refuses(&[NOT_FOUND])
                .answers_with(200, "The answer.", "application/octet-stream", |_| json!({"type": "string"})),
            get("/openapi.json", "openapi", "This document.")
                .header_parameter(
                    "If-None-Match",
                    "The `ETag` of the copy that the client has.",
                    &json!({"type": "string"}),
                )
                .answers_with(200, "The document.", "application/json", |_| json!({"type": "object"}))
                .answer_header(200, "ETag", "ETag")
                .answer_header(200, "CacheControl", "Cache-Control")
                .answers_nothing(304, "The copy of the client is current.")
                .answer_header(304, "ETag", "ETag"),
            get(
                "/dev/mail",
                "developmentMails",
                "The newest mails of a development server, with their links.",
            )
            .about("Only in development. Without `Accept: application/json`, the answer is a page.")
            .query::<MailboxQuery>()
            .refuses(&[NOT_FOUND, UNAVAILABLE])
            .answers::<DevMailbox>(200, "The mails.")
            .also_in(200, HTML),
            get("/dev/mail/{mail}", "developmentMail", "A mail of a development server.")
                .about("Only in development. Without `Accept: application/json`, the answer is a page.")
                .path_id("mail", "The id of the mail.")
                .refuses(&[UNAVAILABLE])
                .answers::<DevMailView>(200, "The mail.")
                .also_in(200, HTML),
            get(
                "/dev/mail/{mail}/html",
                "developmentMailHtml",
                "The HTML of a mail of a development server.",
            )
            .about("Only in development.")
            .path_id("mail", "The id of the mail.")
            .refuses(&[UNAVAILABLE])
            .answers_with(200, "The mail.", HTML, |_| json!({"type": "string"})),
            page("/docs", "docs", "A viewer of this document.", "text/html"),
            page("/docs/viewer.js", "docsScript", "The program of the viewer.", "text/javascript"),
            page("/docs/viewer.css", "docsStyle", "The styles of the viewer.", "text/css"),
        ],
    }
}

fn live(path: &str, id: &str) -> Operation {
    get(path, id, "The process answers.").answers::<LiveView>(200, "It does.")
}

fn page(path: &str, id: &str, summary: &str, media: &str) -> Operation {
    get(path, id, summary)
        .answers_with(200, "The file.", &format!("{media}; charset=utf-8"), |_| json!({"type": "string"}))
        .answer_header(200, "CacheControl", "Cache-Control")
}
