//! Which addresses belong to the public internet.
//!
//! Some requests of the server go to addresses that others may choose, for example to receivers of events. These addresses must
//! be public. Otherwise the server could be made to ask machines that only it can reach.

use std::net::{IpAddr, Ipv6Addr};

use super::address::{canonical, is_private};

/// Whether this is an address of the public internet: no private, local, reserved or documentation address, in any spelling.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    is_global(embedded(address))
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

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn inner_and_special_addresses_are_not_public_in_any_spelling() {
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
            assert!(!public(inner), "{inner}");
        }
        for address in
            ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::8.8.8.8", "2a00::1"]
        {
            assert!(public(address), "{address}");
        }
    }
}
