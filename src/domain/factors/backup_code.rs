//! Backup codes: ten codes that the user keeps on paper. Each code replaces a lost second factor once.
//!
//! A code has sixty random bits, in an alphabet without look-alikes (Crockford's Base32). Only its MAC is stored, and
//! the key of the MAC is not in the database. So an attacker with only the database cannot try codes at all, and a slow
//! hash would add nothing. An attacker that must ask this server reaches the rate limits long before a code is found.

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::typed_code::typed_code;
use crate::crypto::{
    key::Key,
    lasting_keys::{LastingKeys, LastingPurpose, derived},
    secret_ring::SecretRing,
};

/// How many codes a user gets at a time.
pub const BACKUP_CODES: usize = 10;
/// Characters per code, without hyphens: five bits each.
pub const LENGTH: usize = 12;
const GROUP: usize = 4;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A backup code in the one spelling that is hashed. Parsing converts every other spelling to it.
#[derive(Clone)]
pub struct BackupCode(Zeroizing<[u8; LENGTH]>);

impl BackupCode {
    /// The code made of these random bytes; five bits of each byte are used.
    #[must_use]
    pub fn new(random: &[u8; LENGTH]) -> Self {
        Self(Zeroizing::new(random.map(|byte| ALPHABET[usize::from(byte & 31)])))
    }

    /// Parses a typed code. Case, space, dashes and invisible characters are ignored. Letters that look like digits are read as
    /// these digits (`o` as `0`, `i` and `l` as `1`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let typed = typed_code(text)?;
        let mut code = Zeroizing::new([0; LENGTH]);
        let mut typed = typed.iter();
        for place in code.iter_mut() {
            let letter = u8::try_from(*typed.next()?).ok()?;
            *place = match letter.to_ascii_lowercase() {
                b'o' => b'0',
                b'i' | b'l' => b'1',
                other => other,
            };
        }
        let known = code.iter().all(|letter| ALPHABET.contains(letter));
        (known && typed.next().is_none()).then_some(Self(code))
    }

    /// The form of the code when it is shown, once: `xxxx-xxxx-xxxx`.
    #[must_use]
    pub fn text(&self) -> SecretString {
        let groups: Vec<String> =
            self.0.chunks(GROUP).map(|group| String::from_utf8_lossy(group).into()).collect();
        groups.join("-").into()
    }
}

/// Hashes codes: a new code with the lasting key, a typed code also with the keys of earlier releases.
pub struct BackupCodeKeys {
    current: Key,
    previous: Vec<Key>,
}

impl BackupCodeKeys {
    /// The lasting key, and the keys that earlier releases derived from the current and the previous secrets.
    #[must_use]
    pub fn new(lasting: &LastingKeys, secrets: &SecretRing) -> Self {
        let current = lasting.key(LastingPurpose::BackupCodes).clone();
        let older =
            std::iter::once(&secrets.current).chain(secrets.previous.iter().map(|dated| &dated.secret));
        let older = older.map(|secret| derived(secret, LastingPurpose::BackupCodes));
        let previous = older.filter(|key| key.bytes() != current.bytes()).collect();
        Self { current, previous }
    }

    /// The possible stored hashes of a code of `user`: the hash with the lasting key first, then those with the keys of earlier
    /// releases.
    #[must_use]
    pub fn hashes(&self, user: i64, code: &BackupCode) -> Vec<[u8; 32]> {
        std::iter::once(&self.current).chain(&self.previous).map(|key| mac(key, user, code)).collect()
    }

    /// The stored hash of a new code of `user`.
    #[must_use]
    pub fn hash(&self, user: i64, code: &BackupCode) -> [u8; 32] {
        mac(&self.current, user, code)
    }
}

/// The MAC covers the user's id (always eight bytes) and the code, because a code belongs to one user.
fn mac(key: &Key, user: i64, code: &BackupCode) -> [u8; 32] {
    key.mac(&[&user.to_be_bytes(), &code.0[..]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn keys() -> BackupCodeKeys {
        of(&SecretRing::of("data key".into()))
    }

    fn of(secrets: &SecretRing) -> BackupCodeKeys {
        BackupCodeKeys::new(&LastingKeys::derived(&secrets.current), secrets)
    }

    fn same(one: &BackupCode, other: &str) -> bool {
        BackupCode::parse(other).is_some_and(|read| *read.0 == *one.0)
    }

    #[test]
    fn a_code_has_sixty_bits_in_three_groups() {
        let code = BackupCode::new(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 30, 31, 255]);
        assert_eq!(code.text().expose_secret(), "0123-4567-8yzz");
        assert_eq!(LENGTH * 5, 60);
        let distinct: std::collections::HashSet<_> = ALPHABET.iter().collect();
        assert_eq!(distinct.len(), 32);
        assert!(!ALPHABET.iter().any(|letter| b"oilu".contains(letter)));
    }

    #[test]
    fn case_spaces_hyphens_and_look_alikes_do_not_matter() {
        let code = BackupCode::new(&[0, 1, 1, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
        for typed in [
            "011a-bcde-fghj",
            "011ABCDEFGHJ",
            " 011a bcde fghj ",
            "OILA-BCDE-FGHJ",
            "o1la-bcdefghj",
            "\u{200e}011a\u{2013}bcde\u{a0}fghj",
            "\u{660}11A\u{ff42}cde-fghj",
        ] {
            assert!(same(&code, typed), "{typed}");
        }
        for wrong in
            ["", "011a-bcde-fgh", "011a-bcde-fghjk", "011a-bcde-fgh!", "011a-bcde-fghu", "011a_bcde_fghj"]
        {
            assert!(BackupCode::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_same_code_of_two_users_has_two_hashes() {
        let code = BackupCode::new(&[7; LENGTH]);
        assert_ne!(keys().hash(1, &code), keys().hash(2, &code));
    }

    #[test]
    fn a_code_that_was_hashed_with_a_previous_key_is_still_found() {
        let code = BackupCode::new(&[7; LENGTH]);
        let rotated = of(&SecretRing {
            previous: vec![SecretString::from("data key").into()],
            ..SecretRing::of("new".into())
        });
        assert_eq!(rotated.hashes(1, &code), [rotated.hash(1, &code), keys().hash(1, &code)]);
    }

    proptest! {
        #[test]
        fn every_code_can_be_parsed_from_its_text(random: [u8; LENGTH]) {
            let code = BackupCode::new(&random);
            prop_assert!(same(&code, code.text().expose_secret()));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            if let Some(code) = BackupCode::parse(&text) {
                prop_assert_eq!(code.text().expose_secret().len(), 14);
            }
        }
    }
}
