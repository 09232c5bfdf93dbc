//! The description of the interface: whether it is complete, and how it is served.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use portcullis::{
    http::{openapi_document, readable_openapi_document, route_table},
    socket::emulation,
};
use reqwest::Method;
use serde_json::Value;

use crate::harness::{App, Ask as _};

/// Codes of commands that run beside the server. No request is answered with them.
const OF_COMMANDS: &[&str] = &["ambiguous_user", "development_only", "invalid_user"];

/// Codes in `details` of `/health/ready`, which are no problems.
const OF_NOTICES: &[&str] =
    &["certificate_expired", "certificate_expires_soon", "unnamed_clients", "untrusted_forwarding"];

/// What stands in front of a problem code in the sources.
const BEFORE_CODES: &[&str] = &[
    "Failure::invalid(",
    "Failure::forbidden(",
    "Failure::conflict(",
    "Failure::bad_request(",
    "Problem::bad_request(",
    "Problem::forbidden(",
    "Problem::unprocessable(",
    "Problem::new(",
    "Refusal::Invalid(",
    "Refusal::Forbidden(",
    "Refusal::new(",
    "Self::invalid(",
    "Self::forbidden(",
    "Self::conflict(",
    "Self::bad_request(",
    "Self::new(",
    "Self::unprocessable(",
    "with_detail(",
    "invalid(",
    " code: ",
];

/// The methods and paths of the document. The methods of the server API have one path each; the route table has one for all.
fn described() -> BTreeSet<(String, String)> {
    let document = openapi_document();
    let paths = document["paths"].as_object().expect("paths");
    let methods = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("a path").keys();
        methods.map(move |method| (method.to_uppercase(), path.clone()))
    });
    let is_server_api = |path: &str| path.starts_with("/api/") && !path.starts_with("/api/v1/");
    let united = methods.map(|(method, path)| {
        let path = if is_server_api(&path) { "/api/{method}".to_owned() } else { path };
        (method, path)
    });
    united.collect()
}

#[test]
fn every_route_is_described_and_every_description_has_a_route() {
    let socket = emulation::ROUTES.iter().map(|(method, path)| (*method, (*path).to_owned()));
    let routes = route_table().into_iter().chain(socket).filter(|(method, _)| *method != "HEAD");
    let routes: BTreeSet<_> = routes.map(|(method, path)| (method.to_owned(), path)).collect();
    let described = described();
    let missing: Vec<_> = routes.difference(&described).collect();
    let extra: Vec<_> = described.difference(&routes).collect();
    assert!(missing.is_empty(), "routes without a description in src/http/openapi/operations: {missing:#?}");
    assert!(extra.is_empty(), "descriptions without a route: {extra:#?}");
}

#[test]
fn the_committed_copy_is_the_document() {
    let committed = fs::read_to_string(root().join("docs/openapi.json")).unwrap_or_default();
    let current = format!("{}\n", readable_openapi_document());
    let differs = committed.lines().zip(current.lines()).position(|(old, new)| old != new);
    assert!(committed == current, "docs/openapi.json is not current (line {differs:?}): run `make openapi`");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = openapi_document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a reference inside the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let document = openapi_document();
    let paths = document["paths"].as_object().expect("paths").values();
    let ids: Vec<_> = paths
        .flat_map(|item| item.as_object().expect("a path").values())
        .map(|operation| operation["operationId"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

#[test]
fn the_sources_and_the_document_have_the_same_problem_codes() {
    let emitted = emitted();
    let described = described_codes();
    let ours: BTreeSet<_> = emitted.keys().cloned().collect();
    let missing: Vec<_> = ours.difference(&described).map(|code| (code, &emitted[code])).collect();
    assert!(
        missing.is_empty(),
        "codes that src/http/openapi/codes.rs or every operation lacks: {missing:#?}"
    );
    let sources = sources();
    let unused = described.difference(&ours).filter(|code| !sources.contains(&format!("\"{code}\"")));
    let unused: Vec<_> = unused.collect();
    assert!(unused.is_empty(), "described codes that no source has: {unused:?}");
}

/// The codes that some operation or the listener can answer.
fn described_codes() -> BTreeSet<String> {
    let document = openapi_document();
    let words = document["components"]["schemas"]["ProblemCode"]["oneOf"].as_array().expect("codes").clone();
    words.iter().map(|word| word["const"].as_str().expect("a code").to_owned()).collect()
}

/// The codes that the sources name, each with its file.
fn emitted() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in ["src/http", "src/service", "src/socket"] {
        for file in files(&root().join(folder)) {
            for code in codes_in(&without_tests(&file)) {
                found.insert(code, file.clone());
            }
        }
    }
    found.retain(|code, _| !OF_COMMANDS.contains(&code.as_str()) && !OF_NOTICES.contains(&code.as_str()));
    found
}

/// The problem codes in a source: texts in snake case that stand where a code stands.
fn codes_in(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for before in BEFORE_CODES {
        for (at, _) in source.match_indices(before) {
            let rest = source[at + before.len()..].trim_start();
            let rest = rest
                .strip_prefix("StatusCode::")
                .map_or(rest, |rest| rest.split_once(',').map_or("", |(_, rest)| rest.trim_start()));
            let rest = rest.strip_prefix("status,").map_or(rest, str::trim_start);
            let Some((code, _)) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) else {
                continue;
            };
            let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if !code.is_empty() && code.bytes().all(word) {
                found.push(code.to_owned());
            }
        }
    }
    found
}

/// A source without its unit tests, and without the table of codes.
fn without_tests(file: &Path) -> String {
    let tests = file.to_str().is_some_and(|path| path.ends_with("_tests.rs") || path.contains("/tests/"));
    if tests || file.ends_with("openapi/codes.rs") {
        return String::new();
    }
    let text = fs::read_to_string(file).expect("a source");
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// All sources of the server, without tests and without the table of codes.
fn sources() -> String {
    files(&root().join("src")).iter().map(|file| without_tests(file)).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let found = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

#[tokio::test]
async fn the_document_is_public_and_a_client_that_has_it_gets_a_304() {
    let app = App::start();
    let first = app.get("/openapi.json").ask().await.expect(200);
    assert_eq!(first.body, openapi_document());
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let tag = first.header("etag").expect("a tag").to_owned();
    let known = app.get("/openapi.json").header("if-none-match", &tag).ask().await.expect(304);
    assert_eq!((known.text.as_str(), known.header("etag")), ("", Some(tag.as_str())));
    app.get("/openapi.json").header("if-none-match", "W/\"other\"").ask().await.expect(200);
}

#[tokio::test]
async fn the_viewer_needs_nothing_but_its_own_files() {
    let app = App::start();
    for (path, media) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/viewer.js", "text/javascript; charset=utf-8"),
        ("/docs/viewer.css", "text/css; charset=utf-8"),
    ] {
        let answer = app.get(path).ask().await.expect(200);
        assert_eq!(answer.header("content-type"), Some(media), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        assert!(!answer.text.contains("://"), "{path} names another host");
        app.request(Method::POST, path).ask().await.refused(405, "method_not_allowed");
    }
}
