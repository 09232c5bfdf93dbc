//! The cookies of this server: names, attributes and removal, in one place so that a removal always has the attributes of
//! its cookie.
//!
//! A browser keeps a cookie of one host and a cookie of a whole domain side by side, and sends both. When `COOKIE_DOMAIN` is
//! set or removed on a running installation, browsers keep the cookies of the earlier scope. So an answer that sets or removes
//! a cookie of a session also removes cookies with that name in other scopes ([`Jar::removals_elsewhere`]).
//!
//! The text `csrf_token` is in the name of exactly one cookie and in no value, because clients search for that text.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, CookieBuilder, SameSite, time::Duration},
    http::header,
};
use domain::{
    client::device::{DEVICE_COOKIE_LIFETIME, DeviceCookies},
    tokens::{
        credential::{ACCESS_COOKIE, is_repeated},
        csrf,
    },
};
use protocol::id::DeviceId;
use service::Services;
use uuid::Uuid;

use super::{
    extractors::request_headers::{cookie_values, header_bytes},
    settings::{HttpSettings, is_encrypted, peer},
};

/// The cookie that carries a refresh token; sent to the authentication routes only.
pub(super) const REFRESH_COOKIE: &str = "refresh_token";
/// The cookie with the CSRF token.
pub(super) const CSRF_COOKIE: &str = "csrf_token";

/// The device cookie in development over plain HTTP on loopback.
const DEVICE_COOKIE: &str = "device_id";
/// The device cookie on all other connections. Because of the prefix, no other host can set it.
const HOST_DEVICE_COOKIE: &str = "__Host-device_id";
const REFRESH_PATH: &str = "/api/v1/auth";
/// The largest number of domains for the removal of a cookie in one answer.
const MAX_PARENTS: usize = 4;
const PRESESSION_LIFETIME: Duration = Duration::days(1);

/// Builds the cookies for the answer to one request.
#[derive(Clone, Debug)]
pub(super) struct Jar {
    secure: bool,
    /// The name of the server.
    server: String,
    /// The domain of session cookies (`COOKIE_DOMAIN`).
    domain: Option<String>,
    /// Whether scripts may read the access cookie.
    access_readable: bool,
}

