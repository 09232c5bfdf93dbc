//! The development certificate from its creation to its replacement.

use std::{fs::Permissions, os::unix::fs::PermissionsExt};

use super::*;

fn start() -> OffsetDateTime {
    time::macros::datetime!(2026-01-01 00:00 UTC)
}

fn certificate_in(data: &Path) -> String {
    std::fs::read_to_string(dev_certificate_path(data)).unwrap()
}

fn key_path(data: &Path) -> PathBuf {
    dev_pair(data).key
}

#[test]
fn a_client_that_trusts_the_certificate_accepts_it_for_every_local_name() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let chain = read_chain(&dev_certificate_path(data.path())).unwrap();
    check_as_client(&chain, start()).unwrap();
}

#[test]
fn a_later_start_uses_the_same_certificate() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let first = certificate_in(data.path());
    dev_certificate_at(data.path(), start() + Duration::days(58)).unwrap();
    assert_eq!(certificate_in(data.path()), first);
}

#[test]
fn a_certificate_that_is_about_to_expire_is_replaced() {
    let data = tempfile::tempdir().unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    let first = certificate_in(data.path());
    let later = start() + Duration::days(60);
    dev_certificate_at(data.path(), later).unwrap();
    assert_ne!(certificate_in(data.path()), first);
    check_as_client(&read_chain(&dev_certificate_path(data.path())).unwrap(), later + Duration::days(80))
        .unwrap();
}

#[test]
fn only_the_owner_can_read_the_key() {
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
    let first = certificate_in(data.path());
    std::fs::copy(key_path(other.path()), key_path(data.path())).unwrap();
    dev_certificate_at(data.path(), start()).unwrap();
    assert_ne!(certificate_in(data.path()), first);
}
