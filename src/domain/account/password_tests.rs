//! Tests of passwords and their hashes.

use proptest::prelude::*;

use super::*;

/// A cost so low that the tests can make many hashes. The rules do not depend on the cost.
const CHEAP: HashParams = HashParams { m_kib: 64, t: 1, p: 1 };

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

const EMAIL: &str = "ada.lovelace@example.com";

fn judged(password: &str) -> Result<(), Weakness> {
    check(&secret(password), EMAIL)
}

#[test]
fn only_the_right_password_verifies() {
    let phc = hash(&secret("correct horse"), [7; 16], CHEAP).unwrap();
    assert_eq!(verify(&secret("correct horse"), &phc, CHEAP), Ok(Verification { ok: true, rehash: false }));
    assert_eq!(verify(&secret("correct horsf"), &phc, CHEAP), Ok(Verification { ok: false, rehash: false }));
}

#[test]
fn the_default_cost_is_19_mib_two_passes_one_lane() {
    let phc = hash(&secret("correct horse"), [7; 16], HashParams::default()).unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    assert!(verify(&secret("correct horse"), &phc, HashParams::default()).unwrap().ok);
}

#[test]
fn a_hash_with_other_parameters_is_renewed_after_a_right_password() {
    let phc = hash(&secret("correct horse"), [7; 16], CHEAP).unwrap();
    let dearer = HashParams { t: 2, ..CHEAP };
    assert_eq!(verify(&secret("correct horse"), &phc, dearer), Ok(Verification { ok: true, rehash: true }));
    assert_eq!(verify(&secret("wrong"), &phc, dearer), Ok(Verification { ok: false, rehash: false }));
}

#[test]
fn a_stored_hash_cannot_cost_more_than_the_cap() {
    for params in ["m=262145,t=1,p=1", "m=64,t=11,p=1", "m=72,t=1,p=9", "m=4294967295,t=4294967295,p=1"] {
        let phc = format!("$argon2id$v=19${params}$AAAAAAAAAAAAAAAAAAAAAA${}", "A".repeat(43));
        assert_eq!(verify(&secret("x"), &phc, CHEAP), Err(HashError::Parameters), "{params}");
    }
}

#[test]
fn other_algorithms_and_broken_hashes_are_refused() {
    let output = "A".repeat(43);
    for phc in [
        String::new(),
        "password".to_owned(),
        "$2b$12$abcdefghijklmnopqrstuuu".to_owned(),
        format!("$argon2x$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA${output}"),
        format!("$argon2id$v=19$m=64$AAAAAAAAAAAAAAAAAAAAAA${output}"),
        "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
    ] {
        assert_eq!(verify(&secret("x"), &phc, CHEAP), Err(HashError::Malformed), "{phc}");
    }
}

#[test]
fn no_password_matches_the_dummy_hash() {
    let found = verify(&secret("correct horse"), dummy_hash(), HashParams::default());
    assert_eq!(found, Ok(Verification { ok: false, rehash: false }));
}

#[test]
fn lengths_are_checked_first() {
    assert_eq!(judged("kX9$vq2"), Err(Weakness::TooShort));
    assert_eq!(judged(&"kX9$vq2 ".repeat(129)), Err(Weakness::TooLong));
}

#[test]
fn common_passwords_and_the_address_of_the_account_are_refused() {
    for password in ["password", "12345678", "qwertyuiop", "Password1!", "lovelace1", "aaaaaaaaaaaaaaaaaaaa"]
    {
        assert_eq!(judged(password), Err(Weakness::Guessable), "{password}");
    }
    assert_eq!(judged("Ada.Lovelace@Example.com"), Err(Weakness::IsEmail));
}

#[test]
fn the_most_common_passwords_that_are_long_enough_are_refused() {
    let common = "password 12345678 123456789 1234567890 qwertyuiop password1 iloveyou sunshine princess football \
                  baseball trustno1 superman starwars whatever jennifer michelle corvette mercedes computer liverpool \
                  internet 11111111 00000000 88888888 87654321 1q2w3e4r 1qaz2wsx qwerty123 password123 abcd1234 \
                  letmein1 welcome1 p@ssw0rd Passw0rd! monkey123 dragon123 charlie1 asdfghjkl zaq12wsx";
    for password in common.split_whitespace() {
        assert_eq!(judged(password), Err(Weakness::Guessable), "{password}");
    }
}

