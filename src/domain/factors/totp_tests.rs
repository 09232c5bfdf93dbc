//! Codes of authenticator apps: the test vectors of the standard, and the times when a code is accepted.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;

/// 2026-01-01, in the middle of a step.
const NOW: i64 = 1_767_225_615;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap()
}

fn secret() -> TotpSecret {
    TotpSecret::new(*b"12345678901234567890")
}

fn matched(step: i64, after: i64) -> Option<i64> {
    matching_step(&secret(), &secret().code_at(step), now(), after)
}

#[test]
fn the_test_vectors_of_rfc_6238_are_reproduced() {
    // Appendix B, SHA-1, eight digits.
    let vectors = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];
    for (at, code) in vectors {
        let step = step_at(OffsetDateTime::from_unix_timestamp(at).unwrap());
        assert_eq!(token(b"12345678901234567890", 8, step), code, "{at}");
        assert_eq!(*secret().code_at(step).0, code.as_bytes()[2..], "{at}");
    }
}

#[test]
fn only_the_current_step_and_its_neighbours_count() {
    let current = step_at(now());
    for drift in -3..=3 {
        let step = current + drift;
        assert_eq!(matched(step, 0), (drift.abs() <= 1).then_some(step), "{drift}");
    }
}

#[test]
fn an_accepted_step_and_earlier_steps_do_not_count_again() {
    let current = step_at(now());
    assert_eq!(matched(current, current - 1), Some(current));
    assert_eq!(matched(current, current), None);
    assert_eq!(matched(current - 1, current), None);
    assert_eq!(matched(current + 1, current), Some(current + 1));
}

#[test]
fn a_code_is_six_digits_of_any_script_in_any_grouping() {
    for good in [
        "123456",
        "123 456",
        " 12 34 56 ",
        "123-456",
        "123456\n",
        "123\t456",
        "１２３４５６",
        "١٢٣٤٥٦",
        "\u{202a}123\u{2009}456\u{202c}",
    ] {
        assert_eq!(TotpCode::parse(good).map(|code| *code.0), Some(*b"123456"), "{good}");
    }
    for bad in ["", "12345", "1234567", "12345a", "+12345", "123.456", "१२३४५", "12345६७"] {
        assert!(TotpCode::parse(bad).is_none(), "{bad}");
    }
    assert!(TotpCode::parse(&" ".repeat(1000)).is_none());
}

#[test]
fn the_uri_has_the_form_that_apps_read() {
    let uri = secret().uri("auth.example.com", "ada+1:x@example.com");
    assert_eq!(
        uri.expose_secret(),
        "otpauth://totp/auth.example.com:ada%2B1%3Ax%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=auth.example.com&algorithm=SHA1&digits=6&period=30"
    );
    assert_eq!(secret().base32().expose_secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

#[test]
fn the_qr_code_is_only_an_svg_element() {
    let svg = qr_svg(secret().uri("localhost", "ada@example.com").expose_secret()).unwrap();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{}", &svg[..80]);
    assert!(!svg.contains("GEZDG") && !svg.contains("script"));
    assert!(qr_svg(&"x".repeat(5000)).is_none());
}

#[test]
fn a_secret_moved_to_another_user_does_not_open() {
    let sealer = TotpSealer::new(&SecretRing::of("data key".into()));
    let sealed = sealer.seal(7, &secret(), [3; NONCE_BYTES]);
    assert!(sealer.open(7, &sealed).is_ok_and(|(found, outdated)| found.0 == secret().0 && !outdated));
    assert_eq!(sealer.open(8, &sealed).err(), Some(SealError::Damaged));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        prop_assert!(TotpCode::parse(&text).is_none() || digits == 6);
    }

    #[test]
    fn an_accepted_code_is_the_code_of_its_step(bytes: [u8; SECRET_BYTES], at in 0i64..4_000_000_000, drift in -1i64..=1) {
        let (secret, now) = (TotpSecret::new(bytes), OffsetDateTime::from_unix_timestamp(at).unwrap());
        let step = step_at(now) + drift;
        prop_assume!(step >= 0);
        let found = matching_step(&secret, &secret.code_at(step), now, -1);
        // Two steps can have the same code; then the earlier step is returned.
        prop_assert!(found.is_some_and(|found| found <= step && *secret.code_at(found).0 == *secret.code_at(step).0));
    }
}

#[test]
fn a_secret_of_another_system_is_read_in_its_usual_spellings() {
    let secret = TotpSecret::parse("JBSWY3DPEHPK3PXP").unwrap();
    for spelling in
        ["jbswy3dpehpk3pxp", "JBSW Y3DP EHPK 3PXP", "jbsw-y3dp-ehpk-3pxp", "JBSWY3DPEHPK3PXP======"]
    {
        assert_eq!(TotpSecret::parse(spelling).unwrap().bytes(), secret.bytes(), "{spelling}");
    }
    assert_eq!(secret.base32().expose_secret(), "JBSWY3DPEHPK3PXP");
    let long = "A".repeat(104);
    for wrong in ["", "JBSWY3DP", "JBSWY3DPEHPK3PX1", "gAAAAABencrypted", "gAAAAABmVvZ2", &long] {
        assert!(TotpSecret::parse(wrong).is_none(), "{wrong}");
    }
}
