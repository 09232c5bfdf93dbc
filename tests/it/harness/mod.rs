//! The harness of the tests. It gives each test a separate server and database, users, clients, and ways to cause faults.
//!
//! Most tests start a server with [`App::start`] and use it over real connections, as a client does. [`operations`] has the
//! actions of an operator on the command line. A test that expects an event waits until the event has happened, at most for
//! [`PATIENCE`], and not for a fixed time. If the order of two requests matters, a [`Barrier`] determines it.

mod answer;
mod app;
mod authenticator_app;
mod backlog;
mod barrier;
mod ceremony;
pub(crate) mod certificate_authority;
mod certificates;
mod conformance;
mod cookie_client;
mod database;
mod database_proxy;
mod database_server;
mod emulated_connection;
mod event_sink;
mod forged_token;
mod frame;
pub(crate) mod geo_database;
pub(crate) mod issuer;
mod lasting_port;
mod mail_sink;
pub(crate) mod object_store;
mod operations;
mod operator_cli;
mod passkey_authenticator;
mod person;
mod pgbouncer;
mod process;
mod protobuf_socket;
mod reconnecting_client;
pub(crate) mod secret_watch;
mod server_api;
mod session_fixture;
mod socket;
mod terminal;
mod tls_connection;
mod trace_receiver;

use std::{future::Future, time::Duration};

pub(crate) use answer::{Answer, Ask};
pub(crate) use app::{App, client, secrets};
pub(crate) use authenticator_app::{AuthenticatorApp, Pending};
pub(crate) use backlog::{
    BULK_CHANNEL, MORE_THAN_FITS, allow_bulk_publishing, allow_large_backlog, unread_socket,
};
pub(crate) use barrier::Barrier;
pub(crate) use ceremony::Ceremony;
pub(crate) use certificates::{Certificates, ClientPair};
pub(crate) use cookie_client::CookieClient;
pub(crate) use database::{OwnCluster, cloned_database, empty_database, fresh_database};
pub(crate) use database_proxy::DatabaseProxy;
pub(crate) use database_server::{DatabaseServer, ROLES, ServerTls};
pub(crate) use emulated_connection::EmulatedConnection;
pub(crate) use event_sink::{EventSink, Mode, Taken};
pub(crate) use forged_token::Forgery;
pub(crate) use frame::{Opcode, frame};
pub(crate) use lasting_port::lasting_port;
pub(crate) use mail_sink::{MailSink, SmtpMode, SmtpTls};
pub(crate) use operator_cli::OperatorCli;
pub(crate) use passkey_authenticator::PasskeyAuthenticator;
pub(crate) use person::{PASSWORD, Person, Session};
pub(crate) use pgbouncer::{PgBouncer, PoolMode};
pub(crate) use process::{
    Server, database_url, owner_url, portcullis, portcullis_in, portcullis_on, started_portcullis,
};
pub(crate) use protobuf_socket::{ProtobufSocket, Received};
pub(crate) use reconnecting_client::{Publisher, ReconnectingSubscriber};
pub(crate) use server_api::{API_KEY, app_with_key, of_user};
pub(crate) use socket::{Closed, Event, Handshake, Socket};
pub(crate) use terminal::Terminal;
pub(crate) use tls_connection::{TlsStream, server_side_state, server_side_unsent};
pub(crate) use trace_receiver::TraceReceiver;

/// The time limit of a wait. It is far longer than any wait takes if the server is correct.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Awaits `happens`, at most for [`PATIENCE`]. After this time the test fails; `what` is part of its message.
pub(crate) async fn within<F: Future>(what: &str, happens: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, happens).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: nothing happened in {PATIENCE:?}"),
    }
}

/// Polls until the condition holds, at most for [`PATIENCE`].
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A directory that is removed when the value is dropped. All users of the system may enter it, because the database server
/// runs as another user if the test runs as root.
pub(crate) fn scratch_dir() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix("scratch-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir_in(database::home())
        .expect("a directory for the test")
}
