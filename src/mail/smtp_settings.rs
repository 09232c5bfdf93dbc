//! The address of the SMTP server, as an operator writes it: `smtps://user:password@host:465`.

use std::{fmt, str::FromStr, time::Duration};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// `smtps`: from the first byte on.
    Implicit,
    /// `starttls`: the server must offer STARTTLS, and the certificate must fit.
    StartTls,
    /// `smtp`: not at all.
    None,
}

/// The SMTP server, and how to reach it.
#[derive(Clone)]
pub struct SmtpSettings {
    /// The name or the address of the server.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// The user and the password, if the server asks for them.
    pub credentials: Option<(String, SecretString)>,
    /// The certificates of the authorities that may sign the certificate of the server, in PEM form. Without them, those of the
    /// system count.
    pub authorities: Option<Vec<u8>>,
    /// How long one attempt may take, from the connection to the answer to the mail.
    pub timeout: Duration,
    /// The name with which this server introduces itself.
    pub own_name: String,
}

/// What is wrong with the URL. The text has no part of the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpUrlError {
    /// It is no URL with a host.
    #[error("must have the form `smtps://user:password@host:port`")]
    Malformed,
    /// The scheme is another.
    #[error("must begin with `smtps://` (TLS), `starttls://` or `smtp://` (no encryption)")]
    Scheme,
    /// It has a path, a query or a fragment.
    #[error("must have nothing behind the host and the port")]
    Rest,
    /// There is a user without a password, or the other way round, or they are not UTF-8.
    #[error("must have a user and a password, or neither; special characters are percent-encoded")]
    Credentials,
}

impl SmtpSettings {
    /// How long one attempt may take, unless the settings say something else.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// Whether mails and the password cross a network without encryption.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        let loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        self.encryption == Encryption::None && !loopback
    }
}

impl FromStr for SmtpSettings {
    type Err = SmtpUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text.trim()).map_err(|_| SmtpUrlError::Malformed)?;
        let (encryption, default) = match url.scheme() {
            "smtps" => (Encryption::Implicit, 465),
            "starttls" => (Encryption::StartTls, 587),
            "smtp" => (Encryption::None, 25),
            _ => return Err(SmtpUrlError::Scheme),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(SmtpUrlError::Malformed)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(SmtpUrlError::Rest);
        }
        let decoded = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| SmtpUrlError::Credentials)
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err(SmtpUrlError::Credentials),
            (user, Some(password)) => Some((decoded(user)?, decoded(password)?.into())),
        };
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(default),
            encryption,
            credentials,
            authorities: None,
            timeout: Self::TIMEOUT,
            own_name: "localhost".to_owned(),
        })
    }
}

/// `Debug` prints no user and no password.
impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpSettings({}:{}, {:?})", self.host, self.port, self.encryption)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_url_names_the_server_its_encryption_and_the_credentials() {
        let read: SmtpSettings = "smtps://a%40b:p%3Aw@mail.example".parse().expect("a URL");
        assert_eq!(
            (read.host.as_str(), read.port, read.encryption),
            ("mail.example", 465, Encryption::Implicit)
        );
        let (user, password) = read.credentials.as_ref().expect("credentials");
        assert_eq!((user.as_str(), password.expose_secret()), ("a@b", "p:w"));
        assert!(!format!("{read:?}").contains("p:w"));
        let read: SmtpSettings = "starttls://mail.example:2525/".parse().expect("a URL");
        assert_eq!((read.port, read.encryption), (2525, Encryption::StartTls));
        assert!(read.credentials.is_none() && !read.is_exposed());
    }

    #[test]
    fn only_a_plain_connection_over_a_network_is_exposed() {
        for (url, exposed) in [
            ("smtp://localhost", false),
            ("smtp://127.0.0.1:1025", false),
            ("smtp://[::1]", false),
            ("smtp://relay", true),
            ("smtps://relay", false),
        ] {
            assert_eq!(url.parse::<SmtpSettings>().expect(url).is_exposed(), exposed, "{url}");
        }
    }

    #[test]
    fn a_wrong_url_is_refused_without_showing_it() {
        for (url, expected) in [
            ("mail.example:25", SmtpUrlError::Scheme),
            ("https://mail.example", SmtpUrlError::Scheme),
            ("", SmtpUrlError::Malformed),
            ("smtps://", SmtpUrlError::Malformed),
            ("smtps://user@mail.example", SmtpUrlError::Credentials),
            ("smtps://:secret@mail.example", SmtpUrlError::Credentials),
            ("smtps://mail.example/path", SmtpUrlError::Rest),
            ("smtps://mail.example?tls=required", SmtpUrlError::Rest),
        ] {
            let error = url.parse::<SmtpSettings>().expect_err(url);
            assert_eq!(error, expected, "{url}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