impl Jar {
    /// The jar for `request`. Its cookies are `Secure`, except in development over plain HTTP on loopback.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let settings = HttpSettings::of(request);
        let plain_loopback = !is_encrypted(request) && peer(request).is_some_and(|peer| peer.is_loopback());
        Self::new(&settings, !(settings.development && plain_loopback))
    }

    fn new(settings: &HttpSettings, secure: bool) -> Self {
        Self {
            secure,
            server: settings.domain.clone(),
            domain: settings.cookie_domain.clone(),
            access_readable: settings.access_cookie_readable,
        }
    }

    /// The access token, for `lifetime` seconds.
    pub(super) fn access(&self, token: &str, lifetime: i64) -> Cookie<'static> {
        let cookie = self.cookie(ACCESS_COOKIE, token, lifetime).same_site(SameSite::Lax);
        cookie.http_only(!self.access_readable).finish()
    }

    /// The refresh token, for `lifetime` seconds.
    pub(super) fn refresh(&self, token: &str, lifetime: i64) -> Cookie<'static> {
        self.cookie(REFRESH_COOKIE, token, lifetime).path(REFRESH_PATH).same_site(SameSite::Strict).finish()
    }

    /// The cookie with the CSRF token.
    pub(super) fn csrf(&self, token: &str) -> Cookie<'static> {
        self.cookie(CSRF_COOKIE, token, csrf::LIFETIME).same_site(SameSite::Strict).finish()
    }

    /// The cookie with the device's identity, sealed. The cookie is never set for a whole domain. Another host of the domain
    /// could then set the cookie of an attacker's device in a user's browser, and a sign-in with that browser could make the
    /// attacker's device trusted.
    pub(super) fn device(&self, keys: &DeviceCookies, device: DeviceId) -> Cookie<'static> {
        let mut cookie = self
            .cookie(self.device_name(), &keys.seal(device), DEVICE_COOKIE_LIFETIME.as_secs().cast_signed())
            .same_site(SameSite::Lax)
            .finish();
        cookie.unset_domain();
        cookie
    }

    /// The name of the device cookie on this connection. Browsers accept the prefix `__Host-` only with `Secure`.
    pub(super) fn device_name(&self) -> &'static str {
        if self.secure { HOST_DEVICE_COOKIE } else { DEVICE_COOKIE }
    }

    /// The pre-session (the identity of a browser before a sign-in), sealed. The prefix `__Host-` forbids a cookie for a whole
    /// domain.
    pub(super) fn presession(&self, keys: &DeviceCookies, id: Uuid) -> Cookie<'static> {
        let mut cookie = self
            .cookie(self.presession_name(), &keys.seal_presession(id), PRESESSION_LIFETIME.whole_seconds())
            .finish();
        cookie.unset_domain();
        cookie.set_same_site(SameSite::Lax);
        cookie
    }

    /// The name of the cookie with the pre-session. No other host can set `__Host-psid`. Browsers accept this prefix only with
    /// `Secure`.
    fn presession_name(&self) -> &'static str {
        if self.secure { "__Host-psid" } else { "psid" }
    }

    /// The pre-session of `request`, if it has a cookie that this server sealed.
    pub(super) fn presession_of(&self, request: &HttpRequest, services: &Services) -> Option<Uuid> {
        let values = cookie_values(request, self.presession_name());
        values.iter().rev().find_map(|value| services.access.keys.live().cookies.open_presession(value))
    }

    /// The removals of the cookies of a session, each with the attributes of its cookie.
    pub(super) fn clear_session(&self) -> [Cookie<'static>; 3] {
        [self.access("", 0), self.refresh("", 0), self.csrf("")].map(|mut cookie| {
            cookie.make_removal();
            cookie
        })
    }

    /// Removals of session cookies in the scopes where this server sets none, for the names that `is_set` accepts. These scopes
    /// are the host, if `COOKIE_DOMAIN` is set, and the domain of the server and its parents, except `COOKIE_DOMAIN`. In the
    /// domains, a cookie is removed only if the request has it more than once.
    pub(super) fn removals_elsewhere(
        &self,
        request: &HttpRequest,
        is_set: impl Fn(&str) -> bool,
    ) -> Vec<Cookie<'static>> {
        let lines = header_bytes(request, &header::COOKIE);
        let mut removals = Vec::new();
        for cookie in self.clear_session().into_iter().filter(|cookie| is_set(cookie.name())) {
            if self.domain.is_some() {
                let mut of_host = cookie.clone();
                of_host.unset_domain();
                removals.push(of_host);
            }
            if is_repeated(&lines, cookie.name()) {
                let others = parents(&self.server).filter(|domain| self.domain.as_deref() != Some(*domain));
                removals.extend(others.map(|domain| {
                    let mut cookie = cookie.clone();
                    cookie.set_domain(domain.to_owned());
                    cookie
                }));
            }
        }
        removals
    }

    fn cookie(&self, name: &'static str, value: &str, lifetime: i64) -> CookieBuilder<'static> {
        let cookie = Cookie::build(name, value.to_owned())
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .max_age(Duration::seconds(lifetime.max(0)));
        match &self.domain {
            Some(domain) => cookie.domain(domain.clone()),
            None => cookie,
        }
    }
}

