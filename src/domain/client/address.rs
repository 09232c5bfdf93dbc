//! Client addresses: the real address of a request's client, and the key of this address for limits.
//!
//! The REST layer and the handshake use these rules. Only entries of `X-Forwarded-For` from trusted proxies count; entries that
//! a client writes itself have no effect.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Whether a connection is encrypted. The listener stores this value in the connection's data, where the REST layer reads it. A
/// header could not replace it, because a client can send any header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encrypted(pub bool);

/// The address that stands for the peers of the server's Unix socket. No TCP connection has a peer with this address. The
/// server trusts it like a proxy, because only processes with the operator's permission can connect to the socket.
pub const UNIX_PEER: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The text does not name a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither an address nor a network such as 10.0.0.0/8")]
pub struct NetworkError;

/// One spelling per address: IPv4-mapped IPv6 becomes IPv4.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// A network of proxies as an operator writes it: a single address, or a network such as `10.0.0.0/8`. IPv4-mapped IPv6 becomes
/// IPv4, because addresses are compared in that form.
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

/// Whether an address belongs to a private network or to this machine. A peer with such an address may be a proxy for all
/// users.
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
/// `peer` is the other end of the connection; `forwarded_for` are the `X-Forwarded-For` lines in the order of the request, as
/// bytes. Each proxy adds an entry with the address of its own peer at the right. So the entries, read from right to left, lead
/// from `peer` through the proxies to the client. This walk ends at the first address that is not trusted: the client. If all
/// addresses are trusted, the leftmost one is the client. An entry that is not an address ends the walk, too. The client is
/// then the proxy that wrote this entry. Entries further to the left, which a client may have written, have no effect.
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

/// Parses one entry: an address, which may have brackets, a port, a zone or quotes. The unspecified address is refused: no
/// proxy or client has it, and an entry must not name [`UNIX_PEER`], which the server trusts.
fn parse_hop(entry: &str) -> Option<IpAddr> {
    parse_address(entry).filter(|address| !address.is_unspecified())
}

fn parse_address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim().trim_matches('"');
    if let Ok(with_port) = entry.parse::<SocketAddr>() {
        return Some(canonical(with_port.ip()));
    }
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let bare = bare.split_once('%').map_or(bare, |(address, _zone)| address);
    bare.parse().ok().map(canonical)
}

/// The key of an address for limits: IPv4 by address, IPv6 by its /64, because one customer usually has a whole /64.
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

/// The key of the address's network with a prefix of this length. `None` if the address has no such network: the prefix is
/// longer than the address, or as long as the part that [`limit_key`] counts.
#[must_use]
pub fn network_key(address: IpAddr, bits: u8) -> Option<String> {
    let address = canonical(address);
    let counted = if address.is_ipv4() { 32 } else { 64 };
    let network = IpNet::new(address, bits).ok().filter(|_| bits < counted)?;
    Some(network.trunc().to_string())
}

/// The key of the ban of a network. The ban of an IPv4 address, or of a part of an IPv6 /64, uses the key of [`limit_key`].
#[must_use]
pub fn ban_key(network: IpNet) -> String {
    network_key(network.addr(), network.prefix_len()).unwrap_or_else(|| limit_key(network.addr()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_ban_counts_an_ipv6_address_by_its_64_bits_and_a_network_by_itself() {
        for (network, key) in [
            ("203.0.113.9/32", "203.0.113.9"),
            ("203.0.113.9/24", "203.0.113.0/24"),
            ("2001:db8::9/128", "2001:db8::/64"),
            ("2001:db8::9/64", "2001:db8::/64"),
            ("2001:db8:1::9/32", "2001:db8::/32"),
        ] {
            assert_eq!(ban_key(network.parse().unwrap()), key, "{network}");
        }
        assert_eq!(network_key(ip("203.0.113.9"), 40), None);
    }

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

    #[test]
    fn an_entry_cannot_name_the_peers_of_the_unix_socket() {
        let trusted = [proxies(), vec![IpNet::from(UNIX_PEER)]].concat();
        for entry in ["::", "[::]:80", "\"[::]\"", "0.0.0.0", "::ffff:0.0.0.0"] {
            let line = format!("1.1.1.1, {entry}");
            let found = client_address(UNIX_PEER, &[line.as_bytes()], &trusted);
            assert_eq!(found, UNIX_PEER, "{entry}");
        }
        assert_eq!(client_address(UNIX_PEER, &[b"1.1.1.1, 2.2.2.2"], &trusted), ip("2.2.2.2"));
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
    fn private_addresses_are_recognized() {
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
    fn the_hop_that_a_proxy_names_is_the_client() {
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
    fn ports_brackets_and_zones_are_removed() {
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
    fn ipv6_addresses_of_one_64_bit_prefix_count_as_one() {
        assert_eq!(limit_key(ip("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
        assert_eq!(limit_key(ip("2001:db8:1:2::1")), limit_key(ip("2001:db8:1:2:ffff::9")));
    }

    proptest! {
        #[test]
        fn the_first_untrusted_hop_is_the_client(hops in prop::collection::vec(any::<[u8; 4]>(), 0..6), peer: [u8; 4]) {
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
