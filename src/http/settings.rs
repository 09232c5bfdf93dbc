//! The part of the configuration that REST needs. Built by `app`, read by the files of this module.

use std::net::IpAddr;

use actix_web::{HttpRequest, web};
use actors::runtime::Live;
use domain::client::{
    address::{self, Encrypted},
    origin::Origins,
};

use super::acme_challenges::HttpChallenges;

/// The settings of the REST layer, shared as `web::Data<HttpSettings>`.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// `portcullis dev`, or `ENVIRONMENT=development`: the debug route exists, cookies over plain HTTP on loopback are not
    /// `Secure`, and no HSTS header is sent.
    pub development: bool,
    /// `DOMAIN`: the name of the server.
    pub domain: String,
    /// `COOKIE_DOMAIN`: the domain of session cookies. Without it, the cookies belong to the host alone.
    pub cookie_domain: Option<String>,
    /// `CORS_ALLOWED_HEADERS`: headers that pages may send besides the usual headers.
    pub allowed_headers: Vec<String>,
    /// `ACCESS_COOKIE_READABLE`: the access cookie is not `HttpOnly`.
    pub access_cookie_readable: bool,
    /// `CORS_ALLOWED_ORIGINS`, and in development the origins of the server itself.
    pub origins: Origins,
    /// The settings that a reload replaces: here, the peers that may send `X-Forwarded-For` (`TRUSTED_PROXIES`).
    pub live: Live,
    /// `SECURITY_HEADERS_ENABLED`.
    pub security_headers: bool,
    /// `CLIENT_CA_FILE` is set: operators and the server API need a client certificate.
    pub client_certificate_required: bool,
    /// The open challenges of ACME.
    pub challenges: HttpChallenges,
    /// Whether `Strict-Transport-Security` applies to all hosts below the server's name, too.
    pub hsts_subdomains: bool,
}

impl HttpSettings {
    /// The settings of the application that serves `request`, or the defaults if the application has none.
    pub(super) fn of(request: &HttpRequest) -> web::Data<Self> {
        request.app_data::<web::Data<Self>>().cloned().unwrap_or_else(|| web::Data::new(Self::default()))
    }
}

/// Stored with a connection that redirects every request to HTTPS.
pub struct RedirectsToHttps;

/// Whether the request arrived over TLS. The listener stores this with the connection. If nothing is stored, the setting of
/// actix-web counts.
pub(super) fn is_encrypted(request: &HttpRequest) -> bool {
    request.conn_data::<Encrypted>().map_or_else(|| request.app_config().secure(), |encrypted| encrypted.0)
}

/// The address of the peer, with IPv4-mapped IPv6 addresses as IPv4. Behind a proxy this is the address of the proxy.
pub(super) fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| address::canonical(peer.ip()))
}
