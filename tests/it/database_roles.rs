//! The two roles of the database: the owner of the tables, and the role of the server, which cannot change the audit log.

mod log_functions;
mod refused_changes;
mod rights;
mod start;

use store::{DatabaseSettings, SERVER_ROLE};
use tokio_postgres::{Client, NoTls};

/// A connection with the role of the server.
async fn as_server(database: &DatabaseSettings) -> Client {
    let settings = database.clone().as_role(SERVER_ROLE);
    let (client, link) = settings.config.connect(NoTls).await.expect("a connection");
    tokio::spawn(link);
    client
}
