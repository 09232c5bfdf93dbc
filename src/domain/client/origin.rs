//! Origins: the sites with pages that may send requests to this server.
//!
//! The REST layer (CORS, login CSRF) and the WebSocket handshake use these rules. Matching is exact: there are no wildcards, no
//! suffixes, and no origins without a scheme. Programs other than browsers do not send `Sec-Fetch-Site`, `Origin` or `Referer`;
//! they are not restricted here.

/// The allowed origins, such as `https://chat.example.com`.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Exactly these origins.
    #[must_use]
    pub fn new(allowed: Vec<String>) -> Self {
        Self(allowed)
    }

    /// Whether `origin`, as a browser sends it, is on the list. The origin `null` is never allowed.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        origin != "null" && self.0.iter().any(|allowed| allowed == origin)
    }
}

/// The browser's statement about the source of a request (`Sec-Fetch-Site`; a page's script cannot set it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchSite {
    /// From this server's own origin.
    SameOrigin,
    /// From another origin of the same site.
    SameSite,
    /// From another site, or an unknown word.
    CrossSite,
    /// From the user, by the address bar or a bookmark.
    None,
}

impl FetchSite {
    /// Parses the header. An unknown word counts as [`Self::CrossSite`].
    #[must_use]
    pub fn parse(header: &str) -> Self {
        match header {
            "same-origin" => Self::SameOrigin,
            "same-site" => Self::SameSite,
            "none" => Self::None,
            _ => Self::CrossSite,
        }
    }
}

/// Whether a request may change anything, judged by its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request is allowed.
    Allowed,
    /// The request is refused; the reason is for the log.
    Refused(&'static str),
}

/// Whether a request that changes something is allowed, judged by the headers `Sec-Fetch-Site`, `Origin` and `Referer`.
///
/// A cross-site request is always refused. Otherwise the origin in `Origin` must be on the list or, without `Origin`, the
/// origin in `Referer`. If both headers are missing, a same-site request is refused, and every other request is allowed. A
/// request without any of the three headers comes from a program other than a browser.
#[must_use]
pub fn judge(
    sec_fetch_site: Option<&str>,
    origin: Option<&str>,
    referer: Option<&str>,
    allowed: &Origins,
) -> Verdict {
    let site = sec_fetch_site.map(FetchSite::parse);
    if site == Some(FetchSite::CrossSite) {
        return Verdict::Refused("cross-site request");
    }
    match origin.or_else(|| referer.map(origin_of)) {
        Some(origin) if allowed.allows(origin) => Verdict::Allowed,
        Some(_) => Verdict::Refused("origin not allowed"),
        None if site == Some(FetchSite::SameSite) => Verdict::Refused("same-site request without an origin"),
        None => Verdict::Allowed,
    }
}

/// The origin of a URL: scheme and authority. A text without a scheme is returned unchanged; the list contains no such text.
/// The `url` crate is not used: its normalisation (case, default port, user name) would accept texts that differ from the list.
fn origin_of(url: &str) -> &str {
    let Some(authority) = url.find("://").map(|at| at + 3) else {
        return url;
    };
    url[authority..].find(['/', '?', '#', '\\']).map_or(url, |end| &url[..authority + end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allowed() -> Origins {
        Origins::new(vec!["https://chat.example.com".to_owned(), "https://localhost:8443".to_owned()])
    }

    fn allows(site: Option<&str>, origin: Option<&str>, referer: Option<&str>) -> bool {
        judge(site, origin, referer, &allowed()) == Verdict::Allowed
    }

    #[test]
    fn origins_match_exactly() {
        assert!(allowed().allows("https://chat.example.com"));
        for origin in [
            "http://chat.example.com",
            "https://chat.example.com:443",
            "https://chat.example.com/",
            "https://CHAT.example.com",
            "https://chat.example.com.evil.example",
            "https://evil.chat.example.com",
            "null",
            "",
            "*",
        ] {
            assert!(!allowed().allows(origin), "{origin}");
        }
        assert!(!Origins::new(vec!["null".to_owned()]).allows("null"));
    }

    #[test]
    fn a_request_without_headers_of_a_browser_is_allowed() {
        assert!(allows(None, None, None));
    }

    #[test]
    fn a_cross_site_request_is_refused_even_with_an_allowed_origin() {
        for site in ["cross-site", "something-new", ""] {
            assert!(!allows(Some(site), Some("https://chat.example.com"), None), "{site}");
        }
    }

    #[test]
    fn a_same_site_request_needs_an_allowed_origin() {
        assert!(allows(Some("same-site"), Some("https://chat.example.com"), None));
        assert!(!allows(Some("same-site"), Some("https://other.example.com"), None));
        assert!(!allows(Some("same-site"), None, None));
    }

    #[test]
    fn a_foreign_origin_is_always_refused() {
        assert!(!allows(None, Some("https://evil.example"), None));
        assert!(!allows(Some("same-origin"), Some("https://evil.example"), None));
        assert!(!allows(None, Some("null"), None));
    }

    #[test]
    fn the_referer_counts_when_there_is_no_origin() {
        assert!(allows(None, None, Some("https://chat.example.com/sign-in?x=1")));
        assert!(allows(None, None, Some("https://chat.example.com")));
        assert!(!allows(None, None, Some("https://chat.example.com@evil.example/")));
        assert!(!allows(None, None, Some("https://evil.example/https://chat.example.com")));
        assert!(!allows(None, None, Some("about:blank")));
        assert!(!allows(None, Some("https://evil.example"), Some("https://chat.example.com/")));
    }

    proptest! {
        #[test]
        fn only_listed_origins_are_ever_allowed(origin in "\\PC{0,40}|https://chat\\.example\\.com\\PC{0,5}", site in proptest::option::of("same-origin|same-site|none|cross-site")) {
            if allows(site.as_deref(), Some(&origin), None) {
                prop_assert!(allowed().allows(&origin));
            }
        }
    }
}
