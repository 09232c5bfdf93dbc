//! The development certificate from its creation to its replacement, and the files of an operator.

use std::{fs::Permissions, os::unix::fs::PermissionsExt};

use super::*;

fn start() -> OffsetDateTime {
    time::macros::datetime!(2026-01-01 00:00 UTC)
}

fn shown(data: &Path) -> String {
    std::fs::read_to_string(dev_certificate_path(data)).unwrap()
}

fn key_path(data: &Path) -> PathBuf {
    dev_certificate_path(data).with_extension("key")
}

#[test]
fn a_client_that_trusts_it_accepts_it_for_every_local_name() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let chain = read_chain(&dev_certificate_path(data.path())).unwrap();
    check_as_client(&chain, start()).unwrap();
}

#[test]
fn a_later_start_shows_the_same_certificate() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let first = shown(data.path());
    dev_certificate_at(data.path(), start() + Duration::days(75)).unwrap();
    assert_eq!(shown(data.path()), first);
}

#[test]
fn a_certificate_that_is_about_to_expire_is_replaced() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let first = shown(data.path());
    let later = start() + Duration::days(77);
    dev_certificate_at(data.path(), later).unwrap();
    assert_ne!(shown(data.path()), first);
    check_as_client(&read_chain(&dev_certificate_path(data.path())).unwrap(), later + Duration::days(80))
        .unwrap();
}

#[test]
fn the_key_is_readable_by_its_owner_alone() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let mode = std::fs::metadata(key_path(data.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_key_that_others_could_read_is_replaced() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let exposed = std::fs::read_to_string(key_path(data.path())).unwrap();
    std::fs::set_permissions(key_path(data.path()), Permissions::from_mode(0o644)).unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    assert_ne!(std::fs::read_to_string(key_path(data.path())).unwrap(), exposed);
}

#[test]
fn a_key_of_another_certificate_leads_to_a_new_pair() {
    let data = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    dev_certificate_at(other.path(), start()).unwrap();
    let first = shown(data.path());
    std::fs::copy(key_path(other.path()), key_path(data.path())).unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    assert_ne!(shown(data.path()), first);
}

#[test]
fn files_of_the_operator_are_used() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let files = OperatorCertificate::load(&dev_certificate_path(data.path()), &key_path(data.path()));
    let config = files.unwrap().config().unwrap();
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
}

#[test]
fn a_key_of_the_operator_that_all_users_may_change_is_refused() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let (certificate, key) = (dev_certificate_path(data.path()), key_path(data.path()));
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    assert!(OperatorCertificate::load(&certificate, &key).is_ok(), "containers mount keys so");
    std::fs::set_permissions(&key, Permissions::from_mode(0o646)).unwrap();
    let refusal = OperatorCertificate::load(&certificate, &key).unwrap_err();
    assert!(refusal.to_string().contains("run chmod go-w"), "{refusal}");
}

#[test]
fn a_missing_certificate_is_named_in_the_error() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let missing = data.path().join("none.pem");
    let refusal = OperatorCertificate::load(&missing, &key_path(data.path())).unwrap_err();
    assert!(refusal.to_string().contains("none.pem"), "{refusal}");
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let key = key_path(data.path());
    let refusal = OperatorCertificate::load(&key, &key).unwrap_err();
    assert!(refusal.to_string().contains("no CERTIFICATE section"), "{refusal}");
}

/// The certificate that new connections get.
fn used(certificate: &OperatorCertificate) -> CertificateDer<'static> {
    certificate.current.read().certified.cert[0].clone()
}

#[test]
fn files_that_were_renewed_are_used_and_wrong_ones_are_not() {
    let (data, renewed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for directory in [&data, &renewed] {
        dev_certificate_at(directory.path(), start()).unwrap();
    }
    let (chain, key) = (dev_certificate_path(data.path()), key_path(data.path()));
    let operator = OperatorCertificate::load(&chain, &key).unwrap();
    let first = used(&operator);
    assert!(!operator.reload_if_changed().unwrap(), "nothing has changed");
    // For a moment the certificate is new and the key is old.
    std::fs::rename(dev_certificate_path(renewed.path()), &chain).unwrap();
    operator.reload_if_changed().unwrap_err();
    assert_eq!(used(&operator), first);
    assert!(!operator.reload_if_changed().unwrap(), "the same mistake is told once");
    std::fs::rename(key_path(renewed.path()), &key).unwrap();
    assert!(operator.reload_if_changed().unwrap());
    assert_ne!(used(&operator), first);
}
