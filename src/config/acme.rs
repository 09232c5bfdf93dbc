//! [`AcmeSettings`]: how the certificate of the TLS port is ordered from an authority.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::pki_types::DnsName;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    reader::Reader,
    table::{
        ACME_CA_FILE, ACME_CHALLENGE, ACME_DIRECTORY_URL, ACME_EAB_HMAC_KEY, ACME_EAB_KEY_ID, ACME_EMAIL,
        ACME_TERMS_AGREED, DATA_DIR, DOMAIN,
    },
};

/// How the server proves that it controls its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// On the TLS port (RFC 8737).
    TlsAlpn,
    /// On plain HTTP (RFC 8555, 8.3).
    Http,
}

/// How the certificate of the TLS port is ordered.
#[derive(Clone, Debug)]
pub struct AcmeSettings {
    /// `DOMAIN` in lower case: the name in the certificate.
    pub name: String,
    /// `ACME_EMAIL`.
    pub email: String,
    /// `ACME_DIRECTORY_URL`.
    pub directory_url: String,
    /// `ACME_CHALLENGE`.
    pub challenge: AcmeChallenge,
    /// `ACME_CA_FILE`.
    pub authorities: Option<PathBuf>,
    /// `ACME_EAB_KEY_ID` and `ACME_EAB_HMAC_KEY`.
    pub external_account: Option<(String, SecretString)>,
    /// The directory of the account key and of the certificate: `acme` in `DATA_DIR`.
    pub storage: PathBuf,
}

impl AcmeSettings {
    /// The key of the external account as bytes. It was checked when the settings were read.
    #[must_use]
    pub fn external_key(key: &SecretString) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        let text = key.expose_secret().trim_end_matches('=');
        URL_SAFE_NO_PAD.decode(text).ok().filter(|key| !key.is_empty()).map(zeroize::Zeroizing::new)
    }
}

/// The settings of ACME. `None` if `ACME_EMAIL` is absent.
pub(super) fn acme(read: &mut Reader<'_>) -> Option<AcmeSettings> {
    let email = read.text(&ACME_EMAIL);
    let terms_agreed = read.flag(&ACME_TERMS_AGREED);
    let challenge =
        if read.word(&ACME_CHALLENGE) == "http-01" { AcmeChallenge::Http } else { AcmeChallenge::TlsAlpn };
    let directory_url = read.text(&ACME_DIRECTORY_URL).unwrap_or_default();
    let authorities = read.path(&ACME_CA_FILE).map(PathBuf::from);
    let external_account = external_account(read);
    if !directory_url.starts_with("https://") {
        read.problem("ACME_DIRECTORY_URL: must begin with `https://`");
    }
    let email = email?;
    if !terms_agreed {
        read.problem("ACME_TERMS_AGREED: read the terms of service of the authority, and agree with `true`");
    }
    let is_address = email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if !is_address || email.contains(|c: char| c.is_whitespace() || c.is_control() || ",:<>?".contains(c)) {
        read.problem("ACME_EMAIL: is not an e-mail address");
    }
    // Authorities and clients write names in lower case.
    let name = read.text(&DOMAIN).unwrap_or_default().to_ascii_lowercase();
    if !name.is_empty() && (DnsName::try_from(name.as_str()).is_err() || !name.contains('.')) {
        read.problem(
            "ACME_EMAIL: a certificate can be ordered only for a DNS name with a dot, and DOMAIN is none",
        );
    }
    let storage = PathBuf::from(read.path(&DATA_DIR).unwrap_or_default()).join("acme");
    Some(AcmeSettings { name, email, directory_url, challenge, authorities, external_account, storage })
}

fn external_account(read: &mut Reader<'_>) -> Option<(String, SecretString)> {
    match (read.text(&ACME_EAB_KEY_ID), read.secret(&ACME_EAB_HMAC_KEY)) {
        (None, None) => None,
        (Some(id), Some(key)) => {
            if AcmeSettings::external_key(&key).is_none() {
                read.problem("ACME_EAB_HMAC_KEY: is not a key in base64url");
            }
            Some((id, key))
        }
        _ => {
            if !read.is_unreadable(ACME_EAB_HMAC_KEY.name) && !read.is_unreadable(ACME_EAB_KEY_ID.name) {
                read.problem("ACME_EAB_KEY_ID and ACME_EAB_HMAC_KEY must be given together");
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{reader::Command, variables::Variables};

    fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
        let given = [
            ("ACME_EMAIL", "ops@example.com"),
            ("ACME_TERMS_AGREED", "true"),
            ("DOMAIN", "chat.example.com"),
        ];
        let variables: Variables = given.iter().chain(pairs).copied().collect();
        let mut read = Reader::new(&variables, Command::Serve);
        acme(&mut read);
        read.problems().to_vec()
    }

    #[test]
    fn the_name_in_the_certificate_is_in_lower_case() {
        let given = [("ACME_EMAIL", "ops@example.com"), ("DOMAIN", "Chat.Example.COM")];
        let variables: Variables = given.into_iter().collect();
        let settings = acme(&mut Reader::new(&variables, Command::Serve)).unwrap();
        assert_eq!(settings.name, "chat.example.com");
    }

    #[test]
    fn wrong_settings_are_problems_that_show_no_secret() {
        assert_eq!(problems(&[]), [""; 0]);
        let eab = ("ACME_EAB_KEY_ID", "kid-1");
        for (pair, wrong) in [
            (&[("ACME_TERMS_AGREED", "false")][..], "ACME_TERMS_AGREED: "),
            (&[("ACME_EMAIL", "ops")], "ACME_EMAIL: is not"),
            (&[("DOMAIN", "localhost")], "ACME_EMAIL: a certificate can be ordered only"),
            (&[("DOMAIN", "192.0.2.1")], "ACME_EMAIL: a certificate can be ordered only"),
            (&[("ACME_DIRECTORY_URL", "http://acme.example.com")], "ACME_DIRECTORY_URL: must begin"),
            (&[("ACME_CHALLENGE", "dns-01")], "ACME_CHALLENGE: "),
            (&[eab], "ACME_EAB_KEY_ID and ACME_EAB_HMAC_KEY"),
            (&[eab, ("ACME_EAB_HMAC_KEY", "not base64!")], "ACME_EAB_HMAC_KEY: is not a key"),
        ] {
            let found = problems(pair);
            assert!(found.len() == 1 && found[0].starts_with(wrong), "{wrong}: {found:?}");
            assert!(!found[0].contains("base64!"));
        }
        assert_eq!(problems(&[eab, ("ACME_EAB_HMAC_KEY", "zWNDZM6eQGHWpSRTPal5eA==")]), [""; 0]);
    }
}
