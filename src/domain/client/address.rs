//! Client addresses: the real address of a request's client, and the key under which limits count it.
//!
//! The REST layer and the handshake use it. Only entries of `X-Forwarded-For` that trusted proxies wrote
//! count; entries that a client writes itself have no effect.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Whether a connection is encrypted. The listener stores it in the connection's data, where the REST layer reads it. A
/// header about encryption could not be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encrypted(pub bool);

/// The text does not name a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither an address nor a network such as 10.0.0.0/8")]
pub struct NetworkError;

/// One spelling per address: IPv4-mapped IPv6 becomes IPv4.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// A network of proxies as an operator writes it: a single address, or a network such as
/// `10.0.0.0/8`. IPv4-mapped IPv6 becomes IPv4, because addresses are compared in that form.
///
/// # Errors
/// [`NetworkError`] for any other text.
pub fn parse_network(text: &str) -> Result<IpNet, NetworkError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(IpNet::from(canonical(address)));
    }
    let network: IpNet = text.parse().map_err(|_| NetworkError)?;
    let mapped = match network {
        IpNet::V6(v6) => v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    let network = match mapped {
        Some((v4, prefix)) => IpNet::new(v4.into(), prefix).map_err(|_| NetworkError)?,
        None => network,
    };
    Ok(network.trunc())
}

/// Whether an address is in one of the networks.
#[must_use]
pub fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&canonical(address)))
}

/// Whether an address is of a private network or of this machine. It may be the address of a proxy in front of all users.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0b1100_0000 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared
        }
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    }
}

/// The client's address.
///
/// `peer` is the other end of the connection; `forwarded_for` are the `X-Forwarded-For` lines in the order of the
/// request, as bytes. The walk starts at the peer and follows the entries of trusted hops from right to left. The first
/// hop that is not trusted is the client. An entry that is not an address ends the walk at the hop that wrote the entry.
/// Entries further to the left, which a client may have written, have no effect.
#[must_use]
pub fn client_address(peer: IpAddr, forwarded_for: &[&[u8]], trusted: &[IpNet]) -> IpAddr {
    let mut client = canonical(peer);
    for entry in forwarded_for.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
        if !is_in(client, trusted) {
            break;
        }
        let Some(next) = std::str::from_utf8(entry).ok().and_then(parse_hop) else { break };
        client = next;
    }
    client
}

/// Parses one entry: an address, which may have brackets, a port, a zone or quotes.
fn parse_hop(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim().trim_matches('"');
    if let Ok(with_port) = entry.parse::<SocketAddr>() {
        return Some(canonical(with_port.ip()));
    }
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let bare = bare.split_once('%').map_or(bare, |(address, _zone)| address);
    bare.parse().ok().map(canonical)
}

