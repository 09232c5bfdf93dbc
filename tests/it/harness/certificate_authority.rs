//! An authority that speaks ACME: the program `pebble`. The DNS server of `pebble-challtestsrv` resolves every name to this
//! machine.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

use super::{Ask as _, Certificates, client, eventually, lasting_port};

/// The key of the external account that [`Offer::external_account`] asks for.
pub(crate) const EXTERNAL_KEY: (&str, &str) =
    ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W");

/// The authority, which may be down.
pub(crate) struct CertificateAuthority {
    /// Signs the certificate of the authority's own interface.
    certificates: Certificates,
    directory: SocketAddr,
    management: SocketAddr,
    dns: SocketAddr,
    running: Vec<Child>,
}

/// How the authority issues certificates.
pub(crate) struct Offer {
    /// The ports of its validation of names: of plain HTTP and of TLS.
    pub(crate) ports: (u16, u16),
    /// How long its certificates are valid, in seconds.
    pub(crate) seconds: u64,
    /// Whether it asks for an external account.
    pub(crate) external_account: bool,
}

impl CertificateAuthority {
    /// An authority that is down. Its addresses are known already.
    pub(crate) fn new() -> Self {
        let address = || SocketAddr::from((Ipv4Addr::LOCALHOST, lasting_port()));
        Self {
            certificates: Certificates::new(),
            directory: address(),
            management: address(),
            dns: address(),
            running: Vec::new(),
        }
    }

    /// The settings of a server that orders from this authority.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let root = self.certificates.authority_file();
        vec![
            ("ACME_EMAIL", "ops@example.com".to_owned()),
            ("ACME_TERMS_AGREED", "true".to_owned()),
            ("ACME_DIRECTORY_URL", format!("https://localhost:{}/dir", self.directory.port())),
            ("ACME_CA_FILE", root.to_str().expect("a path in UTF-8").to_owned()),
            ("TLS_PORT", "0".to_owned()),
        ]
    }

    /// Starts the authority, with a new root certificate and without accounts.
    pub(crate) async fn start(&mut self, offer: &Offer) {
        let pair = self.certificates.server("pebble", 5);
        let (kid, key) = EXTERNAL_KEY;
        let config = json!({"pebble": {
            "listenAddress": self.directory.to_string(),
            "managementListenAddress": self.management.to_string(),
            "certificate": pair.certificate,
            "privateKey": pair.key,
            "httpPort": offer.ports.0,
            "tlsPort": offer.ports.1,
            "externalAccountBindingRequired": offer.external_account,
            "externalAccountMACKeys": {kid: key},
            "certificateValidityPeriod": offer.seconds,
        }});
        let path = self.certificates.path().join("pebble.json");
        std::fs::write(&path, config.to_string()).expect("a file");
        let (dns, management) = (self.dns.to_string(), "127.0.0.1:0");
        let dns_server = ["-dns01", &dns, "-management", management, "-defaultIPv6", "", "-http01", ""];
        self.run("pebble-challtestsrv", &[&dns_server[..], &["-https01", "", "-tlsalpn01", ""]].concat());
        let path = path.to_str().expect("a path in UTF-8").to_owned();
        self.run("pebble", &["-config", &path, "-dnsserver", &dns]);
        let rest = self.certificates.rest().build().expect("a client");
        let directory = format!("https://localhost:{}/dir", self.directory.port());
        eventually("the authority", async || rest.get(&directory).send().await.is_ok()).await;
    }

    fn run(&mut self, program: &str, arguments: &[&str]) {
        let log =
            std::fs::File::create(self.certificates.path().join(format!("{program}.log"))).expect("a log");
        let mut command = Command::new(program);
        command.args(arguments).env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
        // By default, pebble refuses every twentieth nonce. A client gives up after three refusals in a row.
        command.env("PEBBLE_WFE_NONCEREJECT", "0");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("the same file")).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{program}: {error}: run scripts/ensure.sh acme, or set PORTCULLIS_SKIP_ACME=1")
        });
        self.running.push(child);
    }

    /// Kills the authority.
    pub(crate) fn stop(&mut self) {
        for mut child in self.running.drain(..) {
            child.kill().expect("SIGKILL");
            child.wait().expect("the end of the process");
        }
    }

    /// The number of lines of the authority's log since its start that contain this text.
    pub(crate) fn logged(&self, text: &str) -> usize {
        let log = std::fs::read_to_string(self.certificates.path().join("pebble.log")).expect("a log");
        log.lines().filter(|line| line.contains(text)).count()
    }

    /// The root certificate of the certificates that it issues.
    pub(crate) async fn root(&self) -> CertificateDer<'static> {
        let rest = self.certificates.rest().build().expect("a client");
        let url = format!("https://localhost:{}/roots/0", self.management.port());
        self.certificates.der(rest.get(url).ask().await.expect(200).text.as_bytes())
    }
}

impl Drop for CertificateAuthority {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether the tests with `pebble` are left out.
pub(crate) fn is_skipped() -> bool {
    std::env::var("PORTCULLIS_SKIP_ACME").is_ok_and(|value| value == "1")
}

/// The details in the readiness of the server at this address.
pub(crate) async fn readiness(address: SocketAddr) -> Value {
    let rest = client().build().expect("a client");
    rest.get(format!("http://{address}/health/ready")).ask().await.body
}

/// The mode of this file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}
