//! Streams of Security Event Tokens (OpenID SSF 1.0), and polling (RFC 8936).
//!
//! The caller is a key of the server API, as `X-API-Key` or as a bearer token, or a signed-in operator. A body is read after the
//! caller is known.

use std::{borrow::Cow, collections::BTreeMap};

use actix_web::{
    FromRequest as _, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
    web,
};
use domain::tokens::token_key::PublicTokenKey;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{EventReceiver, Poll, Services, StreamCaller, StreamFields, supported_security_events};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::{
    api::authorization,
    extractors::{
        authenticated::Authenticated,
        body::{Body, Query, Shape, optional_secret},
        client::Client,
        path_id::path_id,
        request_headers::header_value,
    },
    problem::Problem,
};

const PUSH: &str = "urn:ietf:rfc:8935";
const POLL: &str = "urn:ietf:rfc:8936";
/// The media type of a key set (RFC 7517, 8.5.2).
const KEY_SET: &str = "application/jwk-set+json";
/// How long a client may keep the answer, as for the key set of access tokens.
const CACHE_CONTROL: &str = "public, max-age=300";
/// The most ids in one poll.
const MOST_SETTLED: usize = 1_000;

/// How a receiver gets tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SsfDeliveryMethod)]
struct DeliveryMethod {
    /// `urn:ietf:rfc:8935` (push) or `urn:ietf:rfc:8936` (poll).
    #[schema(pattern = "^urn:ietf:rfc:893[56]$")]
    method: String,
    /// Required for a push; ignored for polling.
    endpoint_url: Option<String>,
    /// The value of `Authorization` in a push.
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>, format = Password, min_length = 1, max_length = 4096)]
    authorization_header: Option<SecretString>,
}

/// The configuration of a stream. What only the transmitter decides is accepted and ignored, so that a receiver can send back
/// what it has read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SsfStreamConfiguration)]
pub(crate) struct StreamConfiguration {
    /// Required for an existing stream, and not permitted for a new one.
    stream_id: Option<Uuid>,
    delivery: Option<DeliveryMethod>,
    events_requested: Option<Vec<String>>,
    description: Option<String>,
    #[serde(rename = "iss")]
    _iss: Option<Value>,
    #[serde(rename = "aud")]
    _aud: Option<Value>,
    #[serde(rename = "events_supported")]
    _events_supported: Option<Value>,
    #[serde(rename = "events_delivered")]
    _events_delivered: Option<Value>,
}

impl Shape for StreamConfiguration {
    const FIELDS: &'static str = "stream_id (of an existing stream), delivery, events_requested, description";
}

/// Which stream.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamQuery {
    /// The id of a stream.
    stream_id: Option<Uuid>,
}

impl Shape for StreamQuery {
    const FIELDS: &'static str = "stream_id";
}

/// A status.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SsfStatusChange)]
pub(crate) struct StatusChange {
    stream_id: Uuid,
    #[schema(pattern = "^(enabled|paused|disabled)$")]
    status: String,
    #[schema(max_length = 250)]
    reason: Option<String>,
}

impl Shape for StatusChange {
    const FIELDS: &'static str = "stream_id, status (enabled, paused or disabled), reason";
}

/// A request for a verification event.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SsfVerification)]
pub(crate) struct Verification {
    stream_id: Uuid,
    #[schema(max_length = 1024)]
    state: Option<String>,
}

impl Shape for Verification {
    const FIELDS: &'static str = "stream_id, state";
}

/// Why a receiver refuses a token.
#[derive(Deserialize, ToSchema)]
#[schema(as = SsfTokenRefusal)]
struct TokenRefusal {
    err: String,
    #[serde(default)]
    description: String,
}

