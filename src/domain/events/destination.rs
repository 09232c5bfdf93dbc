//! Where events may be sent: rules against requests to inner addresses.
//!
//! An operator, or the owner of an API key, names the URL of a receiver, and the server sends a request there. Without these
//! rules the server could be made to ask machines that only it can reach. The address is checked after the name was resolved,
//! in each attempt, so a name cannot point somewhere else later.

use std::net::{IpAddr, Ipv6Addr};

use url::{Host, Url};

use crate::client::address::{canonical, is_private};

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
        Some(Host::Ipv4(address)) => !is_permitted(address.into(), inner),
        Some(Host::Ipv6(address)) => !is_permitted(address.into(), inner),
        // A name is checked when it is resolved. These names never leave the machine.
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            !inner && (name == "localhost" || name.ends_with(".localhost"))
        }
    };
    if refused { Err(DestinationError::InnerAddress) } else { Ok(url) }
}

/// Whether a request may be sent to this address.
#[must_use]
pub fn is_permitted(address: IpAddr, inner: bool) -> bool {
    inner || is_global(embedded(address))
}

/// The IPv4 address inside an address of a transition mechanism, or the address itself. Otherwise a private IPv4 address could
/// be spelt as an IPv6 address.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = canonical(address) else { return canonical(address) };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::from(((u32::from(high) << 16) | u32::from(low)).to_be_bytes());
    match (a, b, c, d, e, f) {
        // NAT64 (RFC 6052), and addresses that are only the IPv4 address.
        (0x64, 0xff9b, 0, 0, 0, 0) | (0, 0, 0, 0, 0, 0) if v6 != Ipv6Addr::LOCALHOST => v4(g, h),
        // 6to4 (RFC 3056).
        (0x2002, ..) => v4(b, c),
        _ => v6.into(),
    }
}

fn is_global(address: IpAddr) -> bool {
    if is_private(address) {
        return false;
    }
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let special = a == 0
                || a >= 224
                || (a == 192 && b == 0 && (c == 0 || c == 2))
                || (a == 198 && (b == 18 || b == 19))
                || (a == 198 && b == 51 && c == 100)
                || (a == 203 && b == 0 && c == 113);
            !special
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            // Global unicast is 2000::/3, without documentation (2001:db8::/32) and Teredo and ORCHID (2001::/23).
            a & 0xe000 == 0x2000 && !(a == 0x2001 && (b == 0xdb8 || b < 0x200))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(text: &str) -> bool {
        is_permitted(text.parse().unwrap(), false)
    }

    #[test]
    fn inner_and_special_addresses_are_refused_in_every_spelling() {
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "203.0.113.9",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
        ] {
            assert!(!permitted(inner), "{inner}");
            assert!(is_permitted(inner.parse().unwrap(), true), "{inner}");
        }
        for public in
            ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::8.8.8.8", "2a00::1"]
        {
            assert!(permitted(public), "{public}");
        }
    }

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
