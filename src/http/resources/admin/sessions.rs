//! `/api/v1/admin/sessions`: sessions of accounts, and external sessions.

use std::{net::IpAddr, time::Duration};

use actix_web::{HttpResponse, web};
use protocol::id::{ConnectionId, DeviceId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{AnySession, Services, SessionQuery};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::{any_network, checked_text, country_code, realtime_user};
use crate::http::{
    extractors::{
        authenticated::Authenticated,
        body::{Query, Shape},
        client::Client,
        page::page_request,
    },
    problem::Problem,
    views::session::SessionView,
};

/// The filters and the page of a list of sessions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionsQuery {
    /// The id of a session.
    #[param(value_type = Option<uuid::Uuid>)]
    session: Option<SessionId>,
    /// The number of an account.
    #[param(value_type = Option<i64>)]
    user: Option<UserId>,
    #[param(value_type = Option<uuid::Uuid>)]
    device: Option<DeviceId>,
    /// The name that an external issuer gives.
    #[param(max_length = 255)]
    subject: Option<String>,
    /// Only sessions that have not ended.
    active: Option<bool>,
    #[param(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// A network, such as `203.0.113.0/24` or `2001:db8::/32`, or an address.
    network: Option<String>,
    /// A country, as two letters (ISO 3166-1).
    #[param(pattern = "^[A-Za-z]{2}$")]
    country: Option<String>,
    /// A part of the `User-Agent`.
    #[param(min_length = 1, max_length = 255)]
    client: Option<String>,
    /// Older than this number of seconds.
    #[param(format = Int64, maximum = 4_294_967_295_i64)]
    older_than: Option<u32>,
    /// Younger than this number of seconds.
    #[param(format = Int64, maximum = 4_294_967_295_i64)]
    younger_than: Option<u32>,
    /// The order; `-` means the newest first.
    #[param(inline)]
    sort: Option<SessionSort>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for SessionsQuery {
    const FIELDS: &'static str = "session, user, device, subject, active (true or false), address, \
         network (such as 192.0.2.0/24), country (two letters), client (a part of the User-Agent), \
         older_than and younger_than (seconds), sort (created or -created), limit (1 to 200), cursor";
}

/// The order; `-` means the newest first.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, ToSchema)]
enum SessionSort {
    #[serde(rename = "created")]
    OldestFirst,
    #[serde(rename = "-created")]
    NewestFirst,
}

impl SessionsQuery {
    fn read(self) -> Result<SessionQuery, Problem> {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Ok(SessionQuery {
            session: self.session,
            user: self.user,
            device: self.device,
            subject: self.subject.as_deref().map(realtime_user).transpose()?,
            active_only: self.active.unwrap_or(false),
            address: self.address,
            network: self.network.as_deref().map(any_network).transpose()?,
            country: self.country.as_deref().map(country_code).transpose()?,
            client: self.client.map(checked_text).transpose()?,
            older_than: self.older_than.map(seconds),
            younger_than: self.younger_than.map(seconds),
            oldest_first: self.sort == Some(SessionSort::OldestFirst),
            page: page_request(self.limit, self.cursor)?,
        })
    }
}

/// A session of an account, or an external session.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = AnySession)]
enum AdminSessionView {
    Account(Box<SessionView>),
    External(Box<ExternalSessionView>),
}

/// A session of a user of an external issuer.
#[derive(Serialize, ToSchema)]
#[schema(as = ExternalSession)]
struct ExternalSessionView {
    id: SessionId,
    issuer: String,
    subject: String,
    token_id: Option<String>,
    connection: ConnectionId,
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    ended_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    open_connections: usize,
}

impl AdminSessionView {
    fn of(any_session: AnySession, current: SessionId) -> Self {
        match any_session {
            AnySession::Account(listed) => {
                Self::Account(Box::new(SessionView::of(&listed.session, listed.open_connections, current)))
            }
            AnySession::External(session, open_connections) => {
                Self::External(Box::new(ExternalSessionView {
                    id: session.id,
                    issuer: session.issuer,
                    subject: session.subject.to_string(),
                    token_id: session.token_id,
                    connection: session.connection,
                    address: session.address,
                    created_at: session.created_at,
                    last_seen_at: session.last_seen_at,
                    expires_at: session.expires_at,
                    ended_at: session.ended_at,
                    revoked_at: session.revoked_at,
                    open_connections,
                }))
            }
        }
    }
}

/// A page of sessions of accounts and of external sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnySessionPage {
    next_cursor: Option<String>,
    sessions: Vec<AdminSessionView>,
}

/// `GET /api/v1/admin/sessions`: newest first, in pages. A page may have fewer sessions than `limit`; the list ends when
/// `next_cursor` is null.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<SessionsQuery>,
) -> Result<HttpResponse, Problem> {
    let page = services.operators.listings.sessions(&auth.caller, query.0.read()?, &client.0).await?;
    let current = auth.caller.session;
    let sessions =
        page.entries.into_iter().map(|any_session| AdminSessionView::of(any_session, current)).collect();
    Ok(HttpResponse::Ok().json(json!(AnySessionPage { next_cursor: page.next, sessions })))
}
