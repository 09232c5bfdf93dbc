//! `portcullis dev`: a server that needs nothing but this command.
//!
//! Private PostgreSQL, generated secrets and a development certificate under the data directory, demonstration users, and a
//! summary on the terminal and in `dev.json`. Never listens on anything but loopback: its users' passwords are known.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::{CliError, summary};
use crate::{
    app::App,
    config::{Environment, Secrets, Settings},
    lifecycle::stop_on_signals,
    postgres::{Cluster, Durability},
    secrets::{self, DevSecrets},
    telemetry, tls,
};
use domain::account::role::Role;
use store::DatabaseSettings;

const DEMO_EMAIL: &str = "user@example.com";
const DEMO_PASSWORD: &str = "password";
const ADMIN_EMAIL: &str = "admin@example.com";

/// Starts a development server that needs nothing: its own database, certificate, secrets and users.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Where everything is kept.
    #[arg(long, env = "DATA_DIR", default_value = "./data", value_name = "DIR")]
    data_dir: PathBuf,
    /// The address to listen on; only loopback is accepted.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: IpAddr,
    /// Port for plain HTTP; 0 takes any free one.
    #[arg(long, env = "API_PORT", default_value_t = 8000)]
    port: u16,
    /// Port for TLS; 0 takes any free one.
    #[arg(long, env = "TLS_PORT", default_value_t = 8443)]
    tls_port: u16,
    /// Threads that serve sockets and requests [default: one per core].
    #[arg(long)]
    workers: Option<usize>,
    /// More in the log.
    #[arg(long)]
    debug: bool,
}

/// A demonstration user.
pub(super) struct DemoUser {
    pub(super) email: &'static str,
    pub(super) password: SecretString,
    pub(super) role: Role,
}

impl Dev {
    pub(super) fn run(self) -> Result<(), CliError> {
        if !self.host.is_loopback() {
            return Err(CliError::Usage(format!(
                "the development server listens on loopback only, not on {}: its passwords are known; use `portcullis serve`",
                self.host
            )));
        }
        telemetry::start_logging(Environment::Development, self.debug);
        let secrets = secrets::load_or_generate(&self.data_dir)?;
        let cluster = Cluster::start(&self.data_dir, Durability::Durable)?;
        let database = DatabaseSettings::embedded(cluster.socket_dir(), cluster.database());
        let certificate = tls::dev_certificate(&self.data_dir)?;
        let settings = self.settings(database, &secrets)?;
        let users = demo_users(&secrets);
        actix_web::rt::System::new().block_on(async {
            let app = App::build(settings, Some(certificate)).await?;
            for user in &users {
                app.services().operators.local_admin.seed_user(user.email, &user.password, user.role).await?;
            }
            summary::write(&self.data_dir, &app, &users, cluster.socket_dir())?;
            summary::print(&self.data_dir, &app, &users, &cluster);
            stop_on_signals(app.shutdown());
            Ok(app.run().await?)
        })
    }

    fn settings(&self, database: DatabaseSettings, secrets: &DevSecrets) -> Result<Settings, CliError> {
        let keys = Secrets {
            jwt: secrets.jwt.clone(),
            jwt_previous: Vec::new(),
            csrf: secrets.csrf.clone(),
            data_encryption: secrets.data_encryption.clone(),
            data_encryption_previous: Vec::new(),
        };
        let mut settings = Settings::development(database, keys, self.port, Some(self.tls_port));
        let listen = &mut settings.listen;
        for address in [&mut listen.http, &mut listen.https].into_iter().flatten() {
            address.set_ip(self.host);
        }
        let mut settings = settings.overlaid(&|name| std::env::var(name).ok())?;
        settings.debug |= self.debug;
        settings.realtime.spill_file = self.data_dir.join("audit.spill");
        if let Some(workers) = self.workers {
            settings.listen.workers = workers.max(1);
        }
        Ok(settings)
    }
}

fn demo_users(secrets: &DevSecrets) -> [DemoUser; 2] {
    [
        DemoUser { email: DEMO_EMAIL, password: SecretString::from(DEMO_PASSWORD), role: Role::User },
        DemoUser {
            email: ADMIN_EMAIL,
            password: SecretString::from(secrets.admin_password.expose_secret()),
            role: Role::Admin,
        },
    ]
}

/// Writes a file that only its owner may read, in one step: a reader sees the old one or the new one.
pub(super) fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let temporary = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&temporary)?.write_all(content)?;
    fs::rename(&temporary, path)
}
