//! [`Operation`]: the description of one method of one path.
//!
//! The files in `operations` write descriptions, and `document` puts them together. Schemas come from the types that handlers
//! read and write (`ToSchema`, `IntoParams`), and the answers with problems from the table in `codes`.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema, openapi::path::ParameterIn};

use super::codes::{self, Code};

const JSON: &str = "application/json";

/// Where the credential of a request is, and which credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// No credential.
    Public,
    /// The access token of a caller.
    Caller,
    /// The access token of a caller, if the request has one.
    Optional,
    /// A refresh token.
    RefreshToken,
    /// An API key.
    ApiKey,
    /// An API key, or the access token of a caller.
    ApiKeyOrCaller,
    /// A credential for a WebSocket or an emulated stream. Clients may also send it later, with the command `connect`.
    Socket,
}

/// The schemas that a description refers to, by name.
pub(super) type Schemas = BTreeMap<String, Value>;

/// The description of one method of one path.
pub(super) struct Operation {
    method: &'static str,
    path: String,
    id: String,
    summary: String,
    description: Option<String>,
    security: Security,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    codes: BTreeSet<Code>,
    schemas: Schemas,
    deprecated: bool,
}

/// The reference to a schema. The schema, and those that it refers to, are added to `schemas`.
pub(super) fn schema_of<T: ToSchema>(schemas: &mut Schemas) -> Value {
    let mut named = Vec::new();
    T::schemas(&mut named);
    named.push((T::name().into_owned(), T::schema()));
    for (name, schema) in named {
        let schema = serde_json::to_value(schema).expect("a schema serialises");
        if let Some(other) = schemas.insert(name.clone(), schema.clone()) {
            assert_eq!(
                other, schema,
                "two types have the schema name {name}; give one of them `#[schema(as = …)]`"
            );
        }
    }
    json!({"$ref": format!("#/components/schemas/{}", T::name())})
}

/// GET. The path also answers HEAD.
pub(super) fn get(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new("get", path, id, summary)
}

/// POST.
pub(super) fn post(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new("post", path, id, summary)
}

/// PUT.
pub(super) fn put(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new("put", path, id, summary)
}

/// PATCH.
pub(super) fn patch(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new("patch", path, id, summary)
}

/// DELETE.
pub(super) fn delete(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new("delete", path, id, summary)
}

