//! `/api/v1/admin/mail`: mails to users, and sending a mail again.

use actix_web::{HttpRequest, HttpResponse, web};
use protocol::id::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{ListedMail, MailQuery, MailState, Services};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Reasoned, checked_text};
use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        page::page_request,
        path_id::path_id,
        reason::reason,
    },
    problem::Problem,
};

/// The filter and the page of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailsQuery {
    #[param(pattern = "^(waiting|sending|sent|failed|expired)$")]
    state: Option<String>,
    /// Only mails of this kind, for example `reset_password`.
    kind: Option<String>,
    /// Only mails to this user.
    #[param(value_type = Option<i64>)]
    user: Option<UserId>,
    /// Only mails to this address, as it is written in the account.
    #[param(min_length = 1, max_length = 255)]
    address: Option<String>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for MailsQuery {
    const FIELDS: &'static str =
        "state (waiting, sending, sent, failed or expired), kind, user, address, limit (1 to 200), cursor";
}

/// A mail. Its link is never shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Mail)]
pub(crate) struct MailView {
    id: Uuid,
    #[schema(value_type = i64)]
    user: UserId,
    kind: &'static str,
    /// The address of the recipient.
    address: String,
    /// The language that the user reads; null for the default.
    language: Option<String>,
    #[schema(pattern = "^(waiting|sending|sent|failed|expired)$")]
    state: &'static str,
    /// Why the last attempt failed, or why the mail was given up.
    failure: Option<String>,
    /// Attempts since it was written, or since it was sent again.
    attempts: u32,
    /// How often an operator had it sent again.
    repetitions: u32,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When the next attempt is made, if it waits.
    #[serde(with = "time::serde::rfc3339")]
    due_at: OffsetDateTime,
    /// When it was sent, or was given up.
    #[serde(with = "time::serde::rfc3339::option")]
    settled_at: Option<OffsetDateTime>,
    /// What its link permits: `verify`, `reset` or `not_me`.
    link: Option<&'static str>,
    /// Until when the link is good.
    #[serde(with = "time::serde::rfc3339::option")]
    link_expires_at: Option<OffsetDateTime>,
    /// When the link was used.
    #[serde(with = "time::serde::rfc3339::option")]
    link_used_at: Option<OffsetDateTime>,
}

impl MailView {
    fn of(mail: &ListedMail) -> Self {
        Self {
            id: mail.id,
            user: mail.user,
            kind: mail.kind.as_str(),
            address: mail.address.clone(),
            language: mail.language.clone(),
            state: mail.state.as_str(),
            failure: mail.failure.clone(),
            attempts: mail.attempts,
            repetitions: mail.repetitions,
            created_at: mail.created_at,
            due_at: mail.due_at,
            settled_at: mail.settled_at,
            link: mail.link.map(|purpose| purpose.as_str()),
            link_expires_at: mail.link_expires_at,
            link_used_at: mail.link_used_at,
        }
    }
}

/// A page of mails.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailPage {
    mails: Vec<MailView>,
    next_cursor: Option<String>,
}

/// A mail that is sent again.
#[derive(Serialize, ToSchema)]
#[schema(as = MailSentAgain)]
pub(crate) struct SentAgainView {
    mail: MailView,
}

/// `GET /api/v1/admin/mail`: mails, newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<MailsQuery>,
) -> Result<HttpResponse, Problem> {
    let MailsQuery { state, kind, user, address, limit, cursor } = query.0;
    let wrong_state = || {
        let detail = "The state is waiting, sending, sent, failed or expired.";
        Problem::unprocessable("invalid_state", detail)
    };
    let wrong_kind = |_| Problem::unprocessable("invalid_kind", "There is no such kind of mail.");
    let query = MailQuery {
        state: state.map(|word| MailState::of(&word).ok_or_else(wrong_state)).transpose()?,
        kind: kind.map(|word| word.parse().map_err(wrong_kind)).transpose()?,
        user,
        address: address.map(checked_text).transpose()?,
        page: page_request(limit, cursor)?,
    };
    let page = services.operators.mails.list(&auth.caller, query, &client.0).await?;
    let mails = page.entries.iter().map(MailView::of).collect();
    Ok(HttpResponse::Ok().json(json!(MailPage { mails, next_cursor: page.next })))
}

/// `POST /api/v1/admin/mail/{mail}/send-again`.
pub(crate) async fn send_again(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<Reasoned>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (id, reason) = (path_id(&request, "mail")?, reason(&sent.body.reason)?);
    let mail = services.operators.mails.send_again(&sent.caller, id, &reason, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(SentAgainView { mail: MailView::of(&mail) })))
}
