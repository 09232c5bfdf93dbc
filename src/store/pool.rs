//! The store itself: a pool of connections on a runtime of its own.
//!
//! A pooled connection lives on the runtime that opened it, and the executors of the server's workers come and go, so
//! every method of the store hands its work to the threads named `db` and awaits the answer. Work that was handed over is
//! finished even when nobody waits for it any more: a revocation is not undone by a closed browser.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use deadpool_postgres::{
    Client, ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    time::Instant,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    error::StoreError,
    journal::share::{Purpose, Share, Turn},
    settings::DatabaseSettings,
    tls,
};

/// How long a request waits for what it reads.
const QUICK_LIMIT: Duration = Duration::from_secs(2);
/// How long a request waits for what it writes: a transaction of several statements.
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);
/// How long the question whether the database is there may go unanswered.
const PING_LIMIT: Duration = Duration::from_secs(1);

/// How long a publication or a read waits for a connection of the journal's part of the pool.
const JOURNAL_LIMIT: Duration = Duration::from_secs(2);

/// The answer of work that borrows a connection.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// The one way to the database. Clones share the pool.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    settings: DatabaseSettings,
    tls: MakeRustlsConnect,
    journal: Share,
    runtime: OwnRuntime,
}

impl Store {
    /// Prepares the pool. Opens no connection yet: ask [`Store::ping`] whether the database is there.
    ///
    /// # Errors
    /// Root certificates that cannot be read, or threads that cannot be started.
    pub fn connect(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        let tls = tls::connector(&settings.tls)?;
        let runtime = OwnRuntime::start()?;
        let manager = Manager::from_config(
            settings.bounded_config(),
            tls.clone(),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(settings.pool_size.max(1))
            .post_create(Hook::async_fn(|client, _| Box::pin(durable(client))))
            .build()
            .map_err(StoreError::internal)?;
        let journal = Share::of(settings.pool_size.max(1));
        Ok(Self { inner: Arc::new(Inner { pool, settings: settings.clone(), tls, journal, runtime }) })
    }

    /// Whether the database answers, within a second, and takes writes.
    ///
    /// # Errors
    /// `Unavailable` if it does not, also when it answers but is a standby or read-only.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.within(PING_LIMIT, |client| {
            Box::pin(async move {
                let row = client
                    .query_one(
                        "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean",
                        &[],
                    )
                    .await?;
                match row.try_get(0)? {
                    false => Ok(()),
                    true => Err(StoreError::Unavailable("the server is read-only".to_owned())),
                }
            })
        })
        .await
    }

    /// The runtime of the database, for tasks that belong to it (the revocation feed, the sweep).
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        self.inner.runtime.handle()
    }

    pub(crate) fn settings(&self) -> &DatabaseSettings {
        &self.inner.settings
    }

    /// Waits for a connection of the journal's part of the pool.
    pub(crate) async fn journal_turn(&self, purpose: Purpose) -> Result<Turn, StoreError> {
        // On the database's runtime: the caller may run outside of a tokio runtime, without timers.
        let share = self.inner.journal.clone();
        let limit = JOURNAL_LIMIT.min(self.settings().acquire_timeout);
        self.spawn(async move { share.turn(purpose, limit).await }).await
    }

    pub(crate) fn connector(&self) -> MakeRustlsConnect {
        self.inner.tls.clone()
    }

    /// Runs what a request writes on a connection of the pool.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        self.within(DEFAULT_LIMIT.min(self.patience()), work).await
    }

    /// The same for what no request waits for, and for what may take long because it concerns everybody.
    pub(crate) async fn run_slow<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        self.within(self.patience(), work).await
    }

    /// The same for what a request asks before it does anything, and what can be asked again: it does not wait for a
    /// database that does not answer longer than people do.
    pub(crate) async fn run_quick<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        self.within(QUICK_LIMIT.min(self.patience()), work).await
    }

    /// How long work may take in all. The server ends a statement that runs too long; this is for a server that does not
    /// answer at all, and leaves room for a transaction of several statements.
    fn patience(&self) -> Duration {
        let settings = &self.inner.settings;
        settings.acquire_timeout + settings.statement_timeout * 2
    }

    /// Runs `work`, and waits no longer than `limit` for connection and answer together. A connection on which something
    /// went wrong with the database itself, or that did not answer in time, is closed instead of going back.
    async fn within<T, F>(&self, limit: Duration, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        let pool = self.inner.pool.clone();
        let acquire = self.inner.settings.acquire_timeout.min(limit);
        self.spawn(async move {
            let deadline = Instant::now() + limit;
            let mut client = acquired(&pool, acquire).await?;
            let answer = match tokio::time::timeout_at(deadline, work(&mut client)).await {
                Ok(answer) => answer,
                Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned())),
            };
            if client.is_closed() {
                // Whatever cut this one has cut the others, too: no request should have to find out one by one.
                pool.retain(|_, _| false);
            }
            if answer.as_ref().is_err_and(StoreError::is_unavailable) || client.is_closed() {
                drop(Object::take(client));
            }
            answer
        })
        .await
    }

    /// Runs a future on the database's runtime.
    pub(crate) async fn spawn<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        match self.runtime().spawn(work).await {
            Ok(answer) => answer,
            Err(error) if error.is_cancelled() => {
                Err(StoreError::Unavailable("the store is closing".to_owned()))
            }
            Err(_) => Err(StoreError::internal("a database task panicked")),
        }
    }
}

/// A commit that was answered must survive a crash of the database, also where it is set up to answer early.
async fn durable(client: &mut ClientWrapper) -> Result<(), HookError> {
    let sql = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
    client.simple_query(sql).await.map_err(HookError::Backend)?;
    Ok(())
}

/// Whatever keeps a connection from being had (refused, wrong password, no such database, none free) means the same to
/// the asker.
async fn acquired(pool: &Pool, patience: Duration) -> Result<Client, StoreError> {
    match tokio::time::timeout(patience, pool.get()).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(PoolError::Backend(error))) => Err(StoreError::unreachable(error)),
        Ok(Err(error)) => Err(StoreError::Unavailable(error.to_string())),
        Err(_) => Err(StoreError::Unavailable("no free connection in time".to_owned())),
    }
}

/// A runtime that may be dropped anywhere, also by its own tasks and inside another executor.
struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    fn start() -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("db")
            .enable_all()
            .build()
            .map_err(StoreError::internal)?;
        Ok(Self(Some(runtime)))
    }

    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("taken only in drop").handle()
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
