//! The harness of the tests: a separate server and database for each test, users, clients, and faults.
//!
//! Every test starts with [`App::start`] and uses the server over real connections, as a client does. The actions of
//! an operator on the command line are in [`operations`]. A test waits until the expected event has happened, at most
//! [`PATIENCE`], and never sleeps for a fixed time instead. If the order of two requests matters, a [`Barrier`]
//! determines it.

mod answer;
mod app;
mod authenticator_app;
mod backlog;
mod barrier;
mod ceremony;
mod cookie_client;
mod database;
mod database_proxy;
mod emulated_connection;
mod forged_token;
mod frame;
pub(crate) mod geo_database;
pub(crate) mod issuer;
mod operations;
mod passkey_authenticator;
mod person;
mod process;
mod protobuf_socket;
mod reconnecting_client;
mod server_api;
mod session_fixture;
mod socket;
mod tls_connection;

use std::{future::Future, time::Duration};

pub(crate) use answer::{Answer, Ask};
pub(crate) use app::{App, client};
pub(crate) use authenticator_app::{AuthenticatorApp, Pending};
pub(crate) use backlog::{BULK_CHANNEL, MORE_THAN_FITS, allow_bulk_publishing, allow_large_backlog};
pub(crate) use barrier::Barrier;
pub(crate) use ceremony::Ceremony;
pub(crate) use cookie_client::CookieClient;
pub(crate) use database::{OwnCluster, fresh_database};
pub(crate) use database_proxy::DatabaseProxy;
pub(crate) use emulated_connection::EmulatedConnection;
pub(crate) use forged_token::Forgery;
pub(crate) use frame::{Opcode, frame};
pub(crate) use passkey_authenticator::PasskeyAuthenticator;
pub(crate) use person::{PASSWORD, Person, Session};
pub(crate) use process::{Server, portcullis};
pub(crate) use protobuf_socket::{ProtobufSocket, Received};
pub(crate) use reconnecting_client::{Publisher, ReconnectingSubscriber};
pub(crate) use server_api::{API_KEY, app_with_key, of_user};
pub(crate) use socket::{Closed, Event, Handshake, Socket};
pub(crate) use tls_connection::{TlsStream, server_side_state, server_side_unsent};

/// The time limit of every wait; far longer than any of them takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Awaits something that must happen in time.
pub(crate) async fn within<F: Future>(what: &str, happens: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, happens).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: nothing happened in {PATIENCE:?}"),
    }
}

/// Polls until the condition holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A directory that is removed when it is dropped. All users may enter it: if the test runs as root, the database
/// server runs as another user.
pub(crate) fn scratch_dir() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix("scratch-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir_in(database::home())
        .expect("a directory for the test")
}
