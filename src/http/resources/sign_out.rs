//! `POST` and `DELETE /api/v1/auth/logout`: ends the session, the user's other sessions, or all sessions of the user.
//!
//! A browser may send several cookies with the same name, and another host may have set one of them. So a sign-out applies to
//! each working session that a genuine token of the request names. Otherwise the user's own session could continue.
//!
//! A sign-out also succeeds with an expired access token, with only a refresh token, and without any token. A sign-out may be
//! repeated.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web,
};
use serde::{Deserialize, Serialize};
use service::{Services, SignOutScope};
use utoipa::{IntoParams, ToSchema};

use crate::http::{
    cookies::Jar,
    csrf::check_public_route,
    extractors::{
        body::{Query, Shape},
        client::Client,
        credential::genuine_sessions,
    },
    problem::Problem,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOutQuery {
    /// Which sessions of the user to end.
    #[serde(default)]
    #[param(inline)]
    scope: Scope,
}

impl Shape for SignOutQuery {
    const FIELDS: &'static str = "scope (local, others or global)";
}

/// Which sessions of the user to end.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SignOutScope)]
pub(crate) enum Scope {
    #[default]
    Local,
    Others,
    Global,
}

impl From<Scope> for SignOutScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Local => Self::Local,
            Scope::Others => Self::Others,
            Scope::Global => Self::Global,
        }
    }
}

/// What a sign-out has ended.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedOut)]
pub(crate) struct SignOutView {
    /// How many sockets are not closed yet.
    pending: usize,
    /// How many sessions ended; null if there were too many to count.
    sessions: Option<usize>,
    /// How many sockets are closed.
    sockets_closed: usize,
}

/// Signs out. 200 with the numbers of ended sessions and closed sockets, or 204 if no session ended.
pub(crate) async fn sign_out(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    query: Query<SignOutQuery>,
) -> Result<HttpResponse, Problem> {
    check_public_route(&request, &services)?;
    let scope = query.0.scope;
    let shown = genuine_sessions(&request, &services)?;
    let ended = services.sign_in.sign_out.sign_out_of_each(&shown, scope.into(), &client.0).await?;
    if ended.sessions == Some(0) {
        return Ok(signed_out(&request, StatusCode::NO_CONTENT, scope).finish());
    }
    let view = SignOutView {
        pending: ended.pending,
        sessions: ended.sessions,
        sockets_closed: ended.sockets_closed,
    };
    Ok(signed_out(&request, StatusCode::OK, scope).json(view))
}

/// An answer that removes the browser's cookies and stored data, unless the session of the request continues.
fn signed_out(request: &HttpRequest, status: StatusCode, scope: Scope) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    if scope != Scope::Others {
        for cookie in Jar::of(request).clear_session() {
            answer.cookie(cookie);
        }
        answer.insert_header((header::HeaderName::from_static("clear-site-data"), "\"cache\", \"storage\""));
    }
    answer
}
