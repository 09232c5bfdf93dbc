//! Who a request comes from: its id, the client's address, the device and the headers that describe it.
//!
//! The middleware notes the [`Arrival`] of every request; handlers take [`Client`], which adds what the services want to
//! know. `ConnectionInfo` is never asked: it believes headers that anybody can send.

use std::{
    future::{Ready, ready},
    net::{IpAddr, Ipv4Addr},
};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderName},
    web,
};
use uuid::Uuid;

use crate::http::{
    cookies::Jar,
    problem::Problem,
    settings::{HttpSettings, peer},
};
use domain::{
    client::{
        address,
        device::{self, FINGERPRINT_HEADERS},
    },
    request::request_id,
    tokens::credential::cookie,
};
use service::{RequestMeta, Services};

/// The request id's header, in requests and answers.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What a browser says about where its request comes from; programs that are no browsers do not send it.
pub(crate) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The device cookie on plain loopback HTTP.
pub(crate) const DEVICE_COOKIE: &str = "device_id";
/// The device cookie everywhere else, where no other host can plant it.
pub(crate) const HOST_DEVICE_COOKIE: &str = "__Host-device_id";

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What is kept of a `User-Agent`, in bytes.
const MAX_USER_AGENT: usize = 512;

/// What every request gets before anything looks at it.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// The client's own id for it if it is sane, or a fresh one.
    pub(crate) request_id: String,
    /// The client's address.
    pub(crate) address: IpAddr,
}

impl Arrival {
    /// Notes what `request` says, believing only trusted proxies.
    pub(crate) fn of(request: &HttpRequest, settings: &HttpSettings) -> Self {
        let given = lines(request, &REQUEST_ID).unwrap_or_default();
        let forwarded: Vec<&str> = lines(request, &FORWARDED_FOR).unwrap_or_default();
        let address = peer(request).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
            address::client_address(peer, &forwarded, &settings.trusted_proxies)
        });
        Self { request_id: request_id(given, Uuid::new_v4), address }
    }

    /// What the middleware noted about `request`.
    pub(crate) fn noted(request: &HttpRequest) -> Self {
        let noted = request.extensions().get::<Self>().cloned();
        noted.unwrap_or_else(|| Self::of(request, &HttpSettings::of(request)))
    }
}

/// What the services want to know about a request.
pub(crate) struct Client(pub(crate) RequestMeta);

impl FromRequest for Client {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(meta(request).map(Self))
    }
}

/// Gathers [`RequestMeta`]. A device cookie that we did not seal counts as none.
fn meta(request: &HttpRequest) -> Result<RequestMeta, Problem> {
    let services = services(request)?;
    let Arrival { request_id, address } = Arrival::noted(request);
    let described: Vec<(&str, String)> =
        FINGERPRINT_HEADERS.into_iter().filter_map(|name| Some((name, lossy(request, name)?))).collect();
    let described: Vec<(&str, &str)> =
        described.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(RequestMeta {
        request_id,
        address,
        user_agent: lossy(request, "user-agent").map(|mut agent| {
            agent.truncate(agent.floor_char_boundary(MAX_USER_AGENT));
            agent
        }),
        fingerprint: device::fingerprint(&described),
        device: request_cookie(request, Jar::of(request).device_name())?
            .and_then(|value| services.access.keys.cookies.open(&value)),
        browser: request.headers().contains_key(&FETCH_SITE),
    })
}

/// The services of the application. Without them nothing can be answered.
pub(crate) fn services(request: &HttpRequest) -> Result<&web::Data<Services>, Problem> {
    request.app_data::<web::Data<Services>>().ok_or_else(|| {
        tracing::error!("the application was built without its services");
        Problem::internal()
    })
}

/// Every value of the header `name`, in order.
///
/// # Errors
/// A value that is no UTF-8 is a 400: a credential must not be half read.
pub(crate) fn lines<'a>(request: &'a HttpRequest, name: &HeaderName) -> Result<Vec<&'a str>, Problem> {
    request
        .headers()
        .get_all(name)
        .map(|value| std::str::from_utf8(value.as_bytes()))
        .collect::<Result<_, _>>()
        .map_err(|_| Problem::bad_request("malformed_header", "A header is not valid UTF-8."))
}

/// The value of a header that should be there once; not valid or repeated counts as none.
pub(crate) fn text<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    match lines(request, name).ok()?.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// The value of one of our cookies.
pub(crate) fn request_cookie(request: &HttpRequest, name: &str) -> Result<Option<String>, Problem> {
    Ok(cookie(&lines(request, &header::COOKIE)?, name)?)
}

fn lossy(request: &HttpRequest, name: &str) -> Option<String> {
    let value = request.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn arrival(request: TestRequest) -> Arrival {
        let settings =
            HttpSettings { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..HttpSettings::default() };
        Arrival::of(&request.to_http_request(), &settings)
    }

    #[test]
    fn a_sane_request_id_is_kept_and_another_replaced() {
        let kept = arrival(TestRequest::default().insert_header((REQUEST_ID, "abc-123")));
        assert_eq!(kept.request_id, "abc-123");
        for odd in ["", "with space", "tab\there", &"x".repeat(65)] {
            let replaced = arrival(TestRequest::default().insert_header((REQUEST_ID, odd)));
            assert!(Uuid::parse_str(&replaced.request_id).is_ok(), "{odd:?}");
        }
        let twice = TestRequest::default().append_header((REQUEST_ID, "a")).append_header((REQUEST_ID, "b"));
        assert!(Uuid::parse_str(&arrival(twice).request_id).is_ok());
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let forwarded = |peer: &str| {
            let request = TestRequest::default().peer_addr(peer.parse().unwrap());
            arrival(request.insert_header((FORWARDED_FOR, "198.51.100.1"))).address.to_string()
        };
        assert_eq!(forwarded("10.0.0.1:1234"), "198.51.100.1");
        assert_eq!(forwarded("203.0.113.9:1234"), "203.0.113.9");
    }

    #[test]
    fn a_header_that_is_no_utf8_is_refused() {
        let value = header::HeaderValue::from_bytes(b"access_token=\xff").unwrap();
        let request = TestRequest::default().insert_header((header::COOKIE, value)).to_http_request();
        assert_eq!(request_cookie(&request, "access_token").unwrap_err().code, "malformed_header");
    }
}
