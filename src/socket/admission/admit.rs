//! Who may open a connection, over whatever transport: what the WebSocket handshake and the emulated transports check alike.
//!
//! Cheapest first: origin, rate, places, credential, session. The order that revocation depends on: the connection is
//! registered with its session before anything is answered, and delivery begins after.

use std::{net::IpAddr, time::Instant};

use actix_http::header::{self, HeaderMap, HeaderName};
use actix_web::http::StatusCode;
use actors::runtime::{Outbox, OutboxReader, Transport, outbox};
use protocol::{Encoding, id::ConnectionId};

use super::refusal::Refusal;
use crate::socket::{
    admission::connection_limits::Permit,
    shared::{Admitted, Arriving, Door},
};
use domain::{
    client::{address, origin::FetchSite},
    tokens::credential::{self, Credential, Headers, Source},
};
use logic::client::VerifyRefusal;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The parts of a request that decide.
pub(in crate::socket) struct Knock<'a> {
    pub(in crate::socket) headers: &'a HeaderMap,
    pub(in crate::socket) query: Option<&'a str>,
    pub(in crate::socket) peer: Option<IpAddr>,
}

/// What the request brings to prove who knocks.
#[derive(Default)]
pub(in crate::socket) struct Shown {
    pub(in crate::socket) credential: Option<Credential>,
    /// Whether a token may come later, with `connect`. A cookie that proves nothing is then passed over: browsers send it
    /// unasked, and the client, which cannot read a refused handshake, may hold a good token.
    pub(in crate::socket) may_follow: bool,
}

/// What a connection that may be opened brings along.
pub(in crate::socket) struct Granted {
    pub(in crate::socket) id: ConnectionId,
    pub(in crate::socket) permit: Permit,
    pub(in crate::socket) admitted: Option<Admitted>,
    /// Why its cookie was passed over.
    pub(in crate::socket) unproven: Option<VerifyRefusal>,
    pub(in crate::socket) outbox: Outbox,
    pub(in crate::socket) reader: OutboxReader,
}

/// Opens a connection for whoever knocks and shows this.
pub(in crate::socket) async fn enter(
    door: &Door,
    knock: &Knock<'_>,
    shown: Shown,
    encoding: Encoding,
    transport: Transport,
) -> Result<Granted, Refusal> {
    let Shown { credential, may_follow } = shown;
    knock.check_origin(door, credential.as_ref())?;
    if door.realtime.is_draining() {
        return Err(Refusal::unavailable());
    }
    let address = knock.address(door);
    door.services
        .throttle
        .spend_for_address(door.services.throttle.limits().handshake_address, address)
        .await?;
    let permit = door.permits.take(address::limit_key(address)).ok_or_else(Refusal::connection_limit)?;
    let begin = || (ConnectionId::random(), outbox(door.settings.outbox_bytes, encoding));
    let (id, (outbox, reader)) = begin();
    let Some(credential) = credential else {
        return Ok(Granted { id, permit, admitted: None, unproven: None, outbox, reader });
    };
    let arriving = Arriving { connection: id, outbox: &outbox, address, transport };
    match admit(door, &credential, &arriving).await {
        Ok(admitted) => Ok(Granted { id, permit, admitted: Some(admitted), unproven: None, outbox, reader }),
        Err(refusal) if may_follow && credential.source == Source::Cookie && refusal.is_of_the_token() => {
            // The outbox of one that was refused may have been cut.
            let (id, (outbox, reader)) = begin();
            Ok(Granted { id, permit, admitted: None, unproven: Some(refusal), outbox, reader })
        }
        Err(refusal) => Err(refusal.into()),
    }
}

async fn admit(
    door: &Door,
    credential: &Credential,
    arriving: &Arriving<'_>,
) -> Result<Admitted, VerifyRefusal> {
    if credential.source != Source::Ticket {
        return door.admit(Some(&credential.token), arriving).await;
    }
    let verified_at = Instant::now();
    let caller = door.redeem(&credential.token).await?;
    door.register(&caller, verified_at, arriving).await
}

impl Knock<'_> {
    /// The credential that the request itself brings, if any.
    pub(in crate::socket) fn credential(
        &self,
        door: credential::Door,
    ) -> Result<Option<Credential>, Refusal> {
        let authorization: Vec<&str> = lines(self.headers, &header::AUTHORIZATION).collect();
        let cookies: Vec<&str> = lines(self.headers, &header::COOKIE).collect();
        let headers = Headers { authorization: &authorization, cookies: &cookies, query: self.query };
        Ok(credential::find(headers, door)?)
    }

    /// Only a browser sends cookies unasked, and it names its page's origin with every WebSocket, every POST and whatever
    /// goes to another origin: an origin must be an allowed one, and a cookie without an origin proves nothing. But with a
    /// GET to the page's own origin, such as an `EventSource`'s, it names none, and says `Sec-Fetch-Site: same-origin`, which
    /// is as good: no page can set that header or make a browser lie in it, and one redirect from elsewhere on the way
    /// makes it `cross-site`. A program that invents it holds the cookie, and could as well invent an origin.
    pub(in crate::socket) fn check_origin(
        &self,
        door: &Door,
        credential: Option<&Credential>,
    ) -> Result<(), Refusal> {
        let mut origins = lines(self.headers, &header::ORIGIN);
        let allowed = match (origins.next(), origins.next()) {
            (Some(origin), None) => door.origins.allows(origin),
            (Some(_), Some(_)) => false,
            (None, _) => {
                credential.is_none_or(|credential| credential.source != Source::Cookie)
                    || self.is_same_origin()
            }
        };
        if allowed {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "This origin may not open a connection.",
        ))
    }

    /// Whether a browser vouches that the page's origin is the server's own.
    fn is_same_origin(&self) -> bool {
        let name = FETCH_SITE;
        let mut sites = lines(self.headers, &name).map(FetchSite::parse);
        (sites.next(), sites.next()) == (Some(FetchSite::SameOrigin), None)
    }

    /// Where the client is.
    pub(in crate::socket) fn address(&self, door: &Door) -> IpAddr {
        let peer = self.peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let forwarded: Vec<&str> = lines(self.headers, &FORWARDED_FOR).collect();
        address::client_address(address::canonical(peer), &forwarded, &door.trusted_proxies)
    }
}

/// The values of a header that are text; of others nothing is understood here, which refuses them where it matters.
pub(in crate::socket) fn lines<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).map(|value| std::str::from_utf8(value.as_bytes()).unwrap_or("\u{fffd}"))
}
