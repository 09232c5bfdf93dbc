//! `portcullis cert inspect`: describes the certificates of a file or of a running server.

use std::{fmt::Write as _, path::Path};

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use super::{error::CliError, time_format::seconds};
use crate::tls::{Description, is_signed_by, presented_chain, read_chain};

/// Prints the certificates of `target`: a file, or HOST:PORT of a server. The server is asked for the certificate of `name`, or
/// else for that of its host.
pub(super) fn inspect(target: &str, name: Option<&str>) -> Result<(), CliError> {
    let chain = if Path::new(target).exists() {
        read_chain(Path::new(target))?
    } else {
        let (host, port) = host_and_port(target).ok_or_else(|| {
            CliError::Usage(format!(
                "{target} is neither an existing file nor HOST:PORT, such as localhost:8443"
            ))
        })?;
        presented_chain(host, port, name.unwrap_or(host))?
    };
    print!("{}", described(&chain, OffsetDateTime::now_utc()));
    Ok(())
}

/// The parts of HOST:PORT. An IPv6 address is in brackets.
fn host_and_port(target: &str) -> Option<(&str, u16)> {
    let (host, port) = target.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    let is_host = !host.is_empty() && !host.contains('/') && (bare.is_some() || !host.contains(':'));
    is_host.then_some(())?;
    Some((host, port.parse().ok()?))
}

/// The text about all certificates of a chain.
fn described(chain: &[CertificateDer<'static>], now: OffsetDateTime) -> String {
    let mut text = String::new();
    for (position, certificate) in chain.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "certificate {} of {}", position + 1, chain.len());
        let signer = signer(chain, position);
        match Description::of(certificate) {
            Some(description) => lines(&mut text, &description, &signer, now),
            None => text.push_str("  it is not an X.509 certificate\n"),
        }
    }
    text
}

fn lines(text: &mut String, description: &Description, signer: &str, now: OffsetDateTime) {
    let Description { subject, issuer, names, begins_at, ends_at, key, uses, serial, fingerprint, .. } =
        description;
    let listed = |items: String| if items.is_empty() { "-".to_owned() } else { items };
    let uses = if description.is_authority { "authority".to_owned() } else { uses.join(", ") };
    let validity =
        format!("{} to {}   ({})", seconds(*begins_at), seconds(*ends_at), state(description, now));
    for (label, value) in [
        ("subject", listed(subject.clone())),
        ("names", listed(names.join(", "))),
        ("validity", validity),
        ("key", key.clone()),
        ("use", listed(uses)),
        ("issuer", listed(issuer.clone())),
        ("signed by", signer.to_owned()),
        ("serial", serial.clone()),
        ("SHA-256", fingerprint.clone()),
    ] {
        let _ = writeln!(text, "  {label:10}  {value}");
    }
}

fn state(description: &Description, now: OffsetDateTime) -> String {
    if now < description.begins_at {
        "not valid yet".to_owned()
    } else if now >= description.ends_at {
        format!("expired {} days ago", (now - description.ends_at).whole_days())
    } else {
        format!("{} days left", (description.ends_at - now).whole_days())
    }
}

/// What signed the certificate at this position of the chain.
fn signer(chain: &[CertificateDer<'static>], position: usize) -> String {
    let own = &chain[position];
    if is_signed_by(own, own) {
        return "itself".to_owned();
    }
    let found = chain.iter().position(|other| other != own && is_signed_by(own, other));
    found.map_or_else(
        || "its issuer, which is not shown here".to_owned(),
        |at| format!("certificate {}", at + 1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_separated() {
        assert_eq!(host_and_port("localhost:8443"), Some(("localhost", 8443)));
        assert_eq!(host_and_port("[::1]:8443"), Some(("::1", 8443)));
        for wrong in
            ["localhost", "::1:8443", ":8443", "localhost:", "localhost:70000", "https://localhost:8443"]
        {
            assert_eq!(host_and_port(wrong), None, "{wrong}");
        }
    }
}
