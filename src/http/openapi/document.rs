//! The document: all operations, and the schemas, answers and headers that they refer to.

use std::{collections::BTreeSet, sync::OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    codes,
    operation::{Operation, Schemas, schema_of},
    operations,
    section::Section,
};
use domain::problem::ProblemDocument;

const ABOUT: &str = "The REST interface and the server API. A path with GET also answers HEAD, with the same headers and \
without a body. Every answer has the headers `X-Request-ID`, `Cache-Control`, `Vary` and, unless they are turned off, \
security headers. Pages of the origins in `CORS_ALLOWED_ORIGINS` get the headers of CORS, and OPTIONS answers their preflight \
requests. A listener that only redirects answers 308. Unknown query parameters and unknown fields of bodies are refused, except \
in the server API. Errors are `application/problem+json` (RFC 9457) with a stable `code`; the schema `ProblemCode` says what \
each code means. `CLIENT_CA_FILE` adds the requirement of a client certificate to the paths of operators and of the server API.";

/// The document, as it is served.
pub(crate) struct Served {
    /// JSON without spaces.
    pub(crate) body: Bytes,
    /// The value of `ETag`. It is a weak one, because long answers may be compressed.
    pub(crate) etag: String,
}

/// The document as it is served, built once.
pub(crate) fn served() -> &'static Served {
    static SERVED: OnceLock<Served> = OnceLock::new();
    SERVED.get_or_init(|| {
        let body = Bytes::from(document().to_string());
        let etag = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(&digest(&SHA256, &body).as_ref()[..16]));
        Served { body, etag }
    })
}

/// The OpenAPI document of this server.
#[must_use]
pub fn document() -> Value {
    let sections = operations::sections();
    let (mut paths, mut schemas, mut tags, mut problems) =
        (Map::new(), Schemas::new(), Vec::new(), Map::new());
    let problem = schema_of::<ProblemDocument<'_>>(&mut schemas);
    schemas.insert("ProblemCode".to_owned(), problem_code(&sections));
    link_codes(&mut schemas, &problem);
    for Section { tag, about, operations } in &sections {
        tags.push(json!({"name": tag, "description": about}));
        for operation in operations {
            add(operation, tag, &mut paths, &mut schemas, &mut problems);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problems,
            "securitySchemes": security_schemes(),
            "headers": headers(),
            "parameters": parameters(),
        },
    })
}

/// The document as text for people: one value per line, except for values that fit into a line.
#[must_use]
pub fn readable() -> String {
    let mut text = String::new();
    write_readable(&document(), 0, &mut text);
    text
}

/// The longest line of a value that has parts.
const LINE: usize = 110;

fn write_readable(value: &Value, depth: usize, text: &mut String) {
    let short = value.to_string();
    let (open, close, parts): (char, char, Vec<(String, &Value)>) = match value {
        Value::Object(fields) if short.len() + depth * 2 > LINE => {
            ('{', '}', fields.iter().map(|(name, part)| (format!("{}: ", json!(name)), part)).collect())
        }
        Value::Array(items) if short.len() + depth * 2 > LINE => {
            ('[', ']', items.iter().map(|part| (String::new(), part)).collect())
        }
        _ => return text.push_str(&short),
    };
    text.push(open);
    for (index, (name, part)) in parts.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(depth + 1));
        text.push_str(name);
        write_readable(part, depth + 1, text);
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}

fn add(
    operation: &Operation,
    tag: &str,
    paths: &mut Map<String, Value>,
    schemas: &mut Schemas,
    problems: &mut Map<String, Value>,
) {
    let (method, path) = operation.place();
    let methods = paths.entry(path).or_insert_with(|| json!({}));
    let earlier = methods[method].take();
    assert!(earlier.is_null(), "{method} {path} is described twice");
    methods[method] = operation.object(tag);
    share_problems(&mut methods[method]["responses"], problems);
    for (name, schema) in operation.schemas() {
        let other = schemas.insert(name.clone(), schema.clone());
        let same = other.is_none_or(|other| other == *schema);
        assert!(same, "two types have the schema name {name}; give one of them `#[schema(as = …)]`");
    }
}

/// Moves answers that are only problems to `problems`, because many operations have the same answers. The name of such an answer
/// is made of its content, so a change of one operation changes no name in other operations.
fn share_problems(responses: &mut Value, problems: &mut Map<String, Value>) {
    for answer in responses.as_object_mut().into_iter().flat_map(|answers| answers.values_mut()) {
        let only_problem = answer["content"]
            .as_object()
            .is_some_and(|content| content.len() == 1 && content.contains_key(domain::problem::MEDIA_TYPE));
        if only_problem {
            let words = answer["description"].as_str().unwrap_or_default().replace(' ', "");
            let hash = digest(&SHA256, answer.to_string().as_bytes());
            let name = format!("{words}-{}", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..3]));
            let reference = json!({"$ref": format!("#/components/responses/{name}")});
            problems.insert(name, std::mem::replace(answer, reference));
        }
    }
}