/// A poll (RFC 8936, 2.2).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = SsfPoll)]
pub(crate) struct PollRequest {
    /// The largest number of tokens. More than 100 counts as 100.
    max_events: Option<u32>,
    /// Whether to answer at once if there are no tokens.
    #[serde(default)]
    return_immediately: bool,
    /// The ids of tokens that the receiver has.
    #[serde(default)]
    #[schema(max_items = 1000)]
    ack: Vec<Uuid>,
    /// The tokens that the receiver refuses, by id.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, TokenRefusal>)]
    set_errs: BTreeMap<Uuid, TokenRefusal>,
}

impl Shape for PollRequest {
    const FIELDS: &'static str = "maxEvents, returnImmediately, ack (a list of ids), setErrs (errors by ids)";
}

/// What the transmitter can do (OpenID SSF 1.0, 7.1).
#[derive(Serialize, ToSchema)]
#[schema(as = SsfConfiguration)]
pub(crate) struct TransmitterView {
    authorization_schemes: [SchemeView; 1],
    configuration_endpoint: String,
    critical_subject_members: [String; 0],
    default_subjects: &'static str,
    delivery_methods_supported: [&'static str; 2],
    issuer: String,
    jwks_uri: String,
    spec_version: &'static str,
    status_endpoint: String,
    verification_endpoint: String,
}

/// How receivers authorize themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = SsfAuthorizationScheme)]
struct SchemeView {
    spec_urn: &'static str,
}

/// The public keys of Security Event Tokens (RFC 7517).
#[derive(Serialize, ToSchema)]
#[schema(as = SsfKeySet)]
pub(crate) struct TokenKeySet {
    keys: Vec<PublicTokenKey>,
}

/// A stream.
#[derive(Serialize, ToSchema)]
#[schema(as = SsfStream)]
pub(crate) struct StreamView<'s> {
    aud: String,
    delivery: DeliveryView<'s>,
    description: &'s str,
    events_delivered: &'s [String],
    events_requested: &'s [String],
    events_supported: Vec<String>,
    iss: String,
    stream_id: Uuid,
}

/// How a receiver gets tokens. The authorization of a push is never shown.
#[derive(Serialize, ToSchema)]
#[schema(as = SsfDelivery)]
struct DeliveryView<'s> {
    endpoint_url: Cow<'s, str>,
    method: &'static str,
}

/// The status of a stream.
#[derive(Serialize, ToSchema)]
#[schema(as = SsfStatus)]
pub(crate) struct StatusView<'s> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'s str>,
    #[schema(pattern = "^(enabled|paused|disabled)$")]
    status: &'static str,
    stream_id: Uuid,
}

/// The answer to a poll (RFC 8936, 2.3).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsfPolled)]
pub(crate) struct PolledView {
    more_available: bool,
    /// Security Event Tokens, by id.
    #[schema(value_type = BTreeMap<String, String>)]
    sets: BTreeMap<Uuid, String>,
}

/// `GET /.well-known/ssf-configuration`.
pub(crate) async fn configuration(services: web::Data<Services>) -> HttpResponse {
    let issuer = services.event_streams.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, CACHE_CONTROL)).json(json!(TransmitterView {
        authorization_schemes: [SchemeView { spec_urn: "urn:ietf:rfc:6750" }],
        configuration_endpoint: at("/api/v1/ssf/streams"),
        critical_subject_members: [],
        default_subjects: "ALL",
        delivery_methods_supported: [PUSH, POLL],
        jwks_uri: at("/.well-known/ssf-jwks.json"),
        spec_version: "1_0",
        status_endpoint: at("/api/v1/ssf/status"),
        verification_endpoint: at("/api/v1/ssf/verify"),
        issuer,
    }))
}

/// `GET /.well-known/ssf-jwks.json`: the public keys of Security Event Tokens.
pub(crate) async fn key_set(services: web::Data<Services>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(KEY_SET)
        .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
        .json(json!(TokenKeySet { keys: services.event_streams.public_keys() }))
}

/// `POST /api/v1/ssf/streams`.
pub(crate) async fn create(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let services = services(&request)?;
    let (caller, body) = with_body::<StreamConfiguration>(&request, payload).await?;
    if body.stream_id.is_some() {
        return Err(Problem::unprocessable("unexpected_stream_id", "A new stream has no stream_id yet."));
    }
    let stream = services.event_streams.create(&caller, body.fields(false)?).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(json!(view(&services, &stream))))
}

