//! Protection against cross-site request forgery (CSRF): the requests that need a token, the binding of the token, and the way
//! of a new token to the client.
//!
//! The rule for tokens is in `domain::tokens::csrf`, the rule for origins is in `domain::client::origin`; this file applies the
//! rules to a request. A token is sent in the `X-CSRF-Token` header, which only allowed pages can set. In a session the server
//! checks the binding and the age of the token, so each tab may have its own token. Before a sign-in the token must also equal
//! the `csrf_token` cookie.

use actix_web::{
    HttpMessage as _, HttpRequest,
    http::header::{self, HeaderName},
};
use domain::{
    client::origin::{Verdict, judge},
    tokens::csrf::{Age, Binding, CsrfError},
};
use service::Services;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{
    cookies::{CSRF_COOKIE, Jar},
    extractors::{
        credential::genuine_sessions,
        request_headers::{FETCH_SITE, cookie_values, header_value, header_values},
    },
    problem::Problem,
    settings::HttpSettings,
};

/// The header with the CSRF token: in requests, and in answers with a new token for the client.
pub(super) const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// A token that the client is to use from now on. The middleware adds the token to the answer, in the cookie and in the header.
#[derive(Clone, Debug)]
pub(super) struct RenewedToken(pub(super) String);

/// A new token for `binding`.
pub(super) fn issue(services: &Services, binding: Binding) -> String {
    let now = services.clock.now().unix_timestamp();
    services.access.keys.live().csrf.issue(binding, now, Uuid::new_v4().into_bytes())
}

/// A token for `binding`, and its age. The token in the cookie is used again while it is fresh. A new token would replace the
/// cookie. Before a sign-in, the tokens of other tabs must equal the cookie.
pub(super) fn current_or_new(request: &HttpRequest, services: &Services, binding: Binding) -> (String, Age) {
    let now = services.clock.now().unix_timestamp();
    let fresh = |token: String| {
        let age = services.access.keys.live().csrf.verify(&token, binding, now).ok()?;
        (!age.is_stale()).then_some((token, age))
    };
    let current = cookie_values(request, CSRF_COOKIE).into_iter().rev().find_map(fresh);
    current.unwrap_or_else(|| (issue(services, binding), Age(0)))
}

/// Rejects a request that a browser sends because of a page of another site.
///
/// # Errors
/// 403 for a cross-site `Sec-Fetch-Site`, for a foreign `Origin` or `Referer`, and for a same-site request without these two
/// headers.
pub(super) fn require_own_site(request: &HttpRequest) -> Result<(), Problem> {
    let settings = HttpSettings::of(request);
    // A header that is repeated or not UTF-8 counts as foreign, never as absent.
    let value = |name| {
        if request.headers().contains_key(&name) {
            Some(header_value(request, &name).unwrap_or(""))
        } else {
            None
        }
    };
    match judge(value(FETCH_SITE), value(header::ORIGIN), value(header::REFERER), &settings.origins) {
        Verdict::Allowed => Ok(()),
        Verdict::Refused(reason) => {
            tracing::info!(reason, "rejected a request from another site");
            Err(Problem::forbidden(
                "origin_not_allowed",
                "This request comes from a site that is not allowed.",
            ))
        }
    }
}

/// Requires a valid token. Called for a request with a cookie as its credential.
///
/// If the token of the request is stale, missing or wrong, the answer carries a fresh token. So a client can continue after the
/// loss of its token. Only allowed pages can read the answer.
///
/// # Errors
/// 403 for a missing or wrong token, 400 for a header that is not UTF-8.
pub(super) fn require_token(
    request: &HttpRequest,
    services: &Services,
    bindings: &[Binding],
) -> Result<(), Problem> {
    let checked = check(request, services, bindings);
    let renew = !matches!(checked, Ok(age) if !age.is_stale());
    if let (true, Some(binding)) = (renew, bindings.first()) {
        let (token, _) = current_or_new(request, services, *binding);
        request.extensions_mut().insert(RenewedToken(token));
    }
    checked.map(|_| ())
}

/// Checks a request that needs no token. If the request has a token, the token must be valid.
///
/// # Errors
/// 403 for a wrong token, 400 for a header that is not UTF-8.
fn check_if_sent(request: &HttpRequest, services: &Services, bindings: &[Binding]) -> Result<(), Problem> {
    if request.headers().contains_key(CSRF_HEADER) {
        check(request, services, bindings)?;
    }
    Ok(())
}

/// Checks a request to a route that needs no session, such as sign-in. The request must not come from another site. If the
/// request has a CSRF token, the token must be bound to the pre-session or to a session of the request. Returns the
/// pre-session.
///
/// # Errors
/// 403 for a foreign origin or a wrong token. 400 for a credential in the wrong place, a repeated or malformed one, and for a
/// CSRF header that is not UTF-8.
pub(super) fn check_public_route(
    request: &HttpRequest,
    services: &Services,
) -> Result<Option<Uuid>, Problem> {
    require_own_site(request)?;
    let presession = Jar::of(request).presession_of(request, services);
    let sessions = genuine_sessions(request, services)?;
    let sessions = sessions.into_iter().map(|(session, _)| Binding::Session(session));
    let bindings: Vec<Binding> = presession.map(Binding::PreSession).into_iter().chain(sessions).collect();
    check_if_sent(request, services, &bindings)?;
    Ok(presession)
}

fn check(request: &HttpRequest, services: &Services, bindings: &[Binding]) -> Result<Age, Problem> {
    let sent = header_values(request, &CSRF_HEADER)?;
    let token = match sent.as_slice() {
        [] => {
            return Err(Problem::forbidden("csrf_token_missing", "The X-CSRF-Token header is missing."));
        }
        [token] => *token,
        _ => return Err(mismatch()),
    };
    let now = services.clock.now().unix_timestamp();
    // The first binding that has a valid signature decides. The token may have expired nevertheless.
    let mut verdict = Err(CsrfError::BadSignature);
    for binding in bindings {
        verdict = services.access.keys.live().csrf.verify(token, *binding, now);
        if verdict == Err(CsrfError::BadSignature) {
            continue;
        }
        if matches!(binding, Binding::PreSession(_)) && !is_in_cookie(request, token) {
            return Err(mismatch());
        }
        break;
    }
    verdict.map_err(problem)
}

/// Whether a `csrf_token` cookie of the request has this token.
fn is_in_cookie(request: &HttpRequest, token: &str) -> bool {
    let cookies = cookie_values(request, CSRF_COOKIE);
    cookies.iter().any(|cookie| bool::from(token.as_bytes().ct_eq(cookie.as_bytes())))
}

fn mismatch() -> Problem {
    Problem::forbidden("csrf_token_mismatch", "The X-CSRF-Token header and the csrf_token cookie differ.")
}

fn problem(error: CsrfError) -> Problem {
    match error {
        CsrfError::Expired => {
            Problem::forbidden("csrf_token_expired", "The CSRF token has expired. Fetch a new one.")
        }
        CsrfError::Malformed | CsrfError::FromTheFuture | CsrfError::BadSignature => Problem::forbidden(
            "csrf_token_invalid",
            "The CSRF token is not valid for this session. Fetch a new one.",
        ),
    }
}