impl Operation {
    fn new(method: &'static str, path: &str, id: &str, summary: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            id: id.to_owned(),
            summary: summary.to_owned(),
            description: None,
            security: Security::Public,
            parameters: vec![reference("parameters", "RequestId")],
            body: None,
            answers: BTreeMap::new(),
            codes: codes::EVERY.iter().copied().collect(),
            schemas: Schemas::new(),
            deprecated: false,
        }
    }

    /// The description: what a reader must know in addition to the summary.
    pub(super) fn about(mut self, text: &str) -> Self {
        self.description = Some(text.to_owned());
        self
    }

    /// Marks the operation as deprecated: it still works, and has a successor.
    pub(super) fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// The request needs the access token of a caller. If it changes something and the token is a cookie, it needs a CSRF token.
    pub(super) fn caller(mut self) -> Self {
        self.security = Security::Caller;
        let changes = if self.method == "get" { &[][..] } else { codes::CHANGE };
        self.refuses(codes::CALLER).refuses(changes)
    }

    /// Only operators may send the request.
    pub(super) fn operator(self) -> Self {
        self.caller().refuses(codes::OPERATOR)
    }

    /// Only auditors and admins may send the request.
    pub(super) fn auditor(self) -> Self {
        self.caller().refuses(codes::AUDITOR)
    }

    /// A change by an operator. It needs a recent sign-in or step-up, and a reason.
    pub(super) fn operator_change(self) -> Self {
        self.operator().refuses(codes::OPERATOR_CHANGE)
    }

    /// The request may have an `Idempotency-Key`. A repetition gets the first answer again, without its secrets.
    pub(super) fn idempotent(mut self) -> Self {
        self.parameters.push(reference("parameters", "IdempotencyKey"));
        let statuses: Vec<_> = self.answers.keys().copied().collect();
        statuses.into_iter().fold(self.refuses(codes::IDEMPOTENT), |called, status| {
            called.answer_header(status, "IdempotencyReplayed", "Idempotency-Replayed")
        })
    }

    /// The request needs an API key, or the access token of an operator.
    pub(super) fn api_key_or_operator(self) -> Self {
        let called = self.operator().refuses(codes::API_KEY);
        Self { security: Security::ApiKeyOrCaller, ..called }
    }

    /// The request may have the access token of a caller. A token that is not valid counts as absent.
    pub(super) fn optional_caller(mut self) -> Self {
        self.security = Security::Optional;
        self.refuses(&[codes::MALFORMED_AUTHORIZATION, codes::REPEATED_CREDENTIAL, codes::UNAVAILABLE])
    }

    /// The request changes something, and needs no session. Browsers may send a CSRF token.
    pub(super) fn public_change(mut self) -> Self {
        self.parameters.push(reference("parameters", "CsrfToken"));
        self.parameters.push(reference("parameters", "Presession"));
        self.device().refuses(codes::PUBLIC_CHANGE)
    }

    /// The request is that of a refresh token, in the body or in a cookie.
    pub(super) fn refresh_token(mut self) -> Self {
        self.security = Security::RefreshToken;
        self.device().refuses(codes::CHANGE).refuses(&[codes::NOT_AUTHENTICATED, codes::UNAVAILABLE])
    }

    /// The request needs an API key.
    pub(super) fn api_key(mut self) -> Self {
        self.security = Security::ApiKey;
        self
    }

    /// The request opens a connection.
    pub(super) fn socket(mut self) -> Self {
        self.security = Security::Socket;
        self
    }

    /// The device cookie of the request counts.
    pub(super) fn device(mut self) -> Self {
        self.parameters.push(reference("parameters", "Device"));
        self
    }

    /// The request needs a recent sign-in or step-up.
    pub(super) fn privileged(self) -> Self {
        self.refuses(codes::PRIVILEGED)
    }

    /// Adds codes of problems that this operation can answer.
    pub(super) fn refuses(mut self, codes: &[Code]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// A segment of the path that is an id. Other texts are a 404.
    pub(super) fn path_id(self, name: &str, about: &str) -> Self {
        self.path_parameter(name, about, &json!({"type": "string", "format": "uuid"}))
            .refuses(&[codes::NOT_FOUND])
    }

    /// A segment of the path that is a number of an account. Other texts are a 404.
    pub(super) fn path_account(self, name: &str) -> Self {
        let number = json!({"type": "integer", "format": "int64"});
        self.path_parameter(name, "The number of the account.", &number).refuses(&[codes::NOT_FOUND])
    }

    /// A segment of the path.
    pub(super) fn path_parameter(mut self, name: &str, about: &str, schema: &Value) -> Self {
        self.parameters.push(parameter("path", name, about, true, schema));
        self
    }

    /// A parameter of the query that no type describes.
    pub(super) fn query_parameter(mut self, name: &str, about: &str, required: bool, schema: &Value) -> Self {
        self.parameters.push(parameter("query", name, about, required, schema));
        self
    }

    /// A header of the request that no credential needs.
    pub(super) fn header_parameter(mut self, name: &str, about: &str, schema: &Value) -> Self {
        self.parameters.push(parameter("header", name, about, false, schema));
        self
    }

    /// The parameters of the query. Other parameters are refused.
    pub(super) fn query<T: IntoParams>(mut self) -> Self {
        for one in T::into_params(|| Some(ParameterIn::Query)) {
            let mut parameter = serde_json::to_value(one).expect("a parameter serialises");
            without_null(&mut parameter["schema"]);
            self.parameters.push(parameter);
        }
        self.refuses(&[codes::INVALID_QUERY])
    }

    /// The query of a list that clients read page by page.
    pub(super) fn page<T: IntoParams>(self) -> Self {
        self.query::<T>().refuses(codes::PAGE)
    }

    /// A body in JSON. Other fields are refused.
    pub(super) fn body<T: ToSchema>(self) -> Self {
        self.body_in::<T>(&[JSON], true).refuses(codes::BODY)
    }

    /// A body in JSON that may be missing.
    pub(super) fn optional_body<T: ToSchema>(self) -> Self {
        self.body_in::<T>(&[JSON], false).refuses(codes::BODY)
    }

    /// A body in JSON or in one of the forms of HTML.
    pub(super) fn body_or_form<T: ToSchema>(self) -> Self {
        let media = [JSON, "application/x-www-form-urlencoded", "multipart/form-data"];
        self.body_in::<T>(&media, true).refuses(codes::BODY).refuses(&[codes::MALFORMED_FORM])
    }

    fn body_in<T: ToSchema>(mut self, media: &[&str], required: bool) -> Self {
        let schema = schema_of::<T>(&mut self.schemas);
        let content: Map<_, _> =
            media.iter().map(|media| ((*media).to_owned(), json!({"schema": &schema}))).collect();
        self.body = Some(json!({"required": required, "content": content}));
        self
    }

    /// A body of another form. Additions go to `schema`.
    pub(super) fn other_body(mut self, media: &str, schema: impl FnOnce(&mut Schemas) -> Value) -> Self {
        let schema = schema(&mut self.schemas);
        self.body = Some(json!({"required": true, "content": {media: {"schema": schema}}}));
        self
    }

    /// A body of commands of the Centrifuge protocol. Their errors are answered in the protocol.
    pub(super) fn commands(mut self) -> Self {
        let media = ["application/json", "application/octet-stream"];
        let content: Map<_, _> = media.iter().map(|media| ((*media).to_owned(), json!({}))).collect();
        self.body = Some(json!({"required": false, "content": content}));
        self
    }

    /// An answer in JSON.
    pub(super) fn answers<T: ToSchema>(self, status: u16, about: &str) -> Self {
        self.answers_with(status, about, JSON, schema_of::<T>)
    }

    /// An answer with tokens and cookies, and with the fields of `T` beside the tokens.
    pub(super) fn answers_tokens<Tokens: ToSchema, T: ToSchema>(self, status: u16, about: &str) -> Self {
        let schema =
            |schemas: &mut Schemas| json!({"allOf": [schema_of::<Tokens>(schemas), schema_of::<T>(schemas)]});
        self.answers_with(status, about, JSON, schema)
            .answer_header(status, "SetCookie", "Set-Cookie")
            .answer_header(status, "CsrfToken", "X-CSRF-Token")
    }

    /// An answer of this media type. Additions go to `schema`.
    pub(super) fn answers_with(
        mut self,
        status: u16,
        about: &str,
        media: &str,
        schema: impl FnOnce(&mut Schemas) -> Value,
    ) -> Self {
        let schema = schema(&mut self.schemas);
        let mut answer = empty_answer(about);
        answer["content"] = json!({media: {"schema": schema}});
        self.answers.insert(status, answer);
        self
    }

    /// An answer with all data about a person, as a file.
    pub(super) fn answers_export(self) -> Self {
        self.answers_with(200, "The data.", JSON, |_| json!({"type": "object"}))
            .answer_header(200, "CacheControl", "Cache-Control")
            .answer_header(200, "ContentDisposition", "Content-Disposition")
    }

    /// The answer with this status may also have this media type.
    pub(super) fn also_in(mut self, status: u16, media: &str) -> Self {
        let answer = self.answers.get_mut(&status).expect("the answer is described first");
        answer["content"][media] = json!({});
        self
    }

    /// An answer without a body.
    pub(super) fn answers_nothing(mut self, status: u16, about: &str) -> Self {
        self.answers.insert(status, empty_answer(about));
        self
    }

    /// A header of the answer with this status: the name of its description, and the name of the header.
    pub(super) fn answer_header(mut self, status: u16, component: &str, name: &str) -> Self {
        let answer = self.answers.get_mut(&status).expect("the answer is described first");
        answer["headers"][name] = reference("headers", component);
        self
    }

    /// The method and the path.
    pub(super) fn place(&self) -> (&'static str, &str) {
        (self.method, &self.path)
    }

    /// The codes of the problems that the operation can answer.
    pub(super) fn codes(&self) -> impl Iterator<Item = &Code> {
        self.codes.iter()
    }

    /// The schemas that the description refers to.
    pub(super) fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// The Operation Object (OpenAPI 3.1, 4.8.10).
    pub(super) fn object(&self, tag: &str) -> Value {
        let mut responses: Map<String, Value> =
            self.answers.iter().map(|(status, answer)| (status.to_string(), answer.clone())).collect();
        for status in self.codes.iter().map(|code| code.status).collect::<BTreeSet<_>>() {
            let of_status = self.codes.iter().filter(|code| code.status == status);
            let mut answer = problem(status, of_status);
            if let Some(other) = self.answers.get(&status) {
                merge(&mut answer["content"], &other["content"]);
            }
            responses.insert(status.to_string(), answer);
        }
        let mut object = json!({
            "tags": [tag],
            "operationId": self.id,
            "summary": self.summary,
            "parameters": self.parameters,
            "responses": responses,
            "security": self.security.requirements(self.method != "get"),
        });
        if let Some(description) = &self.description {
            object["description"] = json!(description);
        }
        if let Some(body) = &self.body {
            object["requestBody"] = body.clone();
        }
        if self.deprecated {
            object["deprecated"] = json!(true);
        }
        object
    }
}

