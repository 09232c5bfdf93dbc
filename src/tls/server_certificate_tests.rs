//! The files of an operator: which are accepted, and what happens when they change.

use std::{
    fs::Permissions,
    os::unix::fs::{PermissionsExt, symlink},
};

use rustls::pki_types::CertificateDer;

use super::*;
use crate::tls::{Authority, PairPaths, Validity, new_authority};

/// A directory with an authority, which signs a certificate for localhost.
struct Files {
    directory: tempfile::TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pair = PairPaths::of(&directory.path().join("ca"));
        pair.write(&new_authority("An authority", validity()).unwrap(), false).unwrap();
        let authority = Authority::load(&pair.certificate, &pair.key).unwrap();
        Self { directory, authority }
    }

    /// A new certificate and its key, in files of this name.
    fn issue(&self, name: &str) -> PairPaths {
        let pair = PairPaths::of(&self.directory.path().join(name));
        std::fs::create_dir_all(pair.certificate.parent().unwrap()).unwrap();
        pair.write(&self.authority.server(&["localhost".to_owned()], validity()).unwrap(), true).unwrap();
        pair
    }
}

fn validity() -> Validity {
    Validity { now: OffsetDateTime::now_utc(), days: 9 }
}

fn load(pair: &PairPaths) -> Result<Arc<ServerCertificate>, TlsError> {
    ServerCertificate::load(&pair.certificate, &pair.key)
}

/// The certificate that new connections get.
fn used(certificate: &ServerCertificate) -> CertificateDer<'static> {
    certificate.current.read().certified.cert[0].clone()
}

/// The certificate in this file.
fn stored(path: &Path) -> CertificateDer<'static> {
    read_chain(path).unwrap()[0].clone()
}

#[test]
fn only_http_1_1_is_offered() {
    let files = Files::new();
    let config = load(&files.issue("server")).unwrap().config(None).unwrap();
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
}

#[test]
fn a_key_that_all_users_may_change_is_refused() {
    let files = Files::new();
    let pair = files.issue("server");
    std::fs::set_permissions(&pair.key, Permissions::from_mode(0o644)).unwrap();
    assert!(load(&pair).is_ok(), "containers mount keys with this mode");
    std::fs::set_permissions(&pair.key, Permissions::from_mode(0o646)).unwrap();
    let refusal = load(&pair).unwrap_err();
    assert!(refusal.to_string().contains("run chmod go-w"), "{refusal}");
}

#[test]
fn a_missing_certificate_is_named_in_the_error() {
    let files = Files::new();
    let pair = files.issue("server");
    let missing = files.directory.path().join("none.pem");
    let refusal = ServerCertificate::load(&missing, &pair.key).unwrap_err();
    assert!(refusal.to_string().contains("none.pem"), "{refusal}");
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    let files = Files::new();
    let pair = files.issue("server");
    let refusal = ServerCertificate::load(&pair.key, &pair.key).unwrap_err();
    assert!(refusal.to_string().contains("no CERTIFICATE section"), "{refusal}");
}

#[test]
fn a_key_of_another_certificate_is_refused_with_both_files_in_the_error() {
    let files = Files::new();
    let (pair, other) = (files.issue("server"), files.issue("other"));
    let refusal = ServerCertificate::load(&pair.certificate, &other.key).unwrap_err().to_string();
    assert!(refusal.contains("other.key") && refusal.contains("server.crt"), "{refusal}");
}

#[test]
fn while_only_one_of_the_files_is_new_the_old_pair_stays_and_this_is_reported_once() {
    let files = Files::new();
    let (pair, renewed) = (files.issue("server"), files.issue("renewed"));
    let served = load(&pair).unwrap();
    let first = used(&served);
    assert!(!served.reload_if_changed().unwrap(), "nothing has changed");
    std::fs::rename(&renewed.certificate, &pair.certificate).unwrap();
    let refusal = served.reload_if_changed().unwrap_err();
    assert!(matches!(refusal, TlsError::Mismatch { .. }), "{refusal}");
    assert!(!served.reload_if_changed().unwrap(), "the same failure is reported once");
    assert_eq!(used(&served), first);
    std::fs::rename(&renewed.key, &pair.key).unwrap();
    assert!(served.reload_if_changed().unwrap());
    assert_eq!(used(&served), stored(&pair.certificate));
}

