//! `portcullis dev`: a server that starts without any settings.
//!
//! The server has a private PostgreSQL, generated secrets and a development certificate under the data directory, and
//! demonstration users. The command prints a summary and writes it to `dev.json`. The server listens on loopback only, because
//! the password of one demonstration user is publicly known.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use store::{DatabaseSettings, SERVER_ROLE};

use super::{demo_users::demo_users, error::CliError, summary};
use crate::{
    app::{self, App},
    config::{DevStart, Environment, Secrets, Settings, Variables},
    lifecycle::stop_on_signals,
    postgres::{Cluster, Durability},
    secrets::{self, DevSecrets},
    telemetry,
    tls::{self, PairPaths},
};

/// Starts a development server with a database, certificate, secrets and users of its own.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The directory of all files of the server [default: the setting `DATA_DIR`, or ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The address to listen on; only loopback is accepted.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: IpAddr,
    /// The port of plain HTTP; with 0, the system chooses a free port [default: the setting `API_PORT`, or 8000].
    #[arg(long)]
    port: Option<u16>,
    /// The port of TLS; with 0, the system chooses a free port [default: the setting `TLS_PORT`, or 8443].
    #[arg(long)]
    tls_port: Option<u16>,
    /// Threads that serve sockets and requests [default: one per core].
    #[arg(long)]
    workers: Option<usize>,
    /// Logs at the level `debug`.
    #[arg(long)]
    debug: bool,
}

impl Dev {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        if !self.host.is_loopback() {
            return Err(CliError::Usage(format!(
                "the development server listens on loopback only, not on {}, because the password of a demonstration user is publicly known; use `portcullis serve`",
                self.host
            )));
        }
        let start = DevStart::read(variables, self.data_dir.clone(), self.port, self.tls_port)?;
        let data_dir = start.data_dir.clone();
        telemetry::start_logging(Environment::Development, self.debug || start.debug, start.traces.as_ref());
        let secrets = secrets::load_or_generate(&data_dir)?;
        let cluster = Cluster::start(&data_dir, Durability::Durable)?;
        let owner = DatabaseSettings::embedded(cluster.socket_dir(), cluster.database());
        let certificate = tls::dev_certificate(&data_dir)?;
        let settings = self.settings(variables, &start, owner, &secrets, certificate)?;
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        let users = demo_users(&secrets);
        actix_web::rt::System::new().block_on(async {
            let app = App::build(settings).await?;
            for user in &users {
                app.services().operators.local_admin.seed_user(user.email, &user.password, user.role).await?;
            }
            summary::write(&data_dir, &app, &users, cluster.socket_dir())?;
            summary::print(&data_dir, &app, &users, &cluster);
            stop_on_signals(app.shutdown());
            Ok(app.run().await?)
        })
    }

    fn settings(
        &self,
        variables: &Variables,
        start: &DevStart,
        owner: DatabaseSettings,
        secrets: &DevSecrets,
        certificate: PairPaths,
    ) -> Result<Settings, CliError> {
        let keys = Secrets::new(secrets.jwt.clone(), secrets.csrf.clone(), secrets.data_encryption.clone());
        let address = |port| SocketAddr::new(self.host, port);
        let addresses = (address(start.http_port), Some(address(start.https_port)));
        let database = owner.clone().as_role(SERVER_ROLE);
        let draft = Settings::read_development(variables, database, keys, addresses);
        let mut settings = app::open_files(draft).finish()?;
        settings.database_owner = Some(owner);
        settings.mail.show = Some(|mail| println!("  {mail}"));
        settings.listen.certificate = Some((certificate.certificate, certificate.key));
        settings.listen.metrics.get_or_insert(SocketAddr::new(self.host, 0));
        settings.realtime.spill_file = start.data_dir.join("audit.spill");
        if let Some(workers) = self.workers {
            settings.listen.workers = workers.max(1);
        }
        Ok(settings)
    }
}