/// The domain and its parents with at least two labels. Browsers accept no cookies for a domain with one label.
fn parents(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |domain| domain.split_once('.').map(|(_, parent)| parent))
        .take_while(|domain| domain.contains('.'))
        .take(MAX_PARENTS)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use domain::crypto::secret_ring::SecretRing;

    use super::*;

    fn jar(secure: bool, settings: &HttpSettings) -> Jar {
        Jar::new(settings, secure)
    }

    fn keys() -> DeviceCookies {
        DeviceCookies::new(&SecretRing::of("cookie secret".into()))
    }

    fn all(jar: &Jar) -> Vec<Cookie<'static>> {
        vec![
            jar.access("a", 60),
            jar.refresh("r", 60),
            jar.csrf("1:2:3"),
            jar.device(&keys(), DeviceId::random()),
            jar.presession(&keys(), Uuid::new_v4()),
        ]
    }

    #[test]
    fn the_access_and_refresh_cookies_are_set_with_their_attributes() {
        let jar = jar(true, &HttpSettings::default());
        assert_eq!(
            jar.access("a", 60).to_string(),
            "access_token=a; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
        );
        assert_eq!(
            jar.refresh("r", 60).to_string(),
            "refresh_token=r; HttpOnly; SameSite=Strict; Secure; Path=/api/v1/auth; Max-Age=60"
        );
        assert!(all(&jar).iter().all(|cookie| cookie.domain().is_none()));
    }

    #[test]
    fn exactly_one_cookie_holds_the_text_csrf_token() {
        for secure in [true, false] {
            let jar = jar(secure, &HttpSettings::default());
            assert_eq!(
                all(&jar).iter().filter(|cookie| cookie.to_string().contains("csrf_token")).count(),
                1
            );
        }
    }

    #[test]
    fn every_cookie_is_http_only_and_only_the_access_cookie_can_be_made_readable() {
        assert!(
            all(&jar(true, &HttpSettings::default())).iter().all(|cookie| cookie.http_only() == Some(true))
        );
        let readable = HttpSettings { access_cookie_readable: true, ..HttpSettings::default() };
        let open: Vec<_> = all(&jar(true, &readable))
            .into_iter()
            .filter(|cookie| cookie.http_only() != Some(true))
            .collect();
        assert_eq!(open.iter().map(Cookie::name).collect::<Vec<_>>(), ["access_token"]);
    }

    #[test]
    fn a_host_cookie_is_secure_and_has_no_domain() {
        let settings =
            HttpSettings { cookie_domain: Some("example.com".to_owned()), ..HttpSettings::default() };
        let secure = jar(true, &settings).presession(&keys(), Uuid::new_v4());
        assert_eq!((secure.name(), secure.secure(), secure.domain()), ("__Host-psid", Some(true), None));
        assert_eq!(jar(false, &settings).presession(&keys(), Uuid::new_v4()).name(), "psid");
        let device = jar(true, &settings).device(&keys(), DeviceId::random());
        assert_eq!((device.name(), device.secure(), device.domain()), ("__Host-device_id", Some(true), None));
        assert_eq!(jar(false, &settings).device(&keys(), DeviceId::random()).name(), "device_id");
        assert_eq!(jar(true, &settings).access("a", 1).domain(), Some("example.com"));
    }

    #[test]
    fn a_removal_has_the_attributes_of_its_cookie() {
        let settings =
            HttpSettings { cookie_domain: Some("example.com".to_owned()), ..HttpSettings::default() };
        let jar = jar(true, &settings);
        for (set, cleared) in
            [jar.access("a", 1), jar.refresh("r", 1), jar.csrf("c")].iter().zip(jar.clear_session())
        {
            assert_eq!(set.name(), cleared.name());
            assert_eq!((set.path(), set.domain()), (cleared.path(), cleared.domain()));
            assert_eq!((set.secure(), set.same_site()), (cleared.secure(), cleared.same_site()));
            assert_eq!((cleared.value(), cleared.max_age()), ("", Some(Duration::ZERO)));
        }
    }

    fn elsewhere(settings: &HttpSettings, cookies: &str) -> Vec<String> {
        let request = TestRequest::default().insert_header((header::COOKIE, cookies)).to_http_request();
        let removals = jar(true, settings).removals_elsewhere(&request, |name| name == "access_token");
        removals
            .iter()
            .map(|cookie| {
                assert_eq!((cookie.name(), cookie.max_age()), ("access_token", Some(Duration::ZERO)));
                cookie.domain().unwrap_or("host").to_owned()
            })
            .collect()
    }

    #[test]
    fn a_cookie_is_also_removed_in_the_scope_where_the_server_does_not_set_it() {
        let server = HttpSettings { domain: "chat.example.com".to_owned(), ..HttpSettings::default() };
        let whole = HttpSettings { cookie_domain: Some("example.com".to_owned()), ..server.clone() };
        assert_eq!(elsewhere(&whole, ""), ["host"]);
        assert_eq!(elsewhere(&server, "access_token=a"), [""; 0]);
        for twice in ["access_token=a; access_token=b", "access_token=a; x=\u{fe}; access_token=a"] {
            assert_eq!(elsewhere(&server, twice), ["chat.example.com", "example.com"]);
        }
        let local = HttpSettings { domain: "localhost".to_owned(), ..HttpSettings::default() };
        assert_eq!(elsewhere(&local, "access_token=a; access_token=b"), [""; 0]);
    }
}
