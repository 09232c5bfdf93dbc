//! Tests of hashes of other systems. The hashes were made by other programs: bcrypt 4.0, argon2-cffi, passlib and Django.

use secrecy::SecretString;

use super::*;
use crate::account::password::{HashParams, Verification, check_stored, verify};

const CHEAP: HashParams = HashParams { m_kib: 64, t: 1, p: 1 };
const PASSWORD: &str = "correct-zebra-lantern-42";

/// Hashes of [`PASSWORD`].
const KNOWN: [&str; 13] = [
    "$2b$04$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cq",
    "$2y$04$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cq",
    "$2a$04$cxRFMUKL8ayKIOOBbS.cjueUVQBPhXFbr9Rim/2SzdTwYf0bp6TKC",
    "$argon2i$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$EMyeDHwqqOJqHqMd/wFtnw",
    "$argon2d$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$1jqMNZlcMi1x+OgEtMGnIA",
    "$argon2id$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$CvPTqV0elNa7m4+m+GBebg",
    "$argon2i$v=16$m=1024,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$3Grs43y/MPXCpCawjVHV43mL6dxtz5sowCGFO4xvr+c",
    "$argon2i$m=1024,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$3Grs43y/MPXCpCawjVHV43mL6dxtz5sowCGFO4xvr+c",
    "$pbkdf2-sha256$1000$9f5/b.39vzemNAYA4LzX.g$dZdRgD4uYWQSyBrt.4x35jHLfjlDFa99tn23RQXxQf4",
    "$pbkdf2-sha512$1000$6R1DiJHSujcGYKwV4nwvxQ$M9p0ETUN5ZtVtof.ne2fbfPxFVgsIYPfjNYMbzgSYCYeHoJjgRjoJQW2OsN56FEc2bEkkxVq14s.9TCYkBLv3w",
    "$pbkdf2$1000$uffe.7.XEsL4HyMkJCQkZA$A.HulowDAdG.m7CgRzJbnDjyx2Y",
    "pbkdf2_sha256$1000$seasalt$/IncROOfvtLAfstJtUcdBIm0aQkODMiiP26T+Qep0K4=",
    "pbkdf2_sha1$1000$seasalt$HZ8/8nQ1yXN26U9GOVCE6Ym5lrg=",
];

fn verified(password: &str, stored: &str) -> Result<Verification, HashError> {
    verify(&SecretString::from(password), stored, CHEAP)
}

#[test]
fn hashes_of_other_programs_verify_and_are_renewed() {
    for stored in KNOWN {
        assert_eq!(verified(PASSWORD, stored), Ok(Verification { ok: true, rehash: true }), "{stored}");
        let wrong = verified("correct-zebra-lantern-43", stored);
        assert_eq!(wrong, Ok(Verification { ok: false, rehash: false }), "{stored}");
        assert_eq!(check_stored(stored), Ok(()), "{stored}");
    }
}

#[test]
fn the_name_that_django_writes_in_front_of_a_hash_is_removed() {
    let bcrypt = "bcrypt$$2b$04$qm96TWyzr6LKnsqDoVhff.agAOZDYlIwx1gfdueS8vGF4Q/p/xsI.";
    let argon2 = "argon2$argon2id$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$9Z4NaTcTMdnPTU4aDq397EqpB1G9tklDvGfznvRWaPY";
    for stored in [bcrypt, argon2] {
        assert_eq!(verified(PASSWORD, stored), Err(HashError::Malformed));
        assert!(verified(PASSWORD, stored_form(stored)).unwrap().ok, "{stored}");
    }
    for stored in KNOWN {
        assert_eq!(stored_form(stored), stored);
    }
}

#[test]
fn bcrypt_reads_the_first_72_bytes_of_a_password() {
    let stored = "$2b$04$E5gGCy.ggDqAF3tgsnQ0pexdPaOvC20DxF0FB2LeOAqzYITpFf25i";
    let begin = "x".repeat(72);
    for typed in [format!("{begin}tail"), begin.clone(), format!("{begin}anything else")] {
        assert_eq!(verified(&typed, stored), Ok(Verification { ok: true, rehash: true }));
    }
    assert!(!verified(&begin[1..], stored).unwrap().ok);
}

#[test]
fn a_hash_that_would_cost_too_much_is_refused_before_it_is_computed() {
    let salted = "c29tZXNhbHRzb21lc2FsdA$EMyeDHwqqOJqHqMd/wFtnw";
    for stored in [
        "$2b$16$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cq".to_owned(),
        "$2b$31$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cq".to_owned(),
        "pbkdf2_sha256$5000001$seasalt$/IncROOfvtLAfstJtUcdBIm0aQkODMiiP26T+Qep0K4=".to_owned(),
        "pbkdf2_sha256$99999999999999$seasalt$/IncROOfvtLAfstJtUcdBIm0aQkODMiiP26T+Qep0K4=".to_owned(),
        format!("pbkdf2_sha256$1000$seasalt${}", "AAAA".repeat(22)),
        // Two blocks of SHA-256, and four of SHA-1.
        format!("pbkdf2_sha256$2500001$seasalt${}", "AAAA".repeat(11)),
        format!("pbkdf2_sha1$1250001$seasalt${}", "AAAA".repeat(21)),
        format!("pbkdf2_sha256$1000${}$/IncROOfvtLAfstJtUcdBIm0aQkODMiiP26T+Qep0K4=", "s".repeat(65)),
        format!("$argon2i$v=19$m=262145,t=1,p=1${salted}"),
        format!("$argon2d$v=19$m=1024,t=11,p=1${salted}"),
        format!("$argon2id$v=19$m=1024,t=1,p=9${salted}"),
    ] {
        assert_eq!(check_stored(&stored), Err(HashError::Parameters), "{stored}");
        assert_eq!(verified("x", &stored), Err(HashError::Parameters), "{stored}");
    }
}

#[test]
fn a_text_that_is_no_hash_is_malformed() {
    for stored in [
        "",
        "password",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$2b$12$abcdefghijklmnopqrstuuu",
        "$2x$04$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cq",
        "$2b$03$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cq",
        "$2b$4$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cqq",
        "$2b$04$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39c!",
        "pbkdf2_md5$1000$seasalt$/IncROOfvtLAfstJtUcdBIm0aQkODMiiP26T+Qep0K4=",
        "pbkdf2_sha256$0$seasalt$/IncROOfvtLAfstJtUcdBIm0aQkODMiiP26T+Qep0K4=",
        "pbkdf2_sha256$-1$seasalt$/IncROOfvtLAfstJtUcdBIm0aQkODMiiP26T+Qep0K4=",
        "pbkdf2_sha256$1000$seasalt",
        "pbkdf2_sha256$1000$seasalt$",
        "pbkdf2_sha256$1000$seasalt$!!!!",
        "$argon2x$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$EMyeDHwqqOJqHqMd/wFtnw",
        "$scrypt$ln=16,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$EMyeDHwqqOJqHqMd/wFtnw",
    ] {
        assert_eq!(check_stored(stored), Err(HashError::Malformed), "{stored}");
    }
}
