//! CSRF on REST: which requests need a token, what it is checked against, and how a fresh one reaches the client.
//!
//! The rule for tokens is `domain::tokens::csrf`, the rule for origins `domain::client::origin`; here they meet a request. A token travels
//! twice, in the `X-CSRF-Token` header, which only our pages can set, and in the `csrf_token` cookie; both must be equal.

use actix_web::{HttpMessage as _, HttpRequest, http::header};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{cookies::CSRF_COOKIE, problem::Problem, settings::HttpSettings};
use crate::http::{
    extractors::client::{FETCH_SITE, lines, request_cookie, text},
    response_headers::CSRF_HEADER,
};
use domain::{
    client::origin::{Verdict, judge},
    tokens::csrf::{Age, Binding, CsrfError},
};
use service::Services;

/// A fresh token that the middleware adds to the answer, in the cookie and in the header.
#[derive(Clone, Debug)]
pub(super) struct Fresh(pub(super) String);

/// A new token for `binding`.
pub(super) fn issue(services: &Services, binding: Binding) -> String {
    let now = services.clock.now().unix_timestamp();
    services.access.keys.csrf.issue(binding, now, Uuid::new_v4().into_bytes())
}

/// Refuses a request that another site made a browser send.
///
/// # Errors
/// 403 for a cross-site `Sec-Fetch-Site` or a foreign `Origin` or `Referer`.
pub(super) fn require_own_site(request: &HttpRequest) -> Result<(), Problem> {
    let settings = HttpSettings::of(request);
    // A header given twice or not in UTF-8 is judged like a foreign one, never like an absent one.
    let value = |name| {
        if request.headers().contains_key(&name) { Some(text(request, &name).unwrap_or("")) } else { None }
    };
    match judge(value(FETCH_SITE), value(header::ORIGIN), value(header::REFERER), &settings.origins) {
        Verdict::Allowed => Ok(()),
        Verdict::Refused(reason) => {
            tracing::info!(reason, "refused a request of another site");
            Err(Problem::forbidden(
                "origin_not_allowed",
                "This request comes from a site that is not allowed.",
            ))
        }
    }
}

/// Checks the token of a request whose credential was a cookie: it must be there.
///
/// A stale token is answered with a fresh one, and so is a refused one, so that a client that lost its token can go on.
/// Only our own pages can read it.
///
/// # Errors
/// 403.
pub(super) fn require_token(
    request: &HttpRequest,
    services: &Services,
    bindings: &[Binding],
) -> Result<(), Problem> {
    let checked = check(request, services, bindings);
    let renew = !matches!(checked, Ok(age) if !age.is_stale());
    if let (true, Some(binding)) = (renew, bindings.first()) {
        request.extensions_mut().insert(Fresh(issue(services, *binding)));
    }
    checked.map(|_| ())
}

/// Checks the token of a request that needs none: if it sends one, it must verify.
///
/// # Errors
/// 403.
pub(super) fn check_if_sent(
    request: &HttpRequest,
    services: &Services,
    bindings: &[Binding],
) -> Result<(), Problem> {
    if request.headers().contains_key(CSRF_HEADER) {
        check(request, services, bindings)?;
    }
    Ok(())
}

fn check(request: &HttpRequest, services: &Services, bindings: &[Binding]) -> Result<Age, Problem> {
    let sent = lines(request, &CSRF_HEADER)?;
    let token = match sent.as_slice() {
        [] => {
            return Err(Problem::forbidden("csrf_token_missing", "The X-CSRF-Token header is missing."));
        }
        [token] => *token,
        _ => return Err(mismatch()),
    };
    let cookie = request_cookie(request, CSRF_COOKIE)?.ok_or_else(mismatch)?;
    if !bool::from(token.as_bytes().ct_eq(cookie.as_bytes())) {
        return Err(mismatch());
    }
    let now = services.clock.now().unix_timestamp();
    let verify = |binding: &Binding| services.access.keys.csrf.verify(token, *binding, now);
    // Whichever binding made the signature good decides; its token may still be too old.
    let mut verdict = Err(CsrfError::BadSignature);
    for binding in bindings {
        verdict = verify(binding);
        if verdict != Err(CsrfError::BadSignature) {
            break;
        }
    }
    verdict.map_err(refusal)
}

fn mismatch() -> Problem {
    Problem::forbidden("csrf_token_mismatch", "The X-CSRF-Token header and the csrf_token cookie differ.")
}

fn refusal(error: CsrfError) -> Problem {
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
