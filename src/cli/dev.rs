//! `portcullis dev`: a server that starts without any settings.
//!
//! It has a private PostgreSQL, generated secrets and a development certificate under the data directory, and
//! demonstration users. It prints a summary and writes it to `dev.json`. It listens on loopback only, because the
//! password of one of its users is publicly known.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use store::DatabaseSettings;

use super::{demo_users::demo_users, error::CliError, summary};
use crate::{
    app::{self, App},
    config::{
        DATA_DIRECTORY, Environment, HTTP_PORT, HTTPS_PORT, SERVICE_LINK_ADVICE, Secrets, Settings,
        Variables, is_service_link,
    },
    lifecycle::stop_on_signals,
    postgres::{Cluster, Durability},
    secrets::{self, DevSecrets},
    telemetry, tls,
};

/// Starts a development server with a database, certificate, secrets and users of its own.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The directory of all files of the server.
    #[arg(long, env = "DATA_DIR", default_value = DATA_DIRECTORY, value_name = "DIR")]
    data_dir: PathBuf,
    /// The address to listen on; only loopback is accepted.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: IpAddr,
    /// The port of plain HTTP; 0 takes any free port.
    #[arg(long, env = "API_PORT", default_value_t = HTTP_PORT, value_parser = port)]
    port: u16,
    /// The port of TLS; 0 takes any free port.
    #[arg(long, env = "TLS_PORT", default_value_t = HTTPS_PORT, value_parser = port)]
    tls_port: u16,
    /// Threads that serve sockets and requests [default: one per core].
    #[arg(long)]
    workers: Option<usize>,
    /// Logs more.
    #[arg(long)]
    debug: bool,
}

/// A port of the command line or of the environment.
fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| {
        if is_service_link(text) {
            format!("it looks like a Kubernetes service link, not a port: {SERVICE_LINK_ADVICE}")
        } else {
            "it is not a number from 0 to 65535".to_owned()
        }
    })
}

impl Dev {
    pub(super) fn run(self) -> Result<(), CliError> {
        if !self.host.is_loopback() {
            return Err(CliError::Usage(format!(
                "the development server listens on loopback only, not on {}, because its passwords are known; use `portcullis serve`",
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
        let addresses =
            (SocketAddr::new(self.host, self.port), Some(SocketAddr::new(self.host, self.tls_port)));
        let variables = Variables::of_process();
        let draft = Settings::read_development(&variables, database, keys, addresses);
        let mut settings = app::open_files(draft)?;
        settings.debug |= self.debug;
        settings.listen.metrics.get_or_insert(SocketAddr::new(self.host, 0));
        settings.realtime.spill_file = self.data_dir.join("audit.spill");
        if let Some(workers) = self.workers {
            settings.listen.workers = workers.max(1);
        }
        Ok(settings)
    }
}
