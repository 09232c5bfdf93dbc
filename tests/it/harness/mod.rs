//! The verbs of the tests: a server of their own over a database of their own, people, sockets, and the machine around.
//!
//! Every test starts with [`App::start`] and speaks to it as a client would, over real connections. What happens is
//! waited for, [`PATIENCE`] at most; nothing sleeps to be sure.

mod answer;
mod app;
mod authenticator_app;
mod barrier;
mod binary;
mod cable;
mod ceremony;
mod database;
mod emulated;
mod follower;
mod forge;
mod frame;
mod guest;
pub(crate) mod issuer;
mod keyring;
mod link;
mod mint;
mod noise;
mod operations;
mod person;
pub(crate) mod places;
mod process;
mod server_api;
mod socket;

use std::{future::Future, time::Duration};

pub(crate) use answer::{Answer, Ask};
pub(crate) use app::{App, client};
pub(crate) use authenticator_app::{Authenticator, Pending};
pub(crate) use barrier::Barrier;
pub(crate) use binary::{BinarySocket, Told};
pub(crate) use cable::Cable;
pub(crate) use ceremony::Ceremony;
pub(crate) use database::{OwnCluster, fresh_database};
pub(crate) use emulated::Emulated;
pub(crate) use follower::{Follower, Publisher};
pub(crate) use forge::Forgery;
pub(crate) use frame::{Opcode, frame};
pub(crate) use guest::Guest;
pub(crate) use keyring::Keyring;
pub(crate) use link::{TlsStream, server_side_state, server_side_unsent};
pub(crate) use noise::{MORE_THAN_FITS, NOISE, let_pile_up, let_shout};
pub(crate) use person::{PASSWORD, Person, Session};
pub(crate) use process::{Server, portcullis};
pub(crate) use server_api::{API_KEY, app_with_key, of_user};
pub(crate) use socket::{Closed, Event, Handshake, Socket};

/// How long anything may take; far more than it does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The outcome of something that must happen.
pub(crate) async fn within<F: Future>(what: &str, happens: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, happens).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: nothing happened in {PATIENCE:?}"),
    }
}

/// Asks again and again until the answer is yes.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A directory that goes away with its last user. Any user may enter it: as root, the database server runs as another.
pub(crate) fn scratch_dir() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix("scratch-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir_in(database::home())
        .expect("a directory for the test")
}
