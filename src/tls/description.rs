//! [`Description`]: what a certificate says, for people. `portcullis cert inspect` prints it; the server reads the subjects of
//! client certificates and the end of its own certificate.
//!
//! A certificate of another party may contain any text. Control characters are escaped, so that they reach no terminal, log or
//! database.

use std::net::{Ipv4Addr, Ipv6Addr};

use aws_lc_rs::digest;
use time::OffsetDateTime;
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    parse_x509_certificate,
    public_key::PublicKey,
    x509::{SubjectPublicKeyInfo, X509Name},
};

/// The longest subject, in characters. Longer subjects are cut.
const MAX_SUBJECT: usize = 256;
/// What is shown of a certificate that cannot be parsed.
const UNREADABLE: &str = "(unreadable)";

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The subject, such as `CN=billing, O=Example`.
    pub subject: String,
    /// The subject of the authority that signed the certificate.
    pub issuer: String,
    /// The names and addresses that the certificate is for.
    pub names: Vec<String>,
    /// The beginning of its validity.
    pub begins_at: OffsetDateTime,
    /// The end of its validity.
    pub ends_at: OffsetDateTime,
    /// The kind of its key, such as `ECDSA P-256`.
    pub key: String,
    /// Which of the uses `server` and `client` the certificate names; empty if it names neither.
    pub uses: Vec<&'static str>,
    /// Whether it may sign other certificates.
    pub is_authority: bool,
    /// The serial number, in hexadecimal digits.
    pub serial: String,
    /// The SHA-256 digest of the whole certificate, in hexadecimal digits.
    pub fingerprint: String,
}

impl Description {
    /// Describes a certificate in DER form. `None` if it cannot be parsed.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, parsed) = parse_x509_certificate(der).ok()?;
        let usage = parsed.extended_key_usage().ok().flatten().map(|usage| usage.value);
        let mut uses = Vec::new();
        if usage.is_some_and(|usage| usage.server_auth || usage.any) {
            uses.push("server");
        }
        if usage.is_some_and(|usage| usage.client_auth || usage.any) {
            uses.push("client");
        }
        Some(Self {
            subject: name(parsed.subject()),
            issuer: name(parsed.issuer()),
            names: names(&parsed),
            begins_at: parsed.validity().not_before.to_datetime(),
            ends_at: parsed.validity().not_after.to_datetime(),
            key: key(parsed.public_key()),
            uses,
            is_authority: parsed.is_ca(),
            serial: parsed.raw_serial_as_string(),
            fingerprint: hex(digest::digest(&digest::SHA256, der).as_ref()),
        })
    }
}

/// The beginning and the end of a certificate in DER form. `None` if it cannot be parsed.
pub(super) fn validity(der: &[u8]) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let (_, parsed) = parse_x509_certificate(der).ok()?;
    let validity = parsed.validity();
    Some((validity.not_before.to_datetime(), validity.not_after.to_datetime()))
}

/// The subject of a certificate in DER form, at most 256 characters. If the subject is empty: the serial number and the
/// issuer.
#[must_use]
pub fn subject(der: &[u8]) -> String {
    let Ok((_, parsed)) = parse_x509_certificate(der) else { return UNREADABLE.to_owned() };
    let subject = name(parsed.subject());
    if !subject.is_empty() {
        return subject;
    }
    let text = format!("serial {} of {}", parsed.raw_serial_as_string(), name(parsed.issuer()));
    text.chars().take(MAX_SUBJECT).collect()
}

/// Whether the certificate `der` names the certificate `issuer` as its issuer, and has the signature of that issuer. Both are
/// in DER form.
#[must_use]
pub fn is_signed_by(der: &[u8], issuer: &[u8]) -> bool {
    let (Ok((_, parsed)), Ok((_, issuer))) = (parse_x509_certificate(der), parse_x509_certificate(issuer))
    else {
        return false;
    };
    parsed.issuer().as_raw() == issuer.subject().as_raw()
        && parsed.verify_signature(Some(issuer.public_key())).is_ok()
}

fn name(name: &X509Name<'_>) -> String {
    let text = name.to_string();
    printable(&text).chars().take(MAX_SUBJECT).collect()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension.value.general_names.iter().map(general_name).collect()
}

fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            printable(text)
        }
        GeneralName::IPAddress(bytes) => address(bytes),
        other => printable(&other.to_string()),
    }
}

fn address(bytes: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ipv4Addr::from(v4).to_string();
    }
    <[u8; 16]>::try_from(bytes)
        .map_or_else(|_| format!("address {}", hex(bytes)), |v6| Ipv6Addr::from(v6).to_string())
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = info.algorithm.algorithm.to_id_string();
    let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    match (info.parsed(), algorithm.as_str()) {
        (Ok(PublicKey::RSA(rsa)), _) => format!("RSA, {} bits", rsa.key_size()),
        (Ok(PublicKey::EC(point)), _) => match curve.map(|curve| curve.to_id_string()).as_deref() {
            Some("1.2.840.10045.3.1.7") => "ECDSA P-256".to_owned(),
            Some("1.3.132.0.34") => "ECDSA P-384".to_owned(),
            Some("1.3.132.0.35") => "ECDSA P-521".to_owned(),
            _ => format!("ECDSA, {} bits", point.key_size()),
        },
        (_, "1.3.101.112") => "Ed25519".to_owned(),
        (_, "1.3.101.113") => "Ed448".to_owned(),
        (_, other) => format!("of the algorithm {other}"),
    }
}

/// The text with control characters and invisible characters as escapes.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| if matches!(c, '"' | '\'' | '\\') { vec![c] } else { c.escape_debug().collect() })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
