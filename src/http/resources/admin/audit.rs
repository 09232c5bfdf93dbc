//! `/api/v1/admin/audit`: the audit log, for auditors and admins.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{Stream, stream};
use protocol::id::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{EntryName, EntryStream, ExportForm, Failure, LogFilter, Services};
use time::OffsetDateTime;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, RefOr, Schema,
        schema::{SchemaFormat, SchemaType, Type},
    },
};
use uuid::Uuid;

use crate::http::{
    extractors::{
        authenticated::Authenticated,
        body::{Query, Shape},
        client::Client,
        page::page_request,
        reason::reason,
    },
    problem::Problem,
};

/// How often a follower looks for new entries.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a follower without new entries gets a comment, so that proxies do not close the connection.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// After this time a follower connects again, so that its role is checked again.
const FOLLOW_FOR: Duration = Duration::from_secs(300);

/// The filter and the page of a list of events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// The name of an event.
    event: Option<String>,
    #[param(pattern = "^(success|failure|denied)$")]
    outcome: Option<String>,
    /// The number of the account that the act concerns.
    #[param(value_type = Option<i64>)]
    user: Option<UserId>,
    /// The number of the account that performed the act.
    #[param(value_type = Option<i64>)]
    actor: Option<UserId>,
    #[param(value_type = Option<Uuid>)]
    session: Option<SessionId>,
    /// The id of an event.
    id: Option<Uuid>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    since: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for EventsQuery {
    const FIELDS: &'static str =
        "event, outcome, user, actor, session, id, since, until (RFC 3339), limit (1 to 200), cursor";
}

/// Which entries are exported or followed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamQuery {
    /// The name of an event.
    event: Option<String>,
    #[param(pattern = "^(success|failure|denied)$")]
    outcome: Option<String>,
    /// The number of the account that the act concerns.
    #[param(value_type = Option<i64>)]
    user: Option<UserId>,
    /// The number of the account that performed the act.
    #[param(value_type = Option<i64>)]
    actor: Option<UserId>,
    /// The number of the first entry.
    #[param(maximum = 9223372036854775806_i64)]
    from: Option<u64>,
    /// Personal fields in the clear. Only for exports; followers always get them.
    readable: Option<bool>,
    /// Why the personal fields are needed. Required with `readable=true`.
    reason: Option<String>,
}

impl Shape for StreamQuery {
    const FIELDS: &'static str = "event, outcome, user, actor, from, readable (true or false), reason (1 to 500 characters, with readable=true)";
}

impl StreamQuery {
    fn filter(&self) -> Result<LogFilter, Problem> {
        Ok(LogFilter {
            from: self.from.map(number).transpose()?,
            event: self.event.clone(),
            outcome: outcome(self.outcome.clone())?,
            user: self.user.map(|user| user.0),
            actor: self.actor.map(|actor| actor.0),
            ..LogFilter::default()
        })
    }
}

/// Which entry is to be proved, in the tree of which size.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct InclusionQuery {
    /// The number of the entry. Either this or `id` is required.
    #[param(maximum = 9223372036854775806_i64)]
    index: Option<u64>,
    /// The id of the event.
    id: Option<Uuid>,
    /// The number of entries of the tree; by default the newest.
    #[param(maximum = 9223372036854775806_i64)]
    size: Option<u64>,
}

impl Shape for InclusionQuery {
    const FIELDS: &'static str = "index or id, size";
}

/// Which trees are compared.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsistencyQuery {
    /// The number of entries of the older tree.
    #[param(maximum = 9223372036854775806_i64)]
    from: u64,
    /// The number of entries of the newer tree; by default the newest.
    #[param(maximum = 9223372036854775806_i64)]
    to: Option<u64>,
}

impl Shape for ConsistencyQuery {
    const FIELDS: &'static str = "from, to";
}

/// A page of entries.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEventPage)]
pub(crate) struct EventPage {
    #[schema(value_type = Vec<EntryView>)]
    events: Vec<Value>,
    next_cursor: Option<String>,
}

/// The schema of an entry with its personal fields in the clear. `ReadEntry::in_the_clear` of the service writes entries.
pub(crate) struct EntryView;

