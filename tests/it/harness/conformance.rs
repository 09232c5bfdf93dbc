//! Checks that the OpenAPI document describes the answers of the tests: the status, and the code of a problem.
//!
//! [`check`] is called for every REST answer of the suite. Paths and methods that the document does not have are ignored here;
//! `openapi.rs` compares the document with the route table.

use std::sync::LazyLock;

use portcullis::http::openapi_document;
use reqwest::Method;
use serde_json::Value;

use super::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi_document);

/// Statuses of proxies in front of the server, and of the redirect to HTTPS.
const OF_OTHERS: [u16; 4] = [308, 502, 504, 505];

/// Fails if the document describes the operation, but not this answer.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    if OF_OTHERS.contains(&answer.status) {
        return;
    }
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    let Some(operation) = item(path).and_then(|item| item.get(&method)) else { return };
    let described = &operation["responses"][answer.status.to_string()];
    let described = described["$ref"].as_str().map_or(described, |reference| {
        DOCUMENT.pointer(reference.trim_start_matches('#')).expect("a described answer")
    });
    let about = format!("{method} {path} was answered with {}: {}", answer.status, answer.text);
    assert!(!described.is_null(), "the document lacks the status: {about}");
    if answer.header("content-type") == Some("application/problem+json") && !answer.code().is_empty() {
        let codes =
            &described["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"];
        let known =
            codes["enum"].as_array().is_some_and(|codes| codes.iter().any(|code| code == answer.code()));
        assert!(known, "the document lacks the code: {about}");
    }
}

/// The description of a path. A path without parameters ranks above one with parameters.
fn item(path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let fits = |template: &str| {
        let (mut wanted, mut given) = (template.split('/'), path.split('/'));
        wanted.by_ref().zip(given.by_ref()).all(|(wanted, given)| wanted == given || wanted.starts_with('{'))
            && template.split('/').count() == path.split('/').count()
    };
    paths.get(path).or_else(|| paths.iter().find(|(template, _)| fits(template)).map(|(_, item)| item))
}