impl Security {
    /// The Security Requirement Objects: one of them is enough.
    fn requirements(self, changes: bool) -> Value {
        let cookie =
            if changes { json!({"accessCookie": [], "csrfToken": []}) } else { json!({"accessCookie": []}) };
        match self {
            Self::Public => json!([]),
            Self::Caller => json!([{"accessToken": []}, cookie]),
            Self::Optional => json!([{}, {"accessToken": []}, cookie]),
            Self::RefreshToken => json!([{}, {"refreshCookie": [], "csrfToken": []}]),
            Self::ApiKey => json!([{"apiKey": []}, {"apiKeyAuthorization": []}]),
            Self::ApiKeyOrCaller => json!([
                {"apiKey": []}, {"apiKeyAuthorization": []}, {"apiKeyBearer": []}, {"accessToken": []}, cookie,
            ]),
            Self::Socket => {
                json!([{}, {"accessToken": []}, {"accessCookie": []}, {"queryToken": []}, {"ticket": []}])
            }
        }
    }
}

/// Removes null from the types of a parameter. An optional parameter may be missing, and a query has no null.
fn without_null(schema: &mut Value) {
    if let Some(types) = schema["type"].as_array() {
        schema["type"] = types.iter().find(|name| *name != "null").cloned().unwrap_or_default();
    }
    let one = schema["oneOf"].as_array().and_then(|kinds| {
        let mut others = kinds.iter().filter(|kind| kind["type"] != "null");
        others.next().cloned().filter(|_| others.next().is_none())
    });
    if let Some(one) = one {
        *schema = one;
    }
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

fn parameter(place: &str, name: &str, about: &str, required: bool, schema: &Value) -> Value {
    json!({"in": place, "name": name, "description": about, "required": required, "schema": schema})
}

fn empty_answer(about: &str) -> Value {
    json!({"description": about, "headers": {"X-Request-ID": reference("headers", "RequestId")}})
}

/// Adds the media types of `other`, for a status that an operation uses for problems and for something else.
fn merge(content: &mut Value, other: &Value) {
    for (media, schema) in other.as_object().into_iter().flatten() {
        content[media] = schema.clone();
    }
}

/// The answer with a problem of one of these codes, which all have this status.
fn problem<'c>(status: u16, codes: impl Iterator<Item = &'c Code>) -> Value {
    let codes: BTreeSet<_> = codes.map(|code| code.code).collect();
    let phrase = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let mut answer = empty_answer(phrase.unwrap_or("Error"));
    let headers: &[(&str, &str)] = match status {
        401 => &[("WWW-Authenticate", "WwwAuthenticate")],
        429 => &[
            ("Retry-After", "RetryAfter"),
            ("RateLimit", "RateLimit"),
            ("RateLimit-Policy", "RateLimitPolicy"),
        ],
        503 => &[("Retry-After", "RetryAfter")],
        _ => &[],
    };
    for (name, component) in headers {
        answer["headers"][*name] = reference("headers", component);
    }
    let schema =
        json!({"allOf": [reference("schemas", "Problem"), {"properties": {"code": {"enum": codes}}}]});
    answer["content"] = json!({domain::problem::MEDIA_TYPE: {"schema": schema}});
    answer
}