/// `GET /api/v1/ssf/streams`: one stream, or all.
pub(crate) async fn show(request: HttpRequest, query: Query<StreamQuery>) -> Result<HttpResponse, Problem> {
    let services = services(&request)?;
    let caller = caller(&request).await?;
    if let Some(id) = query.0.stream_id {
        let stream = services.event_streams.show(&caller, id).await?;
        return Ok(HttpResponse::Ok().json(json!(view(&services, &stream))));
    }
    let streams = services.event_streams.list(&caller).await?;
    let views: Vec<_> = streams.iter().map(|stream| view(&services, stream)).collect();
    Ok(HttpResponse::Ok().json(json!(views)))
}

/// `PATCH /api/v1/ssf/streams`: changes the fields that are given.
pub(crate) async fn change(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    update(&request, payload, false).await
}

/// `PUT /api/v1/ssf/streams`: fields that are not given get their defaults.
pub(crate) async fn replace(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    update(&request, payload, true).await
}

async fn update(request: &HttpRequest, payload: web::Payload, whole: bool) -> Result<HttpResponse, Problem> {
    let services = services(request)?;
    let (caller, body) = with_body::<StreamConfiguration>(request, payload).await?;
    let id = body.stream_id.ok_or_else(no_stream_id)?;
    let stream = services.event_streams.change(&caller, id, body.fields(whole)?).await?;
    Ok(HttpResponse::Ok().json(json!(view(&services, &stream))))
}

/// `DELETE /api/v1/ssf/streams`.
pub(crate) async fn delete(request: HttpRequest, query: Query<StreamQuery>) -> Result<HttpResponse, Problem> {
    let services = services(&request)?;
    let caller = caller(&request).await?;
    let id = query.0.stream_id.ok_or_else(no_stream_id)?;
    services.event_streams.delete(&caller, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /api/v1/ssf/status`.
pub(crate) async fn status(request: HttpRequest, query: Query<StreamQuery>) -> Result<HttpResponse, Problem> {
    let services = services(&request)?;
    let caller = caller(&request).await?;
    let id = query.0.stream_id.ok_or_else(no_stream_id)?;
    let stream = services.event_streams.show(&caller, id).await?;
    Ok(HttpResponse::Ok().json(json!(status_view(&stream))))
}

/// `POST /api/v1/ssf/status`.
pub(crate) async fn set_status(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let services = services(&request)?;
    let (caller, body) = with_body::<StatusChange>(&request, payload).await?;
    let StatusChange { stream_id, status, reason } = body;
    let stream = services.event_streams.set_status(&caller, stream_id, &status, reason).await?;
    Ok(HttpResponse::Ok().json(json!(status_view(&stream))))
}

/// `POST /api/v1/ssf/verify`.
pub(crate) async fn verify(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let services = services(&request)?;
    let (caller, body) = with_body::<Verification>(&request, payload).await?;
    services.event_streams.verify(&caller, body.stream_id, body.state).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /api/v1/ssf/poll/{id}`.
pub(crate) async fn poll(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let services = services(&request)?;
    let id = path_id(&request, "id")?;
    let (caller, body) = with_body::<PollRequest>(&request, payload).await?;
    if body.ack.len() + body.set_errs.len() > MOST_SETTLED {
        return Err(Problem::unprocessable("too_many_ids", "A poll names at most 1000 ids."));
    }
    let refused = body.set_errs.into_iter();
    let poll = Poll {
        limit: body.max_events,
        at_once: body.return_immediately,
        acknowledged: body.ack,
        refused: refused
            .map(|(id, refusal)| (id, format!("refused: {} {}", refusal.err, refusal.description)))
            .collect(),
    };
    let polled = services.event_streams.poll(&caller, id, poll).await?;
    Ok(HttpResponse::Ok().json(json!(PolledView { more_available: polled.more, sets: polled.tokens })))
}

impl StreamConfiguration {
    /// The fields for the service. With `whole`, fields that are not given get their defaults.
    fn fields(self, whole: bool) -> Result<StreamFields, Problem> {
        let push = match self.delivery {
            None => whole.then_some(None),
            Some(delivery) => Some(delivery.push()?),
        };
        let events = self.events_requested.or_else(|| whole.then(supported_security_events));
        Ok(StreamFields { push, events, description: self.description })
    }
}

impl DeliveryMethod {
    /// The URL and the authorization of a push; `None` for polling.
    fn push(self) -> Result<Option<(String, Option<SecretString>)>, Problem> {
        match (self.method.as_str(), self.endpoint_url) {
            (PUSH, Some(url)) => Ok(Some((url, self.authorization_header))),
            (POLL, _) => Ok(None),
            (PUSH, None) => {
                Err(Problem::unprocessable("missing_endpoint_url", "A push needs an endpoint_url."))
            }
            _ => {
                Err(Problem::unprocessable("unsupported_delivery", "The method is that of RFC 8935 or 8936."))
            }
        }
    }
}

fn view<'s>(services: &Services, stream: &'s EventReceiver) -> StreamView<'s> {
    let streams = &services.event_streams;
    let issuer = streams.issuer();
    let delivery = match &stream.url {
        Some(url) => DeliveryView { endpoint_url: url.into(), method: PUSH },
        None => {
            let endpoint_url = format!("{issuer}/api/v1/ssf/poll/{}", stream.id).into();
            DeliveryView { endpoint_url, method: POLL }
        }
    };
    StreamView {
        aud: streams.audience(stream.id),
        delivery,
        description: &stream.name,
        events_delivered: &stream.events,
        events_requested: &stream.events,
        events_supported: supported_security_events(),
        iss: issuer,
        stream_id: stream.id,
    }
}

