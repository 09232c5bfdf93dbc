//! The first steps of most scenarios: find the server and its process, sign users in, and open connections.

use std::{io, sync::Arc, time::Duration};

use clap::Args;

use crate::{
    accounts::AccountArgs,
    connections::{ConnectionArgs, Connections},
    failure::Failure,
    process::Process,
    session::Session,
    target::{Target, TargetArgs},
};

/// The flags of most scenarios: for the server, for its users, and for connections.
#[derive(Args)]
pub(crate) struct SetupArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) accounts: AccountArgs,
    #[command(flatten)]
    pub(crate) connections: ConnectionArgs,
}

/// A server and its signed-in users.
pub(crate) struct Setup {
    pub(crate) target: Arc<Target>,
    /// The server process, if it is known and on this machine.
    pub(crate) process: Option<Process>,
    pub(crate) sessions: Vec<Session>,
}

impl SetupArgs {
    /// Finds the server and signs in `users` users, with one session each unless a flag says otherwise.
    pub(crate) async fn begin(&self, users: usize) -> Result<Setup, Failure> {
        let target = Arc::new(self.target.resolve().await?);
        let process = target.pid.map(Process::new).transpose()?;
        let sessions = self.accounts.sessions(&target, users, 1).await?;
        Ok(Setup { target, process, sessions })
    }

    /// Opens one WebSocket for each entry of `plan`. An entry has the index of a session in `setup.sessions`, and the name of a
    /// channel. The number of a connection is the index of its entry.
    pub(crate) async fn open(&self, setup: &Setup, plan: &[(usize, String)]) -> Result<Connections, Failure> {
        self.connections.open(&setup.target, &setup.sessions, plan).await
    }
}

impl Setup {
    /// The CPU time of the server so far. `None` if its process is not known.
    pub(crate) fn cpu(&self) -> io::Result<Option<Duration>> {
        self.process.as_ref().map(Process::cpu).transpose()
    }
}
