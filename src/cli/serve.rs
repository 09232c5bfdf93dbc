//! `portcullis serve`: the production server.
//!
//! The server does not start without a database and secrets, which must be strong in production. One message lists every
//! problem of the settings. At SIGHUP the server reads the settings again.

use std::path::PathBuf;

use clap::Args;

use super::error::CliError;
use crate::{
    app::{self, App, Reloader},
    config::{SettingValues, Settings, Variables},
    lifecycle::{Hangups, stop_on_signals},
    telemetry,
};

/// Starts the production server, configured by environment variables and files.
#[derive(Debug, Args)]
pub(super) struct Serve {}

impl Serve {
    /// `env_files` are the files that the command line names. A reload reads them again.
    pub(super) fn run(self, variables: &Variables, env_files: Vec<PathBuf>) -> Result<(), CliError> {
        let settings = app::open_files(Settings::read(variables)).finish()?;
        telemetry::start_logging(settings.environment, settings.debug, settings.traces.as_ref());
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        let values = SettingValues::of(variables, &settings);
        let socket = settings.listen.socket.as_ref().map(|(path, _)| path.clone());
        actix_web::rt::System::new().block_on(async {
            let hangups = Hangups::listen()?;
            let app = App::build(settings).await?;
            let reloader = app.reloader(values);
            hangups.serve(move || reload(&reloader, &env_files));
            tracing::info!(http = ?app.http(), socket = ?socket, https = ?app.https(), metrics = ?app.metrics(), "ready");
            stop_on_signals(app.shutdown());
            Ok(app.run().await?)
        })
        .inspect(|()| telemetry::send_last_traces())
    }
}

/// Reads the settings again, and writes one line about the result.
fn reload(reloader: &Reloader, env_files: &[PathBuf]) {
    let variables = Variables::of_process(env_files);
    let outcome = match reloader.reload(&variables) {
        Ok((changes, warnings)) => {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            tracing::debug!(files = ?variables.files(), "read settings from files");
            let list =
                |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            let (changed, need_restart) = (list(&changes.applied), list(&changes.need_restart));
            tracing::info!(changed, need_restart, "the settings were reloaded");
            "ok"
        }
        Err(error) => {
            let problems = error.problems.join("; ");
            tracing::error!(problems, "the settings were not reloaded, and nothing has changed");
            "refused"
        }
    };
    metrics::counter!("settings_reloads_total", "outcome" => outcome).increment(1);
}
