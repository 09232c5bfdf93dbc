//! [`Profile`]: a server that an operator uses, and [`Tokens`]: the sign-in there.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;

use super::stored_secret::StoredSecret;
use crate::cli::error::CliError;

/// A server, and how it is reached. It is remembered after a sign-out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Profile {
    /// The URL, without a path.
    pub(super) url: Url,
    /// The authorities of the server's certificate, if they are not those of the system.
    pub(super) ca_file: Option<PathBuf>,
    /// The client certificate with its key.
    pub(super) client_cert: Option<PathBuf>,
    /// Whether plain HTTP to another machine is permitted.
    #[serde(default)]
    pub(super) insecure_http: bool,
    /// The cookie with which the server knows this device, as `name=value`.
    pub(super) device: Option<StoredSecret>,
}

/// The tokens of a session, and the server that has given them. They are sent to no other server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tokens {
    /// The origin of the server, as [`Profile::server`] returns it.
    pub(super) server: String,
    pub(super) access: StoredSecret,
    pub(super) refresh: StoredSecret,
    /// When the access token expires, by the clock of this machine.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires_at: OffsetDateTime,
}

impl Profile {
    /// A profile for this URL.
    ///
    /// # Errors
    /// `Usage` for a text that is no URL of a server, and for plain HTTP to another machine.
    pub(super) fn of_url(text: &str, insecure_http: bool) -> Result<Self, CliError> {
        let usage = |reason: String| CliError::Usage(format!("{text}: {reason}"));
        let mut url = Url::parse(text).map_err(|error| usage(format!("this is no URL ({error})")))?;
        let named = url.host_str().is_some_and(|host| !host.is_empty());
        if !named || !matches!(url.scheme(), "http" | "https") {
            return Err(usage("the URL of a server is like https://chat.example.com".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(usage("the URL must not have a user or a password".to_owned()));
        }
        if url.scheme() == "http" && !is_loopback(&url) && !insecure_http {
            return Err(usage(
                "http:// would send the password and the tokens unencrypted to another machine: use https://, or permit it with --insecure-http"
                    .to_owned(),
            ));
        }
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self { url, ca_file: None, client_cert: None, insecure_http, device: None })
    }

    /// Whether the profile is of the server with this URL.
    pub(super) fn is_of(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }

    /// The URL of this path of the server, which begins with `/`.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.origin().ascii_serialization())
    }

    /// The server as it is named in messages.
    pub(super) fn server(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_needs_loopback_or_a_permission() {
        for url in
            ["http://localhost:8000", "http://127.0.0.1:8000/x?y#z", "http://[::1]:8000", "https://a.example"]
        {
            let profile = Profile::of_url(url, false).expect(url);
            assert!(
                profile.at("/health").ends_with("/health") && !profile.at("/health").contains("//health"),
                "{url}"
            );
        }
        for url in ["http://a.example", "http://10.0.0.1", "http://localhost.example.com"] {
            Profile::of_url(url, false).expect_err(url);
            Profile::of_url(url, true).expect(url);
        }
    }

    #[test]
    fn other_texts_are_no_server() {
        for url in ["", "a.example", "ftp://a.example", "https://", "https://ada:secret@a.example"] {
            Profile::of_url(url, true).expect_err(url);
        }
    }

    #[test]
    fn the_default_port_is_the_same_server() {
        let profile = Profile::of_url("https://a.example/", false).expect("a profile");
        assert!(profile.is_of(&Url::parse("https://a.example:443/x").expect("a URL")));
        assert!(!profile.is_of(&Url::parse("https://a.example:8443").expect("a URL")));
    }
}