#[test]
fn a_certificate_that_is_written_in_parts_is_used_when_it_is_complete() {
    let files = Files::new();
    let (pair, renewed) = (files.issue("server"), files.issue("renewed"));
    let served = load(&pair).unwrap();
    let text = std::fs::read(&renewed.certificate).unwrap();
    std::fs::copy(&renewed.key, &pair.key).unwrap();
    std::fs::write(&pair.certificate, &text[..text.len() / 2]).unwrap();
    served.reload_if_changed().unwrap_err();
    std::fs::write(&pair.certificate, &text).unwrap();
    assert!(served.reload_if_changed().unwrap());
    assert_eq!(used(&served), stored(&renewed.certificate));
}

#[test]
fn a_file_that_could_not_be_read_is_read_again_although_it_has_not_changed() {
    let files = Files::new();
    let (pair, renewed) = (files.issue("server"), files.issue("renewed"));
    let served = load(&pair).unwrap();
    let hidden = files.directory.path().join("hidden");
    std::fs::rename(&pair.key, &hidden).unwrap();
    served.reload_if_changed().unwrap_err();
    assert!(!served.reload_if_changed().unwrap());
    std::fs::rename(&hidden, &pair.key).unwrap();
    assert!(!served.reload_if_changed().unwrap(), "it is the same certificate");
    std::fs::rename(&renewed.key, &pair.key).unwrap();
    std::fs::rename(&renewed.certificate, &pair.certificate).unwrap();
    assert!(served.reload_if_changed().unwrap());
}

#[test]
fn a_symbolic_link_that_leads_to_another_directory_is_noticed() {
    let files = Files::new();
    let root = files.directory.path();
    files.issue("first/tls");
    let second = files.issue("second/tls");
    // Kubernetes mounts a secret in this way: `tls.crt` leads to `..data/tls.crt`, and `..data` to a directory.
    symlink("first", root.join("..data")).unwrap();
    symlink("..data/tls.crt", root.join("tls.crt")).unwrap();
    symlink("..data/tls.key", root.join("tls.key")).unwrap();
    let served = load(&PairPaths::of(&root.join("tls"))).unwrap();
    symlink("second", root.join("..data_tmp")).unwrap();
    std::fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    assert!(served.reload_if_changed().unwrap());
    assert_eq!(used(&served), stored(&second.certificate));
}

#[test]
fn the_end_of_the_certificate_is_known() {
    let files = Files::new();
    let left = load(&files.issue("server")).unwrap().ends_at().unwrap() - OffsetDateTime::now_utc();
    assert_eq!(left.whole_hours(), 9 * 24 - 1);
}

#[test]
fn a_challenge_is_answered_only_while_it_is_open_and_an_ordered_certificate_is_read_when_it_is_issued() {
    let files = Files::new();
    let path = files.directory.path().join("acme").join("localhost.pem");
    let certificate = ServerCertificate::ordered(&path, "localhost").unwrap();
    assert_eq!(certificate.config(None).unwrap().alpn_protocols, [&b"http/1.1"[..], b"acme-tls/1"]);
    assert_eq!(certificate.validity(), None, "a placeholder");
    assert!(!certificate.reload_if_changed().unwrap());
    certificate.open_challenge("localhost", &[7; 32]).unwrap();
    assert!(certificate.challenge.read().is_some());
    certificate.close_challenge();
    assert!(certificate.challenge.read().is_none());
    let issued = files.authority.server(&["localhost".to_owned()], validity()).unwrap();
    let pem = format!("{}{}", issued.certificate, issued.key.as_str());
    check_issued(&pem, "localhost").unwrap();
    assert!(check_issued(&pem, "example.com").is_err(), "another name");
    assert!(check_issued(&issued.certificate, "localhost").is_err(), "no key");
    secrets::replace_private(&path, &pem).unwrap();
    assert!(certificate.reload_if_changed().unwrap());
    assert!(certificate.validity().is_some());
    let again = ServerCertificate::ordered(&path, "localhost").unwrap();
    assert_eq!(used(&again), used(&certificate));
}
