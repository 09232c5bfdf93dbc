//! What of a free text or a network may stand in a receipt. Receipts are given to others, so they name persons only by ids.
//!
//! The whole text stays in the row of the revocation and, sealed, in the audit log.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A network with a longer prefix may be the address of one person or household. IPv6 networks of customers have 48 to 64 bits.
const PREFIX_4: u8 = 24;
const PREFIX_6: u8 = 48;
/// A longer word without white space may be a token. An id (a UUID) has 36 characters.
const LONGEST_WORD: usize = 64;

/// The text with e-mail addresses, network addresses and what may be a token replaced by a word in brackets. White space becomes
/// single spaces.
#[must_use]
pub fn outward_text(text: &str) -> String {
    text.split_whitespace().map(outward_word).collect::<Vec<_>>().join(" ")
}

fn outward_word(word: &str) -> &str {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != ':');
    let parts = || word.split([',', ';', '(', ')', '[', ']', '<', '>', '=', '"', '\'']);
    let is_address = |text: &str| {
        let text = text.trim_end_matches(['.', ':']);
        text.parse::<IpAddr>().is_ok()
            || text.parse::<IpNet>().is_ok()
            || text.parse::<std::net::SocketAddr>().is_ok()
    };
    if word.contains('@') || word.contains('\u{ff20}') {
        "[e-mail]"
    } else if is_address(bare) || is_address(word) || parts().any(is_address) {
        "[address]"
    } else if word.chars().count() > LONGEST_WORD || bare.starts_with("eyJ") {
        "[removed]"
    } else {
        word
    }
}

/// A network that contains this one, and that is too large to be the address of a person.
#[must_use]
pub fn surrounding(network: IpNet) -> IpNet {
    match network {
        IpNet::V4(small) => Ipv4Net::new(small.addr(), small.prefix_len().min(PREFIX_4))
            .map_or(network, |wide| wide.trunc().into()),
        IpNet::V6(small) => Ipv6Net::new(small.addr(), small.prefix_len().min(PREFIX_6))
            .map_or(network, |wide| wide.trunc().into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_tokens_leave_a_text_and_ids_stay() {
        for (text, expected) in [
            ("left the company", "left the company"),
            ("  ada@example.com  called,\nticket 12", "[e-mail] called, ticket 12"),
            ("mail <ada@example.com>: see 203.0.113.9.", "mail [e-mail] see [address]"),
            ("from 203.0.113.0/24 and (2001:db8::7)", "from [address] and [address]"),
            ("peer=203.0.113.9, 10.0.0.1:443", "[address] [address]"),
            ("token eyJhbGciOiJIUzI1NiJ9.e30.x", "token [removed]"),
            ("session 3f2b8c1e-7a6d-4f0b-9a3e-2d1c0b9a8f7e", "session 3f2b8c1e-7a6d-4f0b-9a3e-2d1c0b9a8f7e"),
            ("wave of 12:30, version 1.2.3", "wave of 12:30, version 1.2.3"),
        ] {
            assert_eq!(outward_text(text), expected);
        }
        assert_eq!(outward_text(&"a".repeat(65)), "[removed]");
    }

    #[test]
    fn a_network_is_shown_with_at_most_24_or_48_bits() {
        for (network, expected) in [
            ("203.0.113.9/32", "203.0.113.0/24"),
            ("203.0.0.0/16", "203.0.0.0/16"),
            ("2001:db8:1:2::7/128", "2001:db8:1::/48"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(surrounding(network.parse().unwrap()).to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn no_address_of_a_person_stays_in_a_text(
            before in "[a-z ]{0,9}", name in "[a-z.]{1,9}", octets: [u8; 4], after in "[a-z ]{0,9}",
        ) {
            let address = std::net::Ipv4Addr::from(octets).to_string();
            let text = outward_text(&format!("{before} {name}@example.org {address} {after}"));
            prop_assert!(!text.contains('@') && !text.contains(&address), "{}", text);
        }
    }
}
