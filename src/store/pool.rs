//! The pool of database connections, on a runtime of its own.
//!
//! A pooled connection belongs to the runtime that opened it, and the executors of the server's workers may end
//! earlier. So every method of the store runs its work on the threads named `db` and awaits the result. Work that has
//! started is completed even if its caller stops waiting: a closed browser does not cancel a revocation.

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

/// Time limit of [`Store::run_quick`], connection and work together.
const QUICK_LIMIT: Duration = Duration::from_secs(2);
/// Time limit of [`Store::run`].
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);
/// Time limit of [`Store::ping`].
const PING_LIMIT: Duration = Duration::from_secs(1);

/// How long the journal waits for one of the connections reserved for it.
const JOURNAL_LIMIT: Duration = Duration::from_secs(2);

/// Work that borrows a connection.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// The only access to the database. Clones share the pool.
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
    /// Prepares the pool. Opens no connection yet: [`Store::ping`] checks the database.
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

    /// Checks, within a second, that the database answers and accepts writes.
    ///
    /// # Errors
    /// `Unavailable` if it does not, also when it is a standby or read-only.
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

    /// The runtime of the database, for tasks that belong to it (the revocation feed, the expiry job).
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        self.inner.runtime.handle()
    }

    pub(crate) fn settings(&self) -> &DatabaseSettings {
        &self.inner.settings
    }

    /// Waits for a connection of the journal's share.
    pub(crate) async fn journal_turn(&self, purpose: Purpose) -> Result<Turn, StoreError> {
        // On the database's runtime: the caller may run outside of a tokio runtime, without timers.
        let share = self.inner.journal.clone();
        let limit = JOURNAL_LIMIT.min(self.settings().acquire_timeout);
        self.spawn(async move { share.turn(purpose, limit).await }).await
    }

    pub(crate) fn connector(&self) -> MakeRustlsConnect {
        self.inner.tls.clone()
    }

    /// Runs work with the limit for writes: a transaction of several statements that a request waits for.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        self.within(DEFAULT_LIMIT.min(self.patience()), work).await
    }

    /// Runs work with the longest limit: for jobs that no request waits for, and for work that concerns every
    /// session.
    pub(crate) async fn run_slow<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        self.within(self.patience(), work).await
    }

    /// Runs work with the shortest limit: for reads at the start of a request, which can be repeated. A request must
    /// not wait long for a database that does not answer.
    pub(crate) async fn run_quick<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        self.within(QUICK_LIMIT.min(self.patience()), work).await
    }

    /// The longest time that work may take. The database itself ends a statement that runs too long. This limit is
    /// for a database that does not answer, and allows for a transaction of several statements.
    fn patience(&self) -> Duration {
        let settings = &self.inner.settings;
        settings.acquire_timeout + settings.statement_timeout * 2
    }

    /// Runs `work`, and waits no longer than `limit` for connection and result together. A connection on which the
    /// database failed, or that did not answer in time, is closed instead of returned to the pool.
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
                // The cause that closed this connection has probably closed the others too. All are dropped, so that
                // later requests do not fail on them one by one.
                pool.retain(|_, _| false);
            }
            if answer.as_ref().is_err_and(StoreError::is_unavailable) || client.is_closed() {
                drop(Object::take(client));
            }
            answer
        })
        .await
    }

    /// Runs a future on the runtime of the database.
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

/// An acknowledged commit must survive a crash of the database, even if the database is configured to acknowledge
/// before the write is on disk.
async fn durable(client: &mut ClientWrapper) -> Result<(), HookError> {
    let sql = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
    client.simple_query(sql).await.map_err(HookError::Backend)?;
    Ok(())
}

/// Every cause (connection refused, wrong password, unknown database, no free connection) is the same error for the
/// caller.
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
