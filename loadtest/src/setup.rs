//! What most scenarios begin with: the server, its process, signed-in users, and a way to open connections.

use std::{io, sync::Arc, time::Duration};

use clap::Args;

use crate::{
    Failure,
    accounts::{AccountArgs, Session},
    connections::{ConnectionArgs, Connections},
    process::Process,
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

/// A server with users who are signed in.
pub(crate) struct Setup {
    pub(crate) target: Arc<Target>,
    /// The server's process, if it is known and on this machine.
    pub(crate) process: Option<Process>,
    pub(crate) sessions: Vec<Session>,
}

impl SetupArgs {
    /// Finds the server and signs so many users in, each once unless a flag says otherwise.
    pub(crate) async fn begin(&self, users: usize) -> Result<Setup, Failure> {
        let target = Arc::new(self.target.resolve().await?);
        let process = target.pid.map(Process::new).transpose()?;
        let sessions = self.accounts.sessions(&target, users, 1).await?;
        Ok(Setup { target, process, sessions })
    }

    /// Opens one WebSocket for each plan entry: which session, and which channel. They are numbered in this order.
    pub(crate) async fn open(&self, setup: &Setup, plan: &[(usize, String)]) -> Result<Connections, Failure> {
        self.connections.open(&setup.target, &setup.sessions, plan).await
    }
}

impl Setup {
    /// The CPU time that the server has taken so far.
    pub(crate) fn cpu(&self) -> io::Result<Option<Duration>> {
        self.process.as_ref().map(Process::cpu).transpose()
    }
}
