//! `portcullis serve`: the production server.
//!
//! It refuses to start without a database and strong secrets, and reports everything that is missing in one message.

use clap::Args;

use super::error::CliError;
use crate::{
    app::{self, App},
    config::{Settings, Variables},
    lifecycle::stop_on_signals,
    telemetry,
};

/// Starts the production server, configured by environment variables (or `.env`).
#[derive(Debug, Args)]
pub(super) struct Serve {}

impl Serve {
    pub(super) fn run(self) -> Result<(), CliError> {
        let settings = app::open_files(Settings::read(&Variables::of_process()))?;
        telemetry::start_logging(settings.environment, settings.debug);
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        actix_web::rt::System::new().block_on(async {
            let app = App::build(settings, None).await?;
            tracing::info!(http = ?app.http(), https = ?app.https(), metrics = ?app.metrics(), "ready");
            stop_on_signals(app.shutdown());
            Ok(app.run().await?)
        })
    }
}
