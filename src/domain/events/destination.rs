//! Where events may be sent: rules that keep requests out of inner networks.
//!
//! An operator, or the owner of an API key, names the URL of a receiver, and the server sends a request there. Without these
//! rules the server could be made to ask machines that only it can reach. The address is checked after the name was resolved, in
//! each attempt, so a name cannot lead to an inner address later.

use url::{Host, Url};

use crate::client::public_address::is_public;

/// The longest URL of a receiver, in bytes.
const MAX_BYTES: usize = 2000;

/// Why no events are sent to a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// The text is no URL, or is too long.
    #[error("The URL must be an absolute URL of at most 2000 bytes.")]
    Malformed,
    /// The scheme is not `https`.
    #[error("The URL must begin with https://.")]
    NotHttps,
    /// The URL has a user name, a password or a fragment.
    #[error("The URL must have no user name, password or fragment.")]
    Decorated,
    /// The host is an address that only this server's network can reach.
    #[error("The URL leads to an inner address. EVENTS_INNER_ADDRESSES permits such addresses.")]
    InnerAddress,
}

/// Checks the URL of a receiver. With `inner`, plain HTTP and inner addresses are permitted.
///
/// # Errors
/// See [`DestinationError`].
pub fn parse_destination(text: &str, inner: bool) -> Result<Url, DestinationError> {
    if text.len() > MAX_BYTES {
        return Err(DestinationError::Malformed);
    }
    let url = Url::parse(text).map_err(|_| DestinationError::Malformed)?;
    let secure = url.scheme() == "https" || (inner && url.scheme() == "http");
    if !secure {
        return Err(DestinationError::NotHttps);
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(DestinationError::Decorated);
    }
    let refused = match url.host() {
        None => return Err(DestinationError::Malformed),
        Some(Host::Ipv4(address)) => !inner && !is_public(address.into()),
        Some(Host::Ipv6(address)) => !inner && !is_public(address.into()),
        // A name is checked when it is resolved. These names never leave the machine.
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            !inner && (name == "localhost" || name.ends_with(".localhost"))
        }
    };
    if refused { Err(DestinationError::InnerAddress) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_absolute_https_without_decoration() {
        let parse = |text: &str| parse_destination(text, false).map(drop);
        assert_eq!(parse("https://hooks.example/a?b=c"), Ok(()));
        for (text, expected) in [
            ("hooks.example", DestinationError::Malformed),
            ("http://hooks.example/", DestinationError::NotHttps),
            ("file:///etc/passwd", DestinationError::NotHttps),
            ("https://user@hooks.example/", DestinationError::Decorated),
            ("https://hooks.example/#x", DestinationError::Decorated),
            ("https://localhost/", DestinationError::InnerAddress),
            ("https://A.LocalHost./", DestinationError::InnerAddress),
            ("https://[::1]/", DestinationError::InnerAddress),
            ("https://2130706433/", DestinationError::InnerAddress),
            ("https://0x7f.1/", DestinationError::InnerAddress),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
        assert!(parse_destination("http://127.0.0.1:9/", true).is_ok());
        assert!(parse(&format!("https://hooks.example/{}", "a".repeat(2000))).is_err());
    }
}