/// The schema of all codes that an operation or the listener can answer, with the meaning of each.
fn problem_code(sections: &[Section]) -> Value {
    let of_operations = sections.iter().flat_map(|section| &section.operations).flat_map(Operation::codes);
    let used: BTreeSet<_> = of_operations.chain(codes::OUTSIDE).collect();
    let known = codes::ALL.iter().filter(|code| used.contains(code));
    let mut words: Vec<Value> = Vec::new();
    for code in known {
        let meaning = format!("{}: {}", code.status, code.meaning);
        if let Some(word) = words.iter_mut().find(|word| word["const"] == code.code) {
            word["description"] = json!(format!("{} {meaning}", word["description"].as_str().unwrap_or("")));
        } else {
            words.push(json!({"const": code.code, "description": meaning}));
        }
    }
    json!({"type": "string", "description": "What a program can act on.", "oneOf": words})
}

/// Makes the field `code` of a problem one of the known codes.
fn link_codes(schemas: &mut Schemas, problem: &Value) {
    let name = problem["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    if let Some(schema) = schemas.get_mut(name) {
        schema["properties"]["code"] = json!({"$ref": "#/components/schemas/ProblemCode"});
    }
}

fn security_schemes() -> Value {
    json!({
        "accessToken": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token of a sign-in, in the header `Authorization`. It lives for some minutes.",
        },
        "accessCookie": {
            "type": "apiKey", "in": "cookie", "name": "access_token",
            "description": "The access token, as browsers send it.",
        },
        "refreshCookie": {
            "type": "apiKey", "in": "cookie", "name": "refresh_token",
            "description": "The refresh token, which browsers send only to paths below `/api/v1/auth`.",
        },
        "csrfToken": {
            "type": "apiKey", "in": "header", "name": "X-CSRF-Token",
            "description": "The CSRF token. A request that changes something needs it if its credential is a cookie. \
                            `GET /api/v1/auth/csrf-token` and every sign-in give one.",
        },
        "apiKey": {
            "type": "apiKey", "in": "header", "name": "X-API-Key",
            "description": "A key of the server API, which `portcullis key create` makes.",
        },
        "apiKeyAuthorization": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "A key of the server API, as `apikey` and the key.",
        },
        "apiKeyBearer": {
            "type": "http", "scheme": "bearer",
            "description": "A key of the server API, in the header `Authorization` as a bearer token.",
        },
        "queryToken": {
            "type": "apiKey", "in": "query", "name": "token",
            "description": "An access token in the query, for clients that cannot set headers. Only WebSockets accept it.",
        },
        "ticket": {
            "type": "apiKey", "in": "query", "name": "ticket",
            "description": "A ticket of `POST /api/v1/ws/ticket`, good for one WebSocket and 30 seconds.",
        },
        "clientCertificate": {
            "type": "mutualTLS",
            "description": "If `CLIENT_CA_FILE` is set, operators and the server API need a client certificate as well.",
        },
    })
}

fn headers() -> Value {
    let header = |about: &str, schema: Value| json!({"description": about, "schema": schema});
    let text = || json!({"type": "string"});
    let seconds = || json!({"type": "integer", "minimum": 0});
    json!({
        "RequestId": {
            "description": "The id of the request in the log: that of the request, or a new one.",
            "required": true,
            "schema": {"type": "string", "minLength": 1, "maxLength": 64},
        },
        "WwwAuthenticate": header("The scheme of credentials (RFC 6750, 3).", text()),
        "RetryAfter": header("The seconds after which a retry makes sense.", seconds()),
        "RateLimit": header("What is left of the limit, and when it starts again.", text()),
        "RateLimitPolicy": header("The limit that refused the request, with its quota and window.", text()),
        "SetCookie": header("Sets the cookies `access_token`, `refresh_token`, `csrf_token` and `__Host-device_id`.", text()),
        "SetDeviceCookie": header("Sets the cookie `__Host-device_id`.", text()),
        "SetPresessionCookies": header("May set the cookies `csrf_token` and `__Host-psid`.", text()),
        "RemoveCookies": header("Removes the cookies of the session.", text()),
        "CsrfToken": header("The CSRF token to use from now on, which is also in the cookie `csrf_token`.", text()),
        "ClearSiteData": header("Tells the browser to forget what the page has stored.", text()),
        "Deprecation": header("The date from which the path is deprecated (RFC 9745).", text()),
        "Link": header("The successor of the path.", text()),
        "ETag": header("The version of the content. A request with it in `If-None-Match` gets a 304.", text()),
        "ContentDisposition": header("The name of the file.", text()),
        "IdempotencyReplayed": header(
            "`true` if the answer is that of an earlier request with the same `Idempotency-Key`.",
            json!({"const": "true"}),
        ),
        "CacheControl": header("How long the answer may be kept.", text()),
    })
}

fn parameters() -> Value {
    let parameter = |place: &str, name: &str, about: &str| {
        json!({
            "in": place, "name": name, "required": false, "description": about, "schema": {"type": "string"},
        })
    };
    json!({
        "RequestId": parameter(
            "header", "X-Request-ID",
            "An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text.",
        ),
        "CsrfToken": parameter(
            "header", "X-CSRF-Token",
            "The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent.",
        ),
        "IdempotencyKey": {
            "in": "header", "name": "Idempotency-Key", "required": false,
            "description": "A text that the client chooses for this request. A repetition with the same key and body does nothing, \
                            and gets the first answer again, in which secrets are null.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        },
        "Device": parameter(
            "cookie", "__Host-device_id",
            "The sealed id of the device. In development without TLS, its name is `device_id`.",
        ),
        "Presession": parameter(
            "cookie", "__Host-psid",
            "The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`.",
        ),
    })
}