/// The key under which a limit counts an address: IPv4 by address, IPv6 by its /64, because one customer usually has a
/// whole /64.
#[must_use]
pub fn limit_key(address: IpAddr) -> String {
    match canonical(address) {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies() -> Vec<IpNet> {
        vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]
    }

    fn client(peer: &str, forwarded: &[&str]) -> IpAddr {
        let lines: Vec<&[u8]> = forwarded.iter().map(|line| line.as_bytes()).collect();
        client_address(ip(peer), &lines, &proxies())
    }

    fn network(text: &str) -> String {
        parse_network(text).map_or_else(|error| error.to_string(), |network| network.to_string())
    }

    #[test]
    fn a_proxy_is_named_by_its_address_or_its_network() {
        for (text, expected) in [
            ("10.0.0.1", "10.0.0.1/32"),
            ("::1", "::1/128"),
            ("[fd00::7]", "fd00::7/128"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::ffff:127.0.0.0/104", "127.0.0.0/8"),
            ("::ffff:10.0.0.1", "10.0.0.1/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("fd00::/8", "fd00::/8"),
        ] {
            assert_eq!(network(text), expected, "{text}");
        }
        for text in ["", "proxy", "10.0.0.0/33", "10.0.0", "10.0.0.1:80", "*", "10.0.0.1/"] {
            assert_eq!(parse_network(text), Err(NetworkError), "{text}");
        }
    }

    #[test]
    fn private_addresses_may_be_proxies() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.17.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "0.0.0.0",
        ] {
            assert!(is_private(ip(private)), "{private}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "203.0.113.9", "2001:db8::1", "::ffff:8.8.8.8"]
        {
            assert!(!is_private(ip(public)), "{public}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_do_not_hide_entries_to_their_right() {
        let walk = |lines: &[&[u8]]| client_address(ip("10.0.0.1"), lines, &proxies());
        assert_eq!(walk(&[b"\xff, 198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(walk(&[b"\xff", b"198.51.100.1, 10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(walk(&[b"1.1.1.1\xff,198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(walk(&[b"198.51.100.1, \xff, 10.0.0.2"]), ip("10.0.0.2"));
        assert_eq!(walk(&[b"198.51.100.1\xff"]), ip("10.0.0.1"));
    }

    #[test]
    fn a_peer_that_is_not_a_proxy_is_always_the_client() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), ip("203.0.113.9"));
    }

    #[test]
    fn a_proxy_is_trusted_about_the_hop_before_it() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(client("10.0.0.1", &[]), ip("10.0.0.1"));
    }

    #[test]
    fn entries_of_the_client_have_no_effect() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.0.0.2"]), ip("198.51.100.1"));
    }

    #[test]
    fn an_entry_that_is_not_an_address_ends_the_walk() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"]), ip("10.0.0.2"));
        assert_eq!(client("10.0.0.1", &["198.51.100.1,"]), ip("10.0.0.1"));
    }

    #[test]
    fn ports_brackets_and_zones_are_cut() {
        for entry in
            ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "2001:db8::1%eth0", "\"[2001:db8::1]:443\""]
        {
            assert_eq!(client("10.0.0.1", &[entry]), ip("2001:db8::1"), "{entry}");
        }
        assert_eq!(client("10.0.0.1", &[" 198.51.100.1:5000 "]), ip("198.51.100.1"));
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert_eq!(client("::ffff:10.0.0.1", &["::ffff:198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(limit_key(ip("::ffff:198.51.100.1")), "198.51.100.1");
    }

    #[test]
    fn ipv6_is_limited_by_64() {
        assert_eq!(limit_key(ip("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
        assert_eq!(limit_key(ip("2001:db8:1:2::1")), limit_key(ip("2001:db8:1:2:ffff::9")));
    }

    proptest! {
        #[test]
        fn no_hop_before_an_untrusted_one_counts(hops in prop::collection::vec(any::<[u8; 4]>(), 0..6), peer: [u8; 4]) {
            let hops: Vec<IpAddr> = hops.into_iter().map(IpAddr::from).collect();
            let line = hops.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let trusted = vec!["0.0.0.0/1".parse().unwrap()];
            let is_trusted = |address: &IpAddr| trusted.iter().any(|net: &IpNet| net.contains(address));
            let found = client_address(peer.into(), &[line.as_bytes()], &trusted);

            let walk: Vec<IpAddr> = std::iter::once(IpAddr::from(peer)).chain(hops.into_iter().rev()).collect();
            let first_untrusted = walk.iter().position(|hop| !is_trusted(hop)).unwrap_or(walk.len() - 1);
            prop_assert_eq!(found, walk[first_untrusted]);
        }

        #[test]
        fn entries_before_the_client_have_no_effect(line in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut forged = line;
            forged.extend_from_slice(b", 198.51.100.1");
            prop_assert_eq!(client_address(ip("203.0.113.9"), &[&forged], &proxies()), ip("203.0.113.9"));
            prop_assert_eq!(client_address(ip("10.0.0.1"), &[&forged], &proxies()), ip("198.51.100.1"));
        }
    }
}