fn status_view(stream: &EventReceiver) -> StatusView<'_> {
    StatusView {
        reason: stream.status_reason.as_deref(),
        status: stream.status.as_str(),
        stream_id: stream.id,
    }
}

fn no_stream_id() -> Problem {
    Problem::unprocessable("missing_stream_id", "Name the stream with stream_id.")
}

fn services(request: &HttpRequest) -> Result<web::Data<Services>, Problem> {
    request.app_data::<web::Data<Services>>().cloned().ok_or_else(Problem::internal)
}

/// The caller, and the body, which is read after the caller is known. The session of a user is verified again afterwards,
/// because it may be revoked while the body arrives.
async fn with_body<T: Shape>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(StreamCaller, T), Problem> {
    let known = caller(request).await?;
    let mut payload: Payload = payload.into_inner();
    let body = Body::<T>::from_request(request, &mut payload).await?.0;
    match known {
        StreamCaller::Key(key) => Ok((StreamCaller::Key(key), body)),
        StreamCaller::User(_, meta) => {
            let caller = Authenticated::of(request).await?.caller;
            Ok((StreamCaller::User(Box::new(caller), meta), body))
        }
    }
}

async fn caller(request: &HttpRequest) -> Result<StreamCaller, Problem> {
    let services = services(request)?;
    let client = Client::extract(request).await?;
    let authorization = header_value(request, &header::AUTHORIZATION).unwrap_or_default().trim();
    let (scheme, key) = authorization.split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") && key.trim().starts_with("pck_") {
        let key = services.access.api_keys.authenticate(key.trim(), client.0).await?;
        return Ok(StreamCaller::Key(key));
    }
    if request.headers().contains_key("x-api-key") || scheme.eq_ignore_ascii_case("apikey") {
        return Ok(StreamCaller::Key(authorization::authenticate(request, &services, client).await?));
    }
    let found = Authenticated::extract(request).await?;
    Ok(StreamCaller::User(Box::new(found.caller), client.0))
}
