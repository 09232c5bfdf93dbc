//! Certificates as clients judge them: chains, names, uses and lifetimes.

use std::sync::Arc;

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{ServerName, UnixTime, pem::PemObject},
};

use super::*;
use crate::tls::PairPaths;

fn validity(days: u32) -> Validity {
    Validity { now: OffsetDateTime::now_utc(), days }
}

/// An authority that is valid for ten days.
fn authority() -> (tempfile::TempDir, Authority) {
    let directory = tempfile::tempdir().unwrap();
    let pair = PairPaths::of(&directory.path().join("ca"));
    pair.write(&new_authority("An authority", validity(10)).unwrap(), false).unwrap();
    let authority = Authority::load(&pair.certificate, &pair.key).unwrap();
    (directory, authority)
}

fn described(issued: &Issued) -> Description {
    Description::of(&CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()).unwrap()
}

/// Whether a client that trusts the authority accepts the certificate for this name.
fn accepts(authority: &Authority, issued: &Issued, name: &str) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(authority.chain[0].clone()).unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
    let own = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(&own, &[], &name, &[], UnixTime::now()).is_ok()
}

#[test]
fn a_client_accepts_a_server_for_its_names_wildcards_and_addresses_only() {
    let (_directory, authority) = authority();
    let names = ["Chat.example.com", "*.rooms.example.com", "192.0.2.7", "2001:db8::7"].map(str::to_owned);
    let issued = authority.server(&names, validity(5)).unwrap();
    for name in ["chat.example.com", "a.rooms.example.com", "192.0.2.7", "2001:db8::7"] {
        assert!(accepts(&authority, &issued, name), "{name}");
    }
    for name in ["example.com", "rooms.example.com", "a.b.rooms.example.com", "192.0.2.8"] {
        assert!(!accepts(&authority, &issued, name), "{name}");
    }
    let Description { names, uses, is_authority, key, .. } = described(&issued);
    assert_eq!(names, ["chat.example.com", "*.rooms.example.com", "192.0.2.7", "2001:db8::7"]);
    assert_eq!((uses, is_authority, key.as_str()), (vec!["server"], false, "ECDSA P-256"));
}

#[test]
fn a_client_certificate_is_no_server_certificate() {
    let (_directory, authority) = authority();
    let issued = authority.client("billing", validity(5)).unwrap();
    let Description { subject, issuer, uses, .. } = described(&issued);
    assert_eq!((subject.as_str(), issuer.as_str(), uses), ("CN=billing", "CN=An authority", vec!["client"]));
    assert!(!accepts(&authority, &issued, "billing"));
}

#[test]
fn a_certificate_does_not_outlive_its_authority() {
    let (_directory, authority) = authority();
    let issued = authority.client("billing", validity(365)).unwrap();
    assert_eq!(described(&issued).ends_at, authority.ends_at);
    assert_eq!(issued.ends_at, authority.ends_at);
}

#[test]
fn an_expired_authority_signs_nothing() {
    let (_directory, authority) = authority();
    let later = Validity { now: OffsetDateTime::now_utc() + Duration::days(11), days: 1 };
    assert!(matches!(authority.client("billing", later), Err(TlsError::ExpiredAuthority(_))));
}

#[test]
fn names_that_no_certificate_can_have_are_refused() {
    let (_directory, authority) = authority();
    for (name, why) in [
        ("bücher.example", "xn--"),
        ("a.*.example.com", "first label"),
        ("*", "first label"),
        ("https://example.com", "neither"),
        ("example.com:443", "neither"),
        ("example.com.", "neither"),
        ("a b", "neither"),
        ("", "1 to 64"),
    ] {
        let refusal = authority.server(&[name.to_owned()], validity(1)).unwrap_err().to_string();
        assert!(refusal.contains(why), "{name}: {refusal}");
    }
    assert!(authority.server(&[], validity(1)).is_err());
    for name in ["", "a\nb", &"x".repeat(65)] {
        assert!(authority.client(name, validity(1)).is_err(), "{name:?}");
    }
}

#[test]
fn a_certificate_of_a_server_is_no_authority() {
    let (directory, authority) = authority();
    let pair = PairPaths::of(&directory.path().join("server"));
    pair.write(&authority.server(&["localhost".to_owned()], validity(1)).unwrap(), false).unwrap();
    let refusal = Authority::load(&pair.certificate, &pair.key).err().unwrap().to_string();
    assert!(refusal.contains("not that of an authority: CN=localhost"), "{refusal}");
}

#[test]
fn a_key_of_another_authority_is_refused() {
    let (directory, _) = authority();
    let (other, _) = authority();
    let at = |directory: &tempfile::TempDir| PairPaths::of(&directory.path().join("ca"));
    let refusal = Authority::load(&at(&directory).certificate, &at(&other).key).err().unwrap();
    assert!(matches!(refusal, TlsError::Mismatch { .. }), "{refusal}");
}

#[test]
fn existing_files_are_replaced_only_if_this_is_forced() {
    let directory = tempfile::tempdir().unwrap();
    let pair = PairPaths::of(&directory.path().join("api.example.com"));
    assert!(pair.certificate.ends_with("api.example.com.crt"));
    let made = || new_authority("An authority", validity(1)).unwrap();
    pair.write(&made(), false).unwrap();
    let first = std::fs::read(&pair.certificate).unwrap();
    assert!(matches!(pair.write(&made(), false), Err(TlsError::Exists(_))));
    std::fs::remove_file(&pair.key).unwrap();
    assert!(matches!(pair.write(&made(), false), Err(TlsError::Exists(_))));
    assert!(!pair.key.exists(), "nothing is written beside a certificate that stays");
    assert_eq!(std::fs::read(&pair.certificate).unwrap(), first);
    pair.write(&made(), true).unwrap();
    assert_ne!(std::fs::read(&pair.certificate).unwrap(), first);
}
