//! The address of the server and its administrator: from flags, or from the `dev.json` that a development server writes.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use serde::Deserialize;

use crate::failure::Failure;

/// The flags of every scenario.
#[derive(Args)]
pub(crate) struct TargetArgs {
    /// Data directory of a development server; its `dev.json` names addresses and users.
    #[arg(long, default_value = "data")]
    data_dir: PathBuf,
    /// Base URL of the server, such as `http://127.0.0.1:8000`, instead of the one in `dev.json`.
    #[arg(long)]
    url: Option<String>,
    /// Connect over TLS. Certificates are not verified: use this only with a server of your own.
    #[arg(long)]
    tls: bool,
    /// E-mail of an administrator, instead of the one in `dev.json`.
    #[arg(long, requires = "admin_password")]
    admin: Option<String>,
    /// Password of that administrator.
    #[arg(long, env = "LOADTEST_ADMIN_PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
    /// URL of the server's metrics, such as `http://127.0.0.1:9090/metrics`, instead of the one in `dev.json`.
    #[arg(long)]
    metrics: Option<String>,
    /// Process id of the server, to measure its memory and CPU time, instead of the one in `dev.json`.
    #[arg(long)]
    pid: Option<u32>,
    /// Use 127.0.0.1 for all sessions. Without this flag, each user has a loopback address of its own, so that limits per
    /// address do not apply.
    #[arg(long)]
    one_address: bool,
}

/// A user with a password.
#[derive(Clone, Deserialize)]
pub(crate) struct Login {
    pub(crate) email: String,
    pub(crate) password: String,
    #[serde(default)]
    role: String,
}

impl Login {
    /// A user with this e-mail address and password. The role is left empty.
    pub(crate) fn new(email: String, password: String) -> Self {
        Self { email, password, role: String::new() }
    }
}

/// The server under test.
pub(crate) struct Target {
    /// Scheme, host and port, without a slash at the end.
    pub(crate) base: String,
    /// Host and port, for the `Host` header.
    pub(crate) authority: String,
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    pub(crate) admin: Login,
    /// The URL of the metrics, if it is known.
    pub(crate) metrics: Option<String>,
    /// The id of the server process, if it is known and on this machine.
    pub(crate) pid: Option<u32>,
    /// The file with the prepared sessions.
    pub(crate) prepared: PathBuf,
    /// Whether each user has a loopback address of its own.
    spread: bool,
}

#[derive(Default, Deserialize)]
struct DevFile {
    http: Option<String>,
    https: Option<String>,
    metrics: Option<String>,
    #[serde(default)]
    users: Vec<Login>,
    pid: Option<u32>,
}

impl TargetArgs {
    /// The data directory of the server.
    pub(crate) fn data_dir(&self) -> &std::path::Path {
        &self.data_dir
    }

    /// Reads the flags and `dev.json`, and resolves the host.
    pub(crate) async fn resolve(&self) -> Result<Target, Failure> {
        let dev = self.dev_file()?;
        let base = match (&self.url, self.tls) {
            (Some(url), _) => url.clone(),
            (None, true) => dev.https.ok_or("dev.json has no HTTPS address")?,
            (None, false) => dev.http.ok_or("dev.json has no HTTP address")?,
        };
        let base = base.trim_end_matches('/').to_owned();
        let (tls, authority) = parse_url(&base)?;
        let address = tokio::net::lookup_host(&authority)
            .await?
            .min_by_key(|address| address.is_ipv6())
            .ok_or("the server's host has no address")?;
        let admin = match (&self.admin, &self.admin_password) {
            (Some(email), Some(password)) => Login::new(email.clone(), password.clone()),
            _ => dev
                .users
                .into_iter()
                .find(|user| user.role == "admin")
                .ok_or("no administrator: give --admin and --admin-password")?,
        };
        let loopback = matches!(address.ip(), IpAddr::V4(ip) if ip.is_loopback());
        let pid = self.pid.or(dev.pid);
        let metrics = self.metrics.clone().or(dev.metrics);
        let spread = loopback && !self.one_address;
        Ok(Target {
            base,
            authority,
            address,
            tls,
            admin,
            metrics,
            pid,
            prepared: self.data_dir.join("loadtest-sessions.json"),
            spread,
        })
    }

    fn dev_file(&self) -> Result<DevFile, Failure> {
        let path = self.data_dir.join("dev.json");
        match std::fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(_) if self.url.is_some() => Ok(DevFile::default()),
            Err(error) => Err(format!("{}: {error}; or give --url", path.display()).into()),
        }
    }
}

/// Whether the URL uses TLS, and its host and port.
fn parse_url(base: &str) -> Result<(bool, String), Failure> {
    let (tls, authority) = match (base.strip_prefix("http://"), base.strip_prefix("https://")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return Err("the URL must begin with http:// or https://".into()),
    };
    if authority.is_empty() || authority.contains('/') {
        return Err("the URL must have a host, and no path".into());
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if tls { 443 } else { 80 };
    Ok((tls, if has_port { authority.to_owned() } else { format!("{authority}:{port}") }))
}

impl Target {
    /// The local address for requests and sockets of user `number`. `None` lets the system choose.
    pub(crate) fn source(&self, number: usize) -> Option<IpAddr> {
        let number = u32::try_from(number).unwrap_or(0) % 0x00fe_0000;
        self.spread.then(|| IpAddr::V4(Ipv4Addr::from_bits(0x7f01_0001 + number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_consists_of_scheme_and_host_and_may_have_a_port() {
        assert_eq!(parse_url("http://localhost:8000").unwrap(), (false, "localhost:8000".to_owned()));
        assert_eq!(parse_url("https://[::1]").unwrap(), (true, "[::1]:443".to_owned()));
        assert!(
            parse_url("localhost:8000").is_err()
                && parse_url("http://a/b").is_err()
                && parse_url("http://").is_err()
        );
    }

    #[test]
    fn every_user_of_a_loopback_server_has_an_address_of_its_own() {
        let target = |spread| Target {
            base: String::new(),
            authority: String::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
            tls: false,
            admin: Login::new(String::new(), String::new()),
            metrics: None,
            pid: None,
            prepared: PathBuf::new(),
            spread,
        };
        assert_eq!(target(true).source(0), Some(IpAddr::from([127, 1, 0, 1])));
        assert_eq!(target(true).source(999), Some(IpAddr::from([127, 1, 3, 232])));
        assert_eq!(target(false).source(0), None);
    }
}