impl PartialSchema for EntryView {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let uuid = || text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        let number = || ObjectBuilder::new().schema_type(Type::Integer);
        let nullable = || ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
        let outcomes = text().enum_values(Some(["success", "failure", "denied"]));
        let erased = ObjectBuilder::new().schema_type(Type::Boolean);
        let fields = [
            ("actor", number().description(Some("The number of the account that performed the act."))),
            ("address", nullable()),
            ("api_key", uuid()),
            ("at", text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))),
            ("connection", uuid()),
            ("detail", ObjectBuilder::new()),
            ("device", uuid()),
            ("erased", erased.description(Some("Whether the key of the personal fields is destroyed."))),
            ("event", text()),
            ("id", uuid()),
            ("index", number().minimum(Some(0))),
            ("outcome", outcomes),
            ("request", text()),
            ("session", uuid()),
            ("subject", nullable()),
            ("user", number().description(Some("The number of the account that the act concerns."))),
        ];
        let all =
            fields.into_iter().fold(ObjectBuilder::new(), |all, (name, field)| all.property(name, field));
        let required = ["address", "at", "detail", "erased", "event", "id", "index", "outcome", "subject"];
        required.into_iter().fold(all, ObjectBuilder::required).into()
    }
}

impl ToSchema for EntryView {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("AuditEntry")
    }
}

/// The proof that an entry is in the log.
#[derive(Serialize, ToSchema)]
#[schema(as = InclusionProof)]
pub(crate) struct InclusionView<'p> {
    /// A signed checkpoint of this size, if there is one.
    checkpoint: Option<&'p str>,
    /// Hashes in base64, from the leaf upwards.
    hashes: Vec<String>,
    index: u64,
    /// The entry, as it is in the log.
    leaf: String,
    /// The hash of the tree, in base64.
    root: String,
    size: u64,
}

/// The proof that one state of the log is the beginning of another.
#[derive(Serialize, ToSchema)]
#[schema(as = ConsistencyProof)]
pub(crate) struct ConsistencyView {
    from: u64,
    /// A hash in base64.
    from_root: String,
    /// Hashes in base64.
    hashes: Vec<String>,
    to: u64,
    /// A hash in base64.
    to_root: String,
}

/// `GET /api/v1/admin/audit/events`: newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<EventsQuery>,
) -> Result<HttpResponse, Problem> {
    let EventsQuery { event, outcome: word, user, actor, session, id, since, until, limit, cursor } = query.0;
    let filter = LogFilter {
        event,
        outcome: outcome(word)?,
        user: user.map(|user| user.0),
        actor: actor.map(|actor| actor.0),
        session: session.map(|session| session.0),
        id,
        since,
        until,
        ..LogFilter::default()
    };
    let page = page_request(limit, cursor)?;
    let page = services.operators.audit.entries(&auth.caller, filter, &page, &client.0).await?;
    let events = page.entries.iter().map(|entry| Value::Object(entry.in_the_clear())).collect();
    Ok(HttpResponse::Ok().json(json!(EventPage { events, next_cursor: page.next })))
}

/// `GET /api/v1/admin/audit/export`: the leaves of the tree, one line of JSON per entry. With `readable=true`, personal fields
/// are in the clear; this needs a reason and a recent proof of presence.
pub(crate) async fn export(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<StreamQuery>,
) -> Result<HttpResponse, Problem> {
    let (filter, readable) = (query.0.filter()?, query.0.readable.unwrap_or(false));
    let form = if readable {
        ExportForm::Readable { reason: reason(query.0.reason.as_deref().unwrap_or_default())? }
    } else {
        ExportForm::Leaves
    };
    let entries = services.operators.audit.export(&auth.caller, filter, form, &client.0).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(exported(entries, readable)))
}

/// `GET /api/v1/admin/audit/events/stream`: new entries as server-sent events, from `from` or `Last-Event-ID` on.
pub(crate) async fn follow(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    request: HttpRequest,
    query: Query<StreamQuery>,
) -> Result<HttpResponse, Problem> {
    let mut filter = query.0.filter()?;
    if let Some(last) = request.headers().get("last-event-id") {
        let last = last.to_str().ok().and_then(|last| last.parse::<u64>().ok());
        let last = last.ok_or_else(|| {
            Problem::unprocessable("invalid_last_event_id", "Last-Event-ID is the number of an entry.")
        })?;
        filter.from = Some(number(last)? + 1);
    }
    let entries = services.operators.audit.follow(&auth.caller, filter, &client.0).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(followed(entries)))
}

