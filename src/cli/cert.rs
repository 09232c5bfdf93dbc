//! `portcullis cert`: makes an authority and the certificates that it signs, and describes certificates.
//!
//! These commands use neither the database nor the settings.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use super::{cert_inspect, error::CliError, time_format::seconds};
use crate::tls::{Authority, Issued, PairPaths, Validity, new_authority};

/// The longest validity of a certificate: a hundred years. A longer one is probably a mistake.
const LONGEST_LIFE_DAYS: i64 = 36_500;

/// Makes and describes TLS certificates.
#[derive(Debug, Args)]
pub(super) struct Cert {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes an authority: a root certificate and its private key, which signs certificates of servers and clients.
    Ca {
        /// The name of the authority.
        #[arg(long, default_value = "Portcullis authority")]
        name: String,
        /// The number of days after which the certificate expires.
        #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=LONGEST_LIFE_DAYS))]
        days: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Makes a certificate for a server, for `TLS_CERT_FILE` and `TLS_KEY_FILE`.
    Server {
        /// The names of the server: host names, wildcards such as `*.example.com`, and addresses.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// The number of days after which the certificate expires. Many clients accept at most 397.
        #[arg(long, default_value_t = 397, value_parser = clap::value_parser!(u32).range(1..=LONGEST_LIFE_DAYS))]
        days: u32,
        #[command(flatten)]
        authority: AuthorityFiles,
        #[command(flatten)]
        output: Output,
    },
    /// Makes a certificate for a client, such as a service that calls the server API of a server with `CLIENT_CA_FILE`.
    Client {
        /// The name of the client. It becomes the subject of the certificate, which audit events contain.
        name: String,
        /// The number of days after which the certificate expires.
        #[arg(long, default_value_t = 397, value_parser = clap::value_parser!(u32).range(1..=LONGEST_LIFE_DAYS))]
        days: u32,
        #[command(flatten)]
        authority: AuthorityFiles,
        #[command(flatten)]
        output: Output,
    },
    /// Prints subject, names, validity, key type and chain of the certificates in a file, or of a running server.
    Inspect {
        /// A file in PEM form, or HOST:PORT of a server.
        #[arg(value_name = "FILE|HOST:PORT")]
        target: String,
        /// The name whose certificate the server is asked for, if it is not HOST.
        #[arg(long, value_name = "NAME")]
        server_name: Option<String>,
    },
}

/// The files of the authority.
#[derive(Debug, Args)]
struct AuthorityFiles {
    /// The certificate of the authority.
    #[arg(long = "ca", default_value = "ca.crt", value_name = "FILE")]
    certificate: PathBuf,
    /// The private key of the authority. Only the owner of this file may read it.
    #[arg(long = "ca-key", default_value = "ca.key", value_name = "FILE")]
    key: PathBuf,
}

/// The files that are written.
#[derive(Debug, Args)]
struct Output {
    /// The beginning of the two paths: PREFIX.crt (mode 0644) and PREFIX.key (mode 0600). [default: the name of the subcommand]
    #[arg(long, value_name = "PREFIX")]
    out: Option<PathBuf>,
    /// Replaces existing files.
    #[arg(long)]
    force: bool,
}

impl Cert {
    pub(super) fn run(self) -> Result<(), CliError> {
        let validity = |days| Validity { now: OffsetDateTime::now_utc(), days };
        match self.command {
            Command::Ca { name, days, output } => output.write(&new_authority(&name, validity(days))?, "ca"),
            Command::Server { names, days, authority, output } => {
                output.write(&authority.load()?.server(&names, validity(days))?, "server")
            }
            Command::Client { name, days, authority, output } => {
                output.write(&authority.load()?.client(&name, validity(days))?, "client")
            }
            Command::Inspect { target, server_name } => {
                cert_inspect::inspect(&target, server_name.as_deref())
            }
        }
    }
}

impl AuthorityFiles {
    fn load(&self) -> Result<Authority, CliError> {
        Ok(Authority::load(&self.certificate, &self.key)?)
    }
}

impl Output {
    /// Writes the files and prints their names. `prefix` is the prefix without `--out`.
    fn write(&self, issued: &Issued, prefix: &str) -> Result<(), CliError> {
        let pair = PairPaths::of(self.out.as_deref().unwrap_or(Path::new(prefix)));
        pair.write(issued, self.force)?;
        println!("certificate  {}   (expires {})", pair.certificate.display(), seconds(issued.ends_at));
        println!("private key  {}", pair.key.display());
        Ok(())
    }
}
