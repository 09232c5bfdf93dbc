//! The domain that cookies may be set for.
//!
//! The settings use this rule.

/// Whether cookies of the server `server` can be set for `domain`. The domain must be that name or a parent of it; without
/// `server`, this is not checked. The domain must also have at least two labels, because browsers accept no cookie for a
/// top-level domain. An IP address is refused. Other text than labels is refused, because it could change the other attributes
/// of the cookie.
#[must_use]
pub fn is_cookie_domain(domain: &str, server: Option<&str>) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = domain.split('.').collect();
    let numeric = labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let above = server.is_none_or(|server| {
        server == domain || server.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
    });
    labels.len() >= 2 && labels.iter().all(|text| label(text)) && !numeric && above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_can_be_set_for_the_server_and_its_parents() {
        for domain in ["chat.example.com", "example.com"] {
            assert!(is_cookie_domain(domain, Some("chat.example.com")), "{domain}");
        }
        assert!(is_cookie_domain("example.test", None));
        for domain in [
            "com",
            "other.example",
            "at.example.com",
            "a.chat.example.com",
            "*.example.com",
            ".example.com",
            "example.com.",
            "Example.com",
            "localhost:8110",
            "example.com; Secure; Path=/x",
            "example..com",
            "-a.example.com",
            "",
        ] {
            assert!(!is_cookie_domain(domain, Some("chat.example.com")), "{domain}");
        }
        assert!(!is_cookie_domain("0.0.1", Some("127.0.0.1")));
    }
}