/// `GET /api/v1/admin/audit/proofs/inclusion`: proves that an entry is in the log.
pub(crate) async fn inclusion(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<InclusionQuery>,
) -> Result<HttpResponse, Problem> {
    let name = match (query.0.index, query.0.id) {
        (Some(index), None) => EntryName::Index(number(index)?),
        (None, Some(id)) => EntryName::Id(id),
        _ => return Err(Problem::unprocessable("invalid_entry", "Give either index or id.")),
    };
    let size = query.0.size.map(number).transpose()?;
    let proof = services.operators.audit.inclusion(&auth.caller, name, size, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(InclusionView {
        checkpoint: proof.checkpoint.as_deref(),
        hashes: proof.hashes.iter().map(|hash| STANDARD.encode(hash)).collect(),
        index: proof.entry.entry.index,
        leaf: String::from_utf8_lossy(&proof.entry.entry.encoded()).into_owned(),
        root: STANDARD.encode(proof.root),
        size: proof.size,
    })))
}

/// `GET /api/v1/admin/audit/proofs/consistency`: proves that one state of the log is the beginning of another.
pub(crate) async fn consistency(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<ConsistencyQuery>,
) -> Result<HttpResponse, Problem> {
    let (from, to) = (number(query.0.from)?, query.0.to.map(number).transpose()?);
    let proof = services.operators.audit.consistency(&auth.caller, from, to, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(ConsistencyView {
        from: proof.from,
        from_root: STANDARD.encode(proof.from_root),
        hashes: proof.hashes.iter().map(|hash| STANDARD.encode(hash)).collect(),
        to: proof.to,
        to_root: STANDARD.encode(proof.to_root),
    })))
}

/// The number of an entry, which fits into the column of the database.
fn number(number: u64) -> Result<u64, Problem> {
    let detail = "The number of an entry is less than 2^63 - 1.";
    let fits = number < i64::MAX.unsigned_abs();
    fits.then_some(number).ok_or_else(|| Problem::unprocessable("invalid_number", detail))
}

fn outcome(word: Option<String>) -> Result<Option<String>, Problem> {
    let known = word.as_deref().is_none_or(|word| ["success", "failure", "denied"].contains(&word));
    let detail = "The outcome is success, failure or denied.";
    if known { Ok(word) } else { Err(Problem::unprocessable("invalid_outcome", detail)) }
}

/// The lines of an export. If it cannot be completed, the connection is aborted, so that the client notices it.
fn exported(entries: EntryStream, readable: bool) -> impl Stream<Item = Result<Bytes, Failure>> {
    stream::unfold(Some(entries), move |entries| async move {
        let mut entries = entries?;
        let mut text = Vec::new();
        let read = if readable {
            entries.read().await.map(|read| {
                read.iter().for_each(|entry| line(&mut text, entry.readable().as_bytes()));
            })
        } else {
            entries.encoded().await.map(|read| read.iter().for_each(|(_, entry)| line(&mut text, entry)))
        };
        match read {
            Ok(()) if text.is_empty() => None,
            Ok(()) => Some((Ok(Bytes::from(text)), Some(entries))),
            Err(failure) => Some((Err(failure), None)),
        }
    })
}

fn line(text: &mut Vec<u8>, entry: &[u8]) {
    text.extend_from_slice(entry);
    text.push(b'\n');
}

/// The events of a follower. The stream ends after some minutes, or when the session of the caller has ended or no longer permits it.
fn followed(entries: EntryStream) -> impl Stream<Item = Result<Bytes, Failure>> {
    let began = Instant::now();
    stream::unfold((entries, true), move |(mut entries, first)| async move {
        let silent_since = Instant::now();
        loop {
            if began.elapsed() > FOLLOW_FOR {
                return None;
            }
            let Ok(read) = entries.read().await else { return None };
            if !read.is_empty() {
                let events = read.iter().map(|read| {
                    format!("id: {}\nevent: entry\ndata: {}\n\n", read.entry.index, read.readable())
                });
                return Some((Ok(Bytes::from(events.collect::<String>())), (entries, false)));
            }
            // The first comment tells the client at once that the request was accepted.
            if first || silent_since.elapsed() > COMMENT_EVERY {
                return Some((Ok(Bytes::from_static(b": no new entries\n\n")), (entries, false)));
            }
            entries.pause(LOOK_EVERY).await;
        }
    })
}
