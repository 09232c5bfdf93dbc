//! Finds out whether each connection has a session of its own. Behind a connection pooler in transaction mode it has none:
//! the pooler gives each transaction any of its sessions.
//!
//! `migrate` asks at the start of a server and of the tools. Without real sessions, `LISTEN` of the revocation feed would hear
//! nothing, the lock of migrations (`pg_advisory_lock`) would hold nothing, and prepared statements would be missing.

use std::time::Duration;

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::connector::Connector;
use crate::error::StoreError;

/// How often the sessions are compared. Another client of the pooler may take a session at the wrong moment, so that one
/// comparison may show no difference.
const COMPARISONS: usize = 3;
/// The longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks for the session. The statement is sent unprepared, because prepared statements do not work behind such a pooler.
const SESSION: &str = "SELECT pg_backend_pid()";

const NO_SESSIONS: &str = "the connections go through a connection pooler in transaction mode (PgBouncer: pool_mode = transaction), \
     but the server needs sessions: it listens for revocations (LISTEN), holds an advisory lock while it migrates, and \
     prepares statements. Name PostgreSQL itself as the database, or a pool with pool_mode = session";

/// # Errors
/// `Internal` if the connections share sessions; `Unavailable` if the database cannot be reached.
pub(crate) async fn require_own_sessions(connector: &Connector) -> Result<(), StoreError> {
    let (first, second) = (Probe::open(connector).await?, Probe::open(connector).await?);
    for _ in 0..COMPARISONS {
        let before = first.session().await?;
        if first.session().await? != before {
            return Err(StoreError::internal(NO_SESSIONS));
        }
        // While a transaction of the second connection holds its session, the first one gets another.
        second.run("BEGIN").await?;
        if second.session().await? == before || first.session().await? != before {
            return Err(StoreError::internal(NO_SESSIONS));
        }
        second.run("ROLLBACK").await?;
    }
    Ok(())
}

/// A connection for the comparison.
struct Probe {
    client: Client,
    link: JoinHandle<()>,
}

impl Probe {
    async fn open(connector: &Connector) -> Result<Self, StoreError> {
        let (client, link) = connector.connect().await?;
        let link = tokio::spawn(async move { drop(link.await) });
        Ok(Self { client, link })
    }

    async fn run(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, StoreError> {
        match timeout(PATIENCE, self.client.simple_query(sql)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned())),
        }
    }

    /// What identifies the session that answers.
    async fn session(&self) -> Result<String, StoreError> {
        let answer = self.run(SESSION).await?;
        let found = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten().map(str::to_owned),
            _ => None,
        });
        found.ok_or_else(|| StoreError::internal("the database does not say which of its sessions answers"))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.link.abort();
    }
}
