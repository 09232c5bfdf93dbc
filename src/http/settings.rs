//! The part of the configuration that REST needs. Built by `app`, read by the files of this room.

use std::net::IpAddr;

use actix_web::{HttpRequest, web};
use domain::client::{
    address::{self, Encrypted},
    origin::Origins,
};
use ipnet::IpNet;

/// The settings of the REST layer, shared as `web::Data<HttpSettings>`.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// `ENVIRONMENT=development`: the debug route exists, cookies over plain loopback HTTP are not `Secure`, no HSTS.
    pub development: bool,
    /// `DOMAIN`: the name of the server.
    pub domain: String,
    /// `COOKIE_DOMAIN`; cookies are host-only without it.
    pub cookie_domain: Option<String>,
    /// `CORS_ALLOWED_HEADERS`: headers that pages may send beside the usual ones.
    pub allowed_headers: Vec<String>,
    /// `ACCESS_COOKIE_READABLE`: the access cookie is not `HttpOnly`.
    pub access_cookie_readable: bool,
    /// `CORS_ALLOWED_ORIGINS`.
    pub origins: Origins,
    /// `TRUSTED_PROXIES`: the peers that may send `X-Forwarded-For`.
    pub trusted_proxies: Vec<IpNet>,
    /// `SECURITY_HEADERS_ENABLED`.
    pub security_headers: bool,
}

impl HttpSettings {
    /// The settings of the application that serves `request`, or the defaults if the application has none.
    pub(super) fn of(request: &HttpRequest) -> web::Data<Self> {
        request.app_data::<web::Data<Self>>().cloned().unwrap_or_else(|| web::Data::new(Self::default()))
    }
}

/// Whether the request arrived over TLS. The listener stores this with the connection; without it, actix-web's setting counts.
pub(super) fn is_encrypted(request: &HttpRequest) -> bool {
    request.conn_data::<Encrypted>().map_or_else(|| request.app_config().secure(), |encrypted| encrypted.0)
}

/// The address of the peer, with IPv4-mapped IPv6 addresses as IPv4. Behind a proxy this is the address of the proxy.
pub(super) fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| address::canonical(peer.ip()))
}
