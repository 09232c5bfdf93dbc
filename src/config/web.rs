//! The server as browsers see it: its name, the origins of pages, cookies, and the names that passkeys belong to.

use std::net::IpAddr;

use domain::{
    client::{address::parse_network, cookie_domain::is_cookie_domain},
    factors::passkey::{self, RelyingPartyNames, is_android_app, origin_fits},
};
use ipnet::IpNet;

use super::{
    reader::Reader,
    setting::{List, Setting},
    table::{
        ACCESS_COOKIE_READABLE, COOKIE_DOMAIN, CORS_ALLOWED_HEADERS, CORS_ALLOWED_ORIGINS, DOMAIN,
        HSTS_SUBDOMAINS, PAGES, SECURITY_HEADERS_ENABLED, TRUSTED_PROXIES, WEBAUTHN_ORIGINS, WEBAUTHN_RP_ID,
        WEBAUTHN_RP_NAME,
    },
};

/// The origins of a proxy in front of `portcullis dev`. The server's own origins are added when its listeners are bound.
const DEV_ORIGINS: [&str; 2] = ["https://localhost", "http://localhost"];
const DEV_DOMAIN: &str = "localhost";

/// The server as browsers see it.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// `DOMAIN`.
    pub domain: String,
    /// `CORS_ALLOWED_ORIGINS`; with pages also `https://` and `DOMAIN`; with `portcullis dev` also the origins of a local proxy.
    pub allowed_origins: Vec<String>,
    /// `COOKIE_DOMAIN`.
    pub cookie_domain: Option<String>,
    /// `CORS_ALLOWED_HEADERS`, in lower case.
    pub allowed_headers: Vec<String>,
    /// `ACCESS_COOKIE_READABLE`.
    pub access_cookie_readable: bool,
    /// `SECURITY_HEADERS_ENABLED`.
    pub security_headers: bool,
    /// `HSTS_SUBDOMAINS`.
    pub hsts_subdomains: bool,
    /// `TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<IpNet>,
}

pub(super) fn web(read: &mut Reader<'_>) -> WebSettings {
    let listed = origins(read, &CORS_ALLOWED_ORIGINS, |_| false);
    let dev = read.is_dev();
    let named = read.text(&DOMAIN);
    let cookie_domain = cookie_domain(read, named.as_deref());
    let domain = named.or_else(|| dev.then(|| DEV_DOMAIN.to_owned())).unwrap_or_default();
    if domain.is_empty() {
        read.missing(DOMAIN.name, "DOMAIN: missing");
    }
    let own = own_origin(read, &domain);
    let local = DEV_ORIGINS.map(str::to_owned).into_iter().filter(|_| dev);
    WebSettings {
        domain,
        allowed_origins: local.chain(own).chain(listed).collect(),
        cookie_domain,
        allowed_headers: allowed_headers(read),
        access_cookie_readable: read.flag(&ACCESS_COOKIE_READABLE),
        security_headers: read.flag(&SECURITY_HEADERS_ENABLED),
        hsts_subdomains: read.flag(&HSTS_SUBDOMAINS),
        trusted_proxies: networks(read, &TRUSTED_PROXIES),
    }
}

/// The origin of the server's own pages, behind port 443. With another port, `CORS_ALLOWED_ORIGINS` must have the origin.
fn own_origin(read: &mut Reader<'_>, domain: &str) -> Option<String> {
    let served = !read.is_dev() && !domain.is_empty() && read.word(&PAGES) == "on";
    served.then(|| format!("https://{domain}"))
}

/// The domain of cookies. It must be the name of the server or a parent of that name, because browsers reject cookies for other
/// domains.
fn cookie_domain(read: &mut Reader<'_>, server: Option<&str>) -> Option<String> {
    let domain = read.text(&COOKIE_DOMAIN)?;
    if !is_cookie_domain(&domain, server) {
        let rule = "is neither DOMAIN nor a parent of it (labels in lower case, no port, no leading dot)";
        read.problem(format!("{}: `{domain}` {rule}", COOKIE_DOMAIN.name));
    }
    Some(domain)
}

fn allowed_headers(read: &mut Reader<'_>) -> Vec<String> {
    let listed = read.list(&CORS_ALLOWED_HEADERS);
    // The characters of RFC 9110, 5.6.2, without `*`: in CORS, `*` does not include `authorization`, and has no effect with
    // credentials.
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte))
    };
    for name in listed.iter().filter(|name| !is_name(name)) {
        read.problem(format!("{}: `{name}` is not the name of a header", CORS_ALLOWED_HEADERS.name));
    }
    listed.into_iter().map(|name| name.to_ascii_lowercase()).collect()
}

/// A list of addresses and networks.
fn networks(read: &mut Reader<'_>, setting: &Setting<List>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for item in read.list(setting) {
        match parse_network(&item) {
            Ok(network) => networks.push(network),
            Err(error) => read.problem(format!("{}: `{item}`: {error}", setting.name)),
        }
    }
    networks
}

/// The names that passkeys belong to. If the id is not set, it is the domain. If no origins are set, the allowed origins that
/// fit the id are used. If none of these fits, the only origin is `https://<id>`.
pub(super) fn passkeys(read: &mut Reader<'_>, web: &WebSettings) -> RelyingPartyNames {
    let id = read.text(&WEBAUTHN_RP_ID).unwrap_or_else(|| web.domain.clone());
    let mut origins = origins(read, &WEBAUTHN_ORIGINS, is_android_app);
    if origins.is_empty() {
        origins = web.allowed_origins.iter().filter(|origin| origin_fits(origin, &id)).cloned().collect();
    }
    if origins.is_empty() {
        origins.push(format!("https://{id}"));
    }
    let names = RelyingPartyNames { id, name: read.text(&WEBAUTHN_RP_NAME).unwrap_or_default(), origins };
    if !web.domain.is_empty() {
        for problem in passkey::problems(&names) {
            read.problem(problem);
        }
    }
    names
}

/// Reads a list of origins and checks each origin. `is_app` recognizes the origins of apps, which are not checked here.
fn origins(read: &mut Reader<'_>, setting: &Setting<List>, is_app: fn(&str) -> bool) -> Vec<String> {
    let listed = read.list(setting);
    for origin in listed.iter().filter(|origin| !is_app(origin)) {
        if let Some(wrong) = wrong_with_origin(origin, read.production) {
            read.problem(format!("{}: `{origin}` {wrong}", setting.name));
        }
    }
    listed
}

/// The reason why this origin cannot be used, if there is one. Origins are compared letter by letter (RFC 6454, 6.2), so an
/// origin in another spelling would silently never match.
fn wrong_with_origin(origin: &str, production: bool) -> Option<&'static str> {
    let Some((scheme, rest)) = origin.split_once("://") else {
        return Some("is not an origin: scheme://host, with the port if it is not the default one");
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let odd = |c: char| c.is_ascii_uppercase() || c.is_whitespace() || "/?#@*,".contains(c);
    let default_port = matches!((scheme, port), ("https", Some("443")) | ("http", Some("80")));
    if host.is_empty()
        || rest.contains(odd)
        || default_port
        || port.is_some_and(|port| port.parse::<u16>().is_err())
    {
        return Some("is not written as browsers write origins: lower case, no path, no default port");
    }
    (production && (scheme != "https" || is_local(host)))
        .then_some("is not an https origin of another machine")
}

/// Whether a browser takes the host for its own machine.
fn is_local(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    host == "localhost"
        || host.ends_with(".localhost")
        || address.is_some_and(|address| address.is_loopback() || address.is_unspecified())
}
