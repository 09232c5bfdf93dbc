//! Client addresses: the real address of a request's client, and the key under which limits count it.
//!
//! The REST layer and the handshake use it. `X-Forwarded-For` is believed only as far as trusted proxies wrote it;
//! entries that a client writes itself have no effect.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Whether a connection is encrypted. The listener stores it in the connection's data, where the REST layer reads it. A
/// header about encryption could not be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encrypted(pub bool);

/// One spelling per address: IPv4-mapped IPv6 becomes IPv4.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The client's address.
///
/// `peer` is the other end of the connection; `forwarded_for` are the `X-Forwarded-For` lines in the order of the
/// request. The walk starts at the peer and follows the entries of trusted hops from right to left. The first hop
/// that is not trusted is the client. An invalid entry ends the walk at the hop that wrote it.
#[must_use]
pub fn client_address(peer: IpAddr, forwarded_for: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut client = canonical(peer);
    for entry in forwarded_for.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(client) {
            break;
        }
        let Some(next) = parse_hop(entry) else { break };
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
        client_address(ip(peer), forwarded, &proxies())
    }

    #[test]
    fn a_peer_that_is_no_proxy_is_the_client_whatever_it_writes() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), ip("203.0.113.9"));
    }

    #[test]
    fn a_proxy_is_believed_about_the_hop_before_it() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(client("10.0.0.1", &[]), ip("10.0.0.1"));
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.0.0.2"]), ip("198.51.100.1"));
    }

    #[test]
    fn an_entry_that_is_no_address_ends_the_walk() {
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
        fn no_hop_before_an_untrusted_one_is_ever_believed(hops in prop::collection::vec(any::<[u8; 4]>(), 0..6), peer: [u8; 4]) {
            let hops: Vec<IpAddr> = hops.into_iter().map(IpAddr::from).collect();
            let line = hops.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let trusted = vec!["0.0.0.0/1".parse().unwrap()];
            let is_trusted = |address: &IpAddr| trusted.iter().any(|net: &IpNet| net.contains(address));
            let found = client_address(peer.into(), &[&line], &trusted);

            let walk: Vec<IpAddr> = std::iter::once(IpAddr::from(peer)).chain(hops.into_iter().rev()).collect();
            let first_untrusted = walk.iter().position(|hop| !is_trusted(hop)).unwrap_or(walk.len() - 1);
            prop_assert_eq!(found, walk[first_untrusted]);
        }

        #[test]
        fn no_header_upsets_the_walk(line in "\\PC{0,80}") {
            prop_assert_eq!(client("203.0.113.9", &[&line]), ip("203.0.113.9"));
            let _ = client("10.0.0.1", &[&line]);
        }
    }
}
