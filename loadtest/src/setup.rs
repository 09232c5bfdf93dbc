//! The beginning of most scenarios: the server, its process, signed-in users, and open connections.

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

/// Flags of every scenario that opens connections.
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

    /// Opens one WebSocket for each entry of `plan`, which is a session and a channel. The connections have the numbers of the
    /// entries.
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
