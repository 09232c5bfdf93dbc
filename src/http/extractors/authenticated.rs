//! The signed-in caller of a request: with these extractors a handler runs for a verified caller only.
//!
//! `extractors::credential` finds the token, and the verifier of `service` judges it. The services decide whether the caller
//! may act on other users, and record refusals. A browser sends cookies by itself. So with a cookie as its credential, a
//! request that changes something needs a CSRF token.
//!
//! A handler with a body takes [`AuthenticatedBody`], never [`Authenticated`] beside a [`Body`]. The session may be revoked
//! while the body arrives, so the caller must be verified again afterwards.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use domain::{
    account::role::Scope,
    tokens::{credential::Source, csrf::Binding},
};
use secrecy::ExposeSecret as _;
use service::{Caller, Refusal, Services};

use super::{
    body::{Body, MaybeBody, Shape},
    client::services,
    credential::credential,
};
use crate::http::{csrf, problem::Problem};

/// A verified caller, and where the token was found. A handler with a body uses [`AuthenticatedBody`] instead.
#[derive(Clone)]
pub(crate) struct Authenticated {
    /// The verified caller.
    pub(crate) caller: Caller,
    /// Where the token was found.
    pub(crate) source: Source,
}

/// A body and its caller. The caller is verified after the last byte of the body has arrived.
pub(crate) struct AuthenticatedBody<T> {
    /// The verified caller.
    pub(crate) caller: Caller,
    /// The parsed body.
    pub(crate) body: T,
}

/// As [`AuthenticatedBody`], for a body that may be missing.
pub(crate) struct AuthenticatedMaybeBody<T> {
    /// The verified caller.
    pub(crate) caller: Caller,
    /// The parsed body, if there is one.
    pub(crate) body: Option<T>,
}

/// What the access log says about the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoggedCaller {
    pub(crate) user: i64,
    pub(crate) session: protocol::id::SessionId,
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// What operators use. Their reads have a limit, because they may read many rows.
const OPERATORS: &str = "/api/v1/admin/";

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let found = Self::of(&request).await?;
            found.spend(&request).await?;
            Ok(found)
        })
    }
}

impl<T: Shape> FromRequest for AuthenticatedBody<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    /// Verifies the caller twice, before and after the body, for two reasons. The first check rejects callers without a
    /// valid token before the server waits for their body. The result of the second check counts: a body may take up to 15
    /// seconds to arrive, and the session may be revoked in that time.
    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            Authenticated::of(&request).await?.spend(&request).await?;
            let body = Body::<T>::from_request(&request, &mut payload).await?.0;
            let caller = Authenticated::of(&request).await?.caller;
            Ok(Self { caller, body })
        })
    }
}

impl<T: Shape> FromRequest for AuthenticatedMaybeBody<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    /// Verifies the caller before and after the body, as for a required body.
    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            Authenticated::of(&request).await?.spend(&request).await?;
            let body = MaybeBody::<T>::from_request(&request, &mut payload).await?.0;
            let caller = Authenticated::of(&request).await?.caller;
            Ok(Self { caller, body })
        })
    }
}

impl Authenticated {
    /// Verifies the caller of `request` now.
    ///
    /// # Errors
    /// 400 for a credential in the wrong place, a repeated or malformed one, and for a CSRF header that is not UTF-8. 401
    /// without a valid token. 403 if the account is blocked or not active, if a check against cross-site requests fails, or
    /// without the scope that the HTTP method needs. 503 if the token cannot be verified at the moment.
    pub(crate) async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let services = services(request)?;
        let credential = credential(request)?.ok_or_else(Problem::not_authenticated)?;
        let credential = services.access.verifier.choose(credential).await;
        let caller = services.access.verifier.verify(credential.token.expose_secret()).await?;
        request.extensions_mut().insert(LoggedCaller { user: caller.user.0, session: caller.session });
        let found = Self { caller, source: credential.source };
        found.authorize(request, services)?;
        Ok(found)
    }

    /// Counts the request against the limit of the caller, if the request may change something or reads data of others.
    ///
    /// # Errors
    /// 429 over the limit.
    pub(super) async fn spend(&self, request: &HttpRequest) -> Result<(), Problem> {
        let throttle = &services(request)?.throttle;
        let limits = throttle.limits();
        let limit = match request.method().is_safe() {
            false => limits.request_user,
            true if request.path().starts_with(OPERATORS) => limits.operator_read_user,
            true => return Ok(()),
        };
        Ok(throttle.spend(limit, &self.caller.user.to_string()).await?)
    }

    /// Checks whether the caller may send this request: the CSRF token if it is needed, and the scope of the access token.
    fn authorize(&self, request: &HttpRequest, services: &Services) -> Result<(), Problem> {
        let reading = request.method().is_safe();
        if !reading && self.source == Source::Cookie {
            csrf::require_own_site(request)?;
            csrf::require_token(request, services, &[Binding::Session(self.caller.session)])?;
        }
        let needed = if reading { Scope::Read } else { Scope::Write };
        if self.caller.scopes.contains(needed) {
            return Ok(());
        }
        Err(Problem::forbidden("insufficient_scope", "The token does not permit this."))
    }
}

/// The caller, if the request has a token that verifies. A token that does not verify counts as absent.
///
/// # Errors
/// 400 for a credential in the wrong place, a repeated or malformed one. 503 if the token cannot be verified at the moment.
pub(crate) async fn optional_caller(
    request: &HttpRequest,
    services: &Services,
) -> Result<Option<Caller>, Problem> {
    let Some(credential) = credential(request)? else {
        return Ok(None);
    };
    let credential = services.access.verifier.choose(credential).await;
    match services.access.verifier.verify(credential.token.expose_secret()).await {
        Ok(caller) => Ok(Some(caller)),
        Err(Refusal::Unavailable) => Err(Refusal::Unavailable.into()),
        Err(_) => Ok(None),
    }
}