#[test]
fn good_passwords_of_any_characters_are_accepted() {
    for password in
        ["umbrella tractor novelty", "kX9$vq2!mZ7p", "ключ от старого сарая", &"q8#Lw2 zinc ".repeat(80)]
    {
        assert_eq!(judged(password), Ok(()), "{password}");
    }
}

#[test]
fn a_password_that_is_too_long_is_wrong() {
    for (length, ok) in [(MAX_BYTES, true), (MAX_BYTES + 1, false)] {
        let password = secret(&"x".repeat(length));
        let phc = hash(&password, [7; 16], CHEAP).unwrap();
        assert_eq!(verify(&password, &phc, CHEAP), Ok(Verification { ok, rehash: false }), "{length}");
    }
}

#[test]
fn the_composed_and_the_decomposed_form_of_a_password_are_equal() {
    let forms = ["\u{dc}berraschung f\u{fc}r Zo\u{eb}", "U\u{308}berraschung fu\u{308}r Zoe\u{308}"];
    for set in forms {
        let phc = hash(&secret(set), [7; 16], CHEAP).unwrap();
        for typed in forms {
            assert_eq!(verify(&secret(typed), &phc, CHEAP), Ok(Verification { ok: true, rehash: false }));
        }
        assert!(!verify(&secret("Uberraschung fur Zoe"), &phc, CHEAP).unwrap().ok);
    }
    // Addresses are compared in NFKC, and passwords only in NFC: a full-width `a` is not an `a`.
    let phc = hash(&secret("\u{ff41}bcdefgh"), [7; 16], CHEAP).unwrap();
    assert!(!verify(&secret("abcdefgh"), &phc, CHEAP).unwrap().ok);
}

#[test]
fn a_hash_of_the_typed_form_still_verifies_and_is_renewed() {
    let typed = secret("U\u{308}berraschung fu\u{308}r Zoe\u{308}");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, argon2_params(CHEAP).unwrap());
    let old: PasswordHash = password_hash::PasswordHasher::<PasswordHash>::hash_password_with_salt(
        &argon2,
        typed.expose_secret().as_bytes(),
        &[7; 16],
    )
    .unwrap();
    assert_eq!(verify(&typed, &old.to_string(), CHEAP), Ok(Verification { ok: true, rehash: true }));
    let renewed = hash(&typed, [8; 16], CHEAP).unwrap();
    assert_eq!(verify(&typed, &renewed, CHEAP), Ok(Verification { ok: true, rehash: false }));
}

#[test]
fn the_length_of_the_composed_form_counts() {
    assert_eq!(judged(&"e\u{301}".repeat(3)), Err(Weakness::TooShort));
    assert_ne!(judged(&"e\u{301}".repeat(512)), Err(Weakness::TooLong));
    assert_eq!(judged(&"\u{e9}".repeat(513)), Err(Weakness::TooLong));
    assert_eq!(judged("ada.lovelace@e\u{ff58}ample.com"), Err(Weakness::IsEmail));
}

fn composed_text(text: &str) -> String {
    composed(&secret(text)).expose_secret().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_password_verifies_against_its_own_hash_only(password in "\\PC{1,40}", other in "\\PC{1,40}", salt: [u8; 16]) {
        let phc = hash(&secret(&password), salt, CHEAP).unwrap();
        prop_assert!(verify(&secret(&password), &phc, CHEAP).unwrap().ok);
        prop_assert_eq!(verify(&secret(&other), &phc, CHEAP).unwrap().ok, composed_text(&other) == composed_text(&password));
    }

    #[test]
    fn no_text_makes_the_check_panic(password in "\\PC{0,200}") {
        prop_assert!(judged(&password).is_err() || composed_text(&password).len() <= MAX_BYTES);
    }

    #[test]
    fn no_stored_text_makes_the_verification_panic(phc in "(\\$argon2id)?\\$\\PC{0,60}") {
        prop_assert!(!verify(&secret("x"), &phc, CHEAP).is_ok_and(|found| found.ok));
    }
}
