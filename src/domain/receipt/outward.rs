//! What of a free text or a network may stand in a receipt. Receipts are given to others, so they name persons only by ids.
//!
//! The whole text stays in the row of the revocation and, sealed, in the audit log.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A network with a longer prefix may be the address of one person or household. IPv6 networks of customers have 48 to 64 bits.
const PREFIX_4: u8 = 24;
const PREFIX_6: u8 = 48;
/// A longer part of a word may be a token: 32 random bytes have 43 characters in base64. An id (a UUID) has 36.
const LONGEST_PART: usize = 40;
/// A part that begins like this is a token in JSON, such as an access token (`{"` in base64).
const TOKEN_BEGINNING: &str = "eyJ";

/// The text with e-mail addresses, network addresses and what may be a token replaced by a word in brackets. White space becomes
/// single spaces. A word that contains an address or a token is replaced as a whole.
#[must_use]
pub fn outward_text(text: &str) -> String {
    outward(text, |word| has_token_beginning(word) || word.split(ends_part).any(is_long))
}

/// The same for the name that an issuer gives a user. It may be long and random, and opens nothing.
#[must_use]
pub fn outward_name(name: &str) -> String {
    outward(name, has_token_beginning)
}

fn outward(text: &str, may_be_token: impl Fn(&str) -> bool) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let of_mail = parts_of_mail(&words);
    let shown = words.iter().zip(of_mail).map(|(word, is_of_mail)| {
        if is_of_mail {
            "[e-mail]"
        } else if has_network_address(word) {
            "[address]"
        } else if may_be_token(word) {
            "[removed]"
        } else {
            word
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Whether each of the words is a part of an e-mail address. An address may be written with spaces around its sign, and its first part
/// may be in quotes and have spaces.
fn parts_of_mail(words: &[&str]) -> Vec<bool> {
    let mut found = vec![false; words.len()];
    for (at, word) in words.iter().enumerate() {
        let Some((before, after)) = split_at_sign(word) else { continue };
        found[at] = true;
        if let Some(earlier) = at.checked_sub(1).filter(|_| !before.chars().any(char::is_alphanumeric)) {
            found[earlier] = true;
        }
        if !after.chars().any(char::is_alphanumeric) && at + 1 < words.len() {
            found[at + 1] = true;
        }
        // The quotation that ends before the sign began in an earlier word.
        if before.matches('"').count() % 2 == 1
            && let Some(open) = words[..at].iter().rposition(|earlier| earlier.contains('"'))
        {
            found[open..at].fill(true);
        }
    }
    found
}

/// What is before the first and after the last sign of an e-mail address: `@`, its forms of other widths, or its form in URLs.
fn split_at_sign(word: &str) -> Option<(&str, &str)> {
    const SIGNS: [&str; 4] = ["@", "\u{ff20}", "\u{fe6b}", "%40"];
    let first = SIGNS.iter().filter_map(|sign| word.find(*sign)).min()?;
    let last = SIGNS.iter().filter_map(|sign| Some(word.rfind(*sign)? + sign.len())).max()?;
    Some((&word[..first], &word[last..]))
}

/// Whether the word contains an address of IPv4 or IPv6, or of a network card, between any other characters.
fn has_network_address(word: &str) -> bool {
    let runs = |of: fn(char) -> bool| word.split(move |c: char| !of(c));
    runs(|c| c.is_ascii_digit() || c == '.').any(|run| has_four_bytes(run, '.'))
        // As in the names that providers give to addresses.
        || runs(|c| c.is_ascii_digit() || c == '-').any(|run| has_four_bytes(run, '-'))
        || runs(|c| c.is_ascii_hexdigit() || c == ':' || c == '.').any(is_groups)
        || runs(|c| c.is_ascii_hexdigit() || c == '-').any(|run| longest_row(run, '-', 2..=2) >= 6)
}

fn has_four_bytes(run: &str, separator: char) -> bool {
    let is_byte = |group: &str| group.len() <= 3 && group.parse::<u8>().is_ok();
    longest(run.split(separator).map(is_byte)) >= 4
}

/// Whether the text has the groups of an IPv6 address, or of the address of a network card.
fn is_groups(run: &str) -> bool {
    let is_shortened = run.contains("::") && run.contains(|c: char| c.is_ascii_hexdigit());
    is_shortened || longest_row(run, ':', 1..=4) >= 6
}

/// The largest number of groups in a row that have so many hexadecimal digits.
fn longest_row(run: &str, separator: char, digits: std::ops::RangeInclusive<usize>) -> usize {
    let fits = |group: &str| digits.contains(&group.len()) && group.chars().all(|c| c.is_ascii_hexdigit());
    longest(run.split(separator).map(fits))
}

/// The length of the longest series of `true`.
fn longest(fits: impl Iterator<Item = bool>) -> usize {
    let series = fits.scan(0, |length, fits| {
        *length = if fits { *length + 1 } else { 0 };
        Some(*length)
    });
    series.max().unwrap_or(0)
}

fn has_token_beginning(word: &str) -> bool {
    word.split(|c: char| !c.is_alphanumeric()).any(|part| part.starts_with(TOKEN_BEGINNING))
}

fn is_long(part: &str) -> bool {
    part.chars().count() > LONGEST_PART
}

/// Whether a token ends at this character. The other signs (`-`, `_`, `.`, `/`, `+`) are in tokens themselves.
fn ends_part(c: char) -> bool {
    matches!(
        c,
        ':' | '='
            | '?'
            | '&'
            | ','
            | ';'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '<'
            | '>'
            | '"'
            | '\''
            | '`'
            | '|'
            | '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}'
    )
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
            ("on 2030-01-31 12:30:45, see T-12/7", "on 2030-01-31 12:30:45, see T-12/7"),
            (
                "session=3f2b8c1e-7a6d-4f0b-9a3e-2d1c0b9a8f7e;",
                "session=3f2b8c1e-7a6d-4f0b-9a3e-2d1c0b9a8f7e;",
            ),
            ("https://tickets.example.com/browse/T-12", "https://tickets.example.com/browse/T-12"),
            ("mailto:ada@example.com?subject=x", "[e-mail]"),
            ("user=ada%40example.com&x", "[e-mail]"),
            ("ada @ example.com left", "[e-mail] [e-mail] [e-mail] left"),
            ("<ada@ example.com> left", "[e-mail] [e-mail] left"),
            ("call \"ada lovelace\"@example.com now", "call [e-mail] [e-mail] now"),
            ("10.0.0.1-10.0.0.9", "[address]"),
            ("http://203.0.113.9/x?y", "[address]"),
            ("host-203-0-113-9.example.net", "[address]"),
            ("peer:203.0.113.9's", "[address]"),
            ("ip6:2001:db8:1:2:3:4:5:6", "[address]"),
            ("[2001:db8::7]:443", "[address]"),
            ("card 00:1a:2B:3c:4d:5e or 00-1a-2b-3c-4d-5e", "card [address] or [address]"),
            ("/reset/eyJhbGciOiJIUzI1NiJ9", "[removed]"),
        ] {
            assert_eq!(outward_text(text), expected, "{text}");
        }
        for (length, expected) in [(40, "a".repeat(40)), (41, "[removed]".to_owned())] {
            assert_eq!(outward_text(&"a".repeat(length)), expected);
        }
    }

    #[test]
    fn the_name_that_an_issuer_gives_may_be_long_and_has_no_address() {
        let random = "Zm9v_".repeat(12);
        assert_eq!(outward_name(&random), random);
        for (name, expected) in [
            ("auth0|5f7c8ec7c33c6c004bbafe82", "auth0|5f7c8ec7c33c6c004bbafe82"),
            ("waad|ada@example.com", "[e-mail]"),
            ("eyJhbGciOiJIUzI1NiJ9.e30.x", "[removed]"),
        ] {
            assert_eq!(outward_name(name), expected);
        }
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

    /// What may stand directly before and after an address or a token in a text.
    const AROUND: &str = "[ /\\-:=?&,;()<>\"'|#!*\\[\\]{}]{0,3}";

    proptest! {
        #[test]
        fn no_address_of_a_person_stays_in_a_text(
            before in "[a-z ]{0,9}", open in AROUND, name in "[a-z.!#$'*+/=?^`{|}~-]{1,9}", close in AROUND,
            octets: [u8; 4], after in "[a-z ]{0,9}",
        ) {
            let address = std::net::Ipv4Addr::from(octets).to_string();
            let text = outward_text(&format!("{before}{open}{name}@example.org{close} {open}{address}{close}{after}"));
            prop_assert!(!text.contains("example.org") && !text.contains(&address), "{}", text);
            let mail = format!("{name}@");
            prop_assert!(!text.contains(&mail), "{}", text);
        }

        #[test]
        fn no_address_of_ipv6_stays_in_a_text(
            before in "[a-z ]{0,9}", open in AROUND, groups: [u16; 8], zeros in 0_usize..8, close in AROUND, after in "[a-z ]{0,9}",
        ) {
            let mut groups = groups;
            groups[..zeros].fill(0);
            let address = std::net::Ipv6Addr::from(groups).to_string();
            let text = outward_text(&format!("{before}{open}{address}{close}{after}"));
            prop_assert!(!text.contains(&address), "{}", text);
        }

        #[test]
        fn no_random_bytes_stay_in_a_text(
            open in AROUND, bytes: [u8; 32], close in AROUND, form in 0_u8..3,
        ) {
            use base64::{Engine as _, engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD}};
            let token = match form {
                0 => STANDARD.encode(bytes),
                1 => URL_SAFE_NO_PAD.encode(bytes),
                _ => data_encoding::HEXLOWER.encode(&bytes),
            };
            let text = outward_text(&format!("token{open}{token}{close}leaked"));
            prop_assert!(!text.contains(token.trim_end_matches('=')), "{}", text);
        }

        #[test]
        fn ids_and_plain_words_stay(words in "[a-z]{1,12}( [a-z]{1,12}){0,5}", id: u128, open in "[(=,]{0,2}:?") {
            let text = format!("{words} {open}{}", uuid::Uuid::from_u128(id));
            prop_assert_eq!(outward_text(&text), text);
        }
    }
}
