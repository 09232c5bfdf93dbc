//! The checks of a request that opens a connection. They are the same for the WebSocket handshake and for the emulated
//! transports.
//!
//! The checks are ordered by their cost: origin, rate limit, connection limits, credential, session. If the request has a valid
//! credential, the connection is first registered with its session. Then the request is answered, and then delivery begins.
//! Revocations rely on the registration before the first delivery.

use std::net::IpAddr;

use actix_http::header::{self, HeaderMap, HeaderName};
use actix_web::http::StatusCode;
use actors::runtime::{Outbox, OutboxReader, Transport};
use domain::{
    client::{address, origin::FetchSite},
    request::RequestIds,
    tokens::credential::{self, Credential, Headers, Source},
};
use logic::client::VerifyRefusal;
use protocol::{Encoding, id::ConnectionId};
use uuid::Uuid;

use super::{
    authenticate::{admit_ticket, admit_token},
    connection_limits::{Permit, TotalPermit},
    refusal::Refusal,
    register::{Admitted, NewConnection},
};
use crate::socket::shared::SocketContext;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The parts of a request that are checked.
pub(crate) struct RequestParts<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: Option<&'a str>,
    pub(crate) peer: Option<IpAddr>,
}

/// The credential that the request presents.
#[derive(Default)]
pub(crate) struct Presented {
    pub(crate) credential: Option<Credential>,
    /// Whether a token may come later, with `connect`. If so, a cookie with a refused token is ignored, for two reasons. A
    /// browser sends its cookie with every request, even if the client holds a valid token. And a script in a browser cannot
    /// read the answer to a refused handshake.
    pub(crate) token_may_follow: bool,
}

/// A connection that may open, with the permits and the registration that it holds.
pub(crate) struct Accepted {
    pub(crate) id: ConnectionId,
    pub(crate) permit: Permit,
    /// The permit for a peer that has not signed in; `None` if the peer has signed in.
    pub(crate) unauthenticated: Option<TotalPermit>,
    pub(crate) admitted: Option<Admitted>,
    /// Why the cookie was ignored; `None` if no cookie was ignored.
    pub(crate) cookie_refusal: Option<VerifyRefusal>,
    pub(crate) outbox: Outbox,
    pub(crate) reader: OutboxReader,
}

