//! The two roles of the database: the owner of the tables, and the role of the server, which cannot change the audit log.

mod log_functions;
mod refused_changes;
mod rights;
mod start;

use store::{DatabaseSettings, SERVER_ROLE};
use tokio_postgres::{Client, NoTls};

use crate::harness::{App, eventually};

/// A connection with the role of the server.
async fn as_server(database: &DatabaseSettings) -> Client {
    let settings = database.clone().as_role(SERVER_ROLE);
    let (client, link) = settings.config.connect(NoTls).await.expect("a connection");
    tokio::spawn(link);
    client
}

/// Stops the server, and returns when its jobs have ended, so that only the test uses the database.
async fn at_rest(app: &App) {
    app.stop();
    let connections = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = '{SERVER_ROLE}'"
    );
    eventually("the server has stopped", async || app.count(&connections).await == 0).await;
}
