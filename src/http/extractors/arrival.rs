//! The ids and the client address of a request. The middleware stores an [`Arrival`] with every request before other code reads
//! the request.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{HttpMessage as _, HttpRequest, http::header::HeaderName};
use domain::{client::address, request::RequestIds};
use uuid::Uuid;

use super::request_headers::{header_bytes, header_values};
use crate::http::settings::{HttpSettings, peer};

/// The header with the request id, in requests and answers.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header with the step of a trace that sends a request (W3C Trace Context).
pub(crate) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the server notes about every request on arrival.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// The ids that the client sent, if their form is acceptable, or else new ids.
    pub(crate) ids: RequestIds,
    /// The client's address.
    pub(crate) address: IpAddr,
}

impl Arrival {
    /// Reads `request`. `X-Forwarded-For` counts only if the peer is a trusted proxy.
    pub(crate) fn of(request: &HttpRequest, settings: &HttpSettings) -> Self {
        let given = |name| header_values(request, name).unwrap_or_default();
        let ids = RequestIds::of(given(&REQUEST_ID), given(&TRACE_PARENT), Uuid::new_v4);
        let forwarded = header_bytes(request, &FORWARDED_FOR);
        let address = peer(request).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
            address::client_address(peer, &forwarded, &settings.live.load().trusted_proxies)
        });
        Self { ids, address }
    }

    /// The arrival that the middleware stored with `request`. In tests without the middleware it is read from the request.
    pub(crate) fn stored(request: &HttpRequest) -> Self {
        let stored = request.extensions().get::<Self>().cloned();
        stored.unwrap_or_else(|| Self::of(request, &HttpSettings::of(request)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use actors::runtime::{Live, LiveSettings};

    use super::*;

    fn arrival(request: TestRequest) -> Arrival {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let live = Live::new(LiveSettings { trusted_proxies, ..LiveSettings::default() });
        let settings = HttpSettings { live, ..HttpSettings::default() };
        Arrival::of(&request.to_http_request(), &settings)
    }

    #[test]
    fn an_acceptable_request_id_is_kept_and_any_other_id_is_replaced() {
        let kept = arrival(TestRequest::default().insert_header((REQUEST_ID, "abc-123")));
        assert_eq!(kept.ids.request_id, "abc-123");
        for odd in ["", "with space", "tab\there", &"x".repeat(65)] {
            let replaced = arrival(TestRequest::default().insert_header((REQUEST_ID, odd)));
            assert!(Uuid::parse_str(&replaced.ids.request_id).is_ok(), "{odd:?}");
        }
        let twice = TestRequest::default().append_header((REQUEST_ID, "a")).append_header((REQUEST_ID, "b"));
        assert!(Uuid::parse_str(&arrival(twice).ids.request_id).is_ok());
    }

    #[test]
    fn only_a_trusted_proxy_may_name_the_client_address() {
        let forwarded = |peer: &str| {
            let request = TestRequest::default().peer_addr(peer.parse().unwrap());
            arrival(request.insert_header((FORWARDED_FOR, "198.51.100.1"))).address.to_string()
        };
        assert_eq!(forwarded("10.0.0.1:1234"), "198.51.100.1");
        assert_eq!(forwarded("203.0.113.9:1234"), "203.0.113.9");
    }
}