/// Checks the request and its credential. On success the connection may open.
pub(crate) async fn admit(
    context: &SocketContext,
    parts: &RequestParts<'_>,
    presented: Presented,
    encoding: Encoding,
    transport: Transport,
) -> Result<Accepted, Refusal> {
    let Presented { credential, token_may_follow } = presented;
    let (address, permit) = take_place(context, parts, credential.as_ref(), transport).await?;
    let outbox_bytes = context.settings.outbox_bytes;
    let begin = || (ConnectionId::random(), context.realtime.outbox(outbox_bytes, encoding));
    let (mut id, (mut outbox, mut reader)) = begin();
    let (mut admitted, mut cookie_refusal) = (None, None);
    if let Some(credential) = credential {
        let connection = NewConnection { id, outbox: &outbox, address, transport };
        match verify(context, &credential, &connection).await {
            Ok(verified) => admitted = Some(verified),
            Err(refusal)
                if token_may_follow
                    && credential.source == Source::Cookie
                    && refusal.is_caused_by_token() =>
            {
                cookie_refusal = Some(refusal);
                // The outbox of a refused connection may have been cut, so the connection starts again with a new id and a new
                // outbox.
                (id, (outbox, reader)) = begin();
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let unauthenticated = match &admitted {
        Some(_) => None,
        None => Some(context.permits.take_unauthenticated().ok_or_else(Refusal::connection_limit)?),
    };
    Ok(Accepted { id, permit, unauthenticated, admitted, cookie_refusal, outbox, reader })
}

/// Makes the cheap checks: origin, stop of the server, rate limit of the address. Then takes the permit of the connection.
async fn take_place(
    context: &SocketContext,
    parts: &RequestParts<'_>,
    credential: Option<&Credential>,
    transport: Transport,
) -> Result<(IpAddr, Permit), Refusal> {
    parts.check_origin(context, credential)?;
    if context.realtime.is_draining() {
        return Err(Refusal::unavailable());
    }
    let address = parts.address(context);
    if let Some(peer) = parts.peer {
        let has = |name: &str| parts.headers.contains_key(name);
        context.services.proxy_notices.check_forwarding(peer, &context.live().trusted_proxies, has);
    }
    // An emulated stream watches its connection through a second descriptor.
    let descriptors = if transport == Transport::WebSocket { 1 } else { 2 };
    if context.is_trusted_proxy(address) {
        // The proxy does not name its client. The limits per address do not apply: they would count all its clients as one
        // client.
        context.services.proxy_notices.note_unnamed_client(address);
        let permit = context.permits.take_without_address(descriptors);
        return Ok((address, permit.ok_or_else(Refusal::connection_limit)?));
    }
    let limit = context.services.throttle.limits().handshake_address;
    context.services.throttle.spend_for_address(limit, address).await?;
    let permit = context.permits.take(address::limit_key(address), descriptors);
    Ok((address, permit.ok_or_else(Refusal::connection_limit)?))
}

/// Verifies the credential and registers the connection.
async fn verify(
    context: &SocketContext,
    credential: &Credential,
    connection: &NewConnection<'_>,
) -> Result<Admitted, VerifyRefusal> {
    if credential.source == Source::Ticket {
        return admit_ticket(context, &credential.token, connection).await;
    }
    let chosen = context.services.access.verifier.choose(credential.clone()).await;
    admit_token(context, Some(&chosen.token), connection).await
}

impl RequestParts<'_> {
    /// The credential in the request, if there is one.
    pub(crate) fn credential(&self, source: credential::Door) -> Result<Option<Credential>, Refusal> {
        let authorization = bytes(self.headers, &header::AUTHORIZATION);
        let cookies = bytes(self.headers, &header::COOKIE);
        let headers = Headers { authorization: &authorization, cookies: &cookies, query: self.query };
        Ok(credential::find(headers, source)?)
    }

    /// Checks the origin of the page. Browsers send cookies with every request. Browsers name the origin of the page in every
    /// WebSocket handshake, in every POST, and in every request to another origin if the page can read the answer. If a request
    /// names an origin, that origin must be allowed.
    ///
    /// A request without an origin is refused in two cases: a browser sends it for a page of another origin (to load an image,
    /// for example), or its credential is a cookie. There is one exception: in a GET to the page's own origin, such as that of
    /// an `EventSource`, browsers send `Sec-Fetch-Site: same-origin` instead of an origin. A page cannot set this header, and a
    /// redirect from another site changes it to `cross-site`. A program that is not a browser can invent the header, but it
    /// could also invent an origin.
    pub(crate) fn check_origin(
        &self,
        context: &SocketContext,
        credential: Option<&Credential>,
    ) -> Result<(), Refusal> {
        let mut origins = lines(self.headers, &header::ORIGIN);
        let by_cookie = credential.is_some_and(|credential| credential.source == Source::Cookie);
        let allowed = match (origins.next(), origins.next()) {
            (Some(origin), None) => context.origins.allows(origin),
            (Some(_), Some(_)) => false,
            (None, _) => match self.fetch_site() {
                Some(FetchSite::SameOrigin) => true,
                Some(FetchSite::SameSite | FetchSite::CrossSite) => false,
                Some(FetchSite::None) | None => !by_cookie,
            },
        };
        if allowed {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "Connections from this origin are not allowed.",
        ))
    }

    /// The browser's statement about the origin of the page (`Sec-Fetch-Site`). A repeated header counts as `cross-site`.
    fn fetch_site(&self) -> Option<FetchSite> {
        let name = FETCH_SITE;
        let mut sites = lines(self.headers, &name).map(FetchSite::parse);
        let first = sites.next();
        if sites.next().is_some() { Some(FetchSite::CrossSite) } else { first }
    }

    /// The address of the client. If the peer is a trusted proxy, this is the address that `X-Forwarded-For` names.
    pub(crate) fn address(&self, context: &SocketContext) -> IpAddr {
        let peer = self.peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let forwarded = bytes(self.headers, &FORWARDED_FOR);
        address::client_address(address::canonical(peer), &forwarded, &context.live().trusted_proxies)
    }
}

/// The values of a header, as bytes.
fn bytes<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a [u8]> {
    headers.get_all(name).map(|value| value.as_bytes()).collect()
}

/// The ids of a request: those that its client gave, or new ones.
pub(crate) fn request_ids(headers: &HeaderMap) -> RequestIds {
    RequestIds::of(lines(headers, &REQUEST_ID), lines(headers, &TRACE_PARENT), Uuid::new_v4)
}

/// The values of a header. A value that is not UTF-8 becomes U+FFFD, and no check accepts this character.
pub(crate) fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).map(|value| std::str::from_utf8(value.as_bytes()).unwrap_or("\u{fffd}"))
}
