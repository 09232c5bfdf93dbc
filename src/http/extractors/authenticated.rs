//! Who is asking: the extractor that lets a handler run for a signed-in user only.
//!
//! The token is found by `domain::tokens::credential` and judged by the one verifier; nothing here decides on its own. Who may act on
//! others is the services' question, which also writes a refusal down. A credential
//! that a browser sends unasked, a cookie, needs a CSRF token for everything that changes something.
//!
//! A handler that takes a body takes [`AuthenticatedBody`]: extractors of one handler run side by side, and a body may take
//! its time, in which whoever began to send it can be revoked.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, http::header};
use secrecy::ExposeSecret as _;

use super::{
    body::{Body, Shape},
    client::{lines, services},
};
use crate::http::{csrf, problem::Problem};
use domain::{
    account::role::Scope,
    tokens::{
        credential::{Credential, Door, Headers, Source, find},
        csrf::Binding,
    },
};
use service::{Caller, Services};

/// A verified caller, and where the token was found. Not beside a [`Body`].
#[derive(Clone)]
pub(crate) struct Authenticated {
    /// Who.
    pub(crate) caller: Caller,
    /// By which credential.
    pub(crate) source: Source,
}

/// A body, and its caller as verified after the last byte of it had come.
pub(crate) struct AuthenticatedBody<T> {
    /// Who.
    pub(crate) caller: Caller,
    /// What they sent.
    pub(crate) body: T,
}

/// What the access log says about the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traced {
    pub(crate) user: i64,
    pub(crate) session: protocol::id::SessionId,
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}

impl<T: Shape> FromRequest for AuthenticatedBody<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            // Nobody's body is waited for who is a stranger already.
            Authenticated::of(&request).await?;
            let body = Body::<T>::from_request(&request, &mut payload).await?.0;
            let caller = Authenticated::of(&request).await?.caller;
            Ok(Self { caller, body })
        })
    }
}

impl Authenticated {
    /// The caller of `request` as of now.
    pub(crate) async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let services = services(request)?;
        let credential = credential(request)?.ok_or_else(Problem::not_authenticated)?;
        let caller = services.access.verifier.verify(credential.token.expose_secret()).await?;
        request.extensions_mut().insert(Traced { user: caller.user.0, session: caller.session });
        let found = Self { caller, source: credential.source };
        found.admit(request, services)?;
        Ok(found)
    }

    /// Whether the caller may send this very request.
    fn admit(&self, request: &HttpRequest, services: &Services) -> Result<(), Problem> {
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

/// The credential of a REST request, if it brings one.
///
/// # Errors
/// 400 for a credential that is misplaced, repeated or not in UTF-8.
pub(crate) fn credential(request: &HttpRequest) -> Result<Option<Credential>, Problem> {
    let authorization = lines(request, &header::AUTHORIZATION)?;
    let cookies = lines(request, &header::COOKIE)?;
    let headers =
        Headers { authorization: &authorization, cookies: &cookies, query: Some(request.query_string()) };
    Ok(find(headers, Door::Rest)?)
}
