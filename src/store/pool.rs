//! The pool of database connections, on a runtime of its own.
//!
//! A pooled connection belongs to the runtime that opened it. The executors of the server's workers may end while the pool is
//! still in use, so they must not open its connections. So every method of the store runs its work on the threads named `db`
//! and awaits the result. Work that has started goes on until its time limit, even if its caller stops waiting: a closed
//! browser does not cancel a revocation.

use std::{cell::RefCell, future::Future, pin::Pin, sync::Arc, time::Duration};

use deadpool_postgres::{
    Client, ClientWrapper, Connect, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError,
    RecyclingMethod,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::oneshot,
    task::JoinHandle,
    time::Instant,
};
use tracing::{Instrument as _, Span};

use crate::{
    connection::{Connector, Retirement},
    error::StoreError,
    in_service::InService,
    journal::share::{Purpose, Share, Turn},
    settings::DatabaseSettings,
};

/// Time limit of [`Store::run_quick`], for the wait for a connection and the work together.
const QUICK_LIMIT: Duration = Duration::from_secs(2);
/// Time limit of [`Store::run`].
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);
/// Time limit of [`Store::run_unbounded`].
const UNBOUNDED_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Time limit of [`Store::ping`].
const PING_LIMIT: Duration = Duration::from_secs(1);

/// How long the journal waits for a connection of its share.
const JOURNAL_LIMIT: Duration = Duration::from_secs(2);

/// The numbers of used and idle connections of the pool, and of requests that wait for one.
#[derive(Clone, Copy, Debug)]
pub struct PoolUse {
    /// Connections in use.
    pub used: usize,
    /// Open connections that wait for work.
    pub idle: usize,
    /// Requests for a connection that wait.
    pub waiting: usize,
}

/// Work that borrows a connection.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// Work of which the answer goes to its caller by another way.
type Erased = Box<dyn for<'c> FnOnce(&'c mut Client) -> Work<'c, ()> + Send>;

/// The only access to the database. Clones share the pool.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    settings: DatabaseSettings,
    connector: Connector,
    retirement: Retirement,
    journal: Share,
    service: Arc<InService>,
    runtime: OwnRuntime,
}

impl Store {
    /// Prepares the pool. This opens no connection; [`Store::ping`] checks the database.
    ///
    /// # Errors
    /// Certificates or a key that cannot be used, or threads that cannot be started.
    pub fn connect(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        let connector = Connector::new(settings)?;
        let runtime = OwnRuntime::start()?;
        let manager = Manager::from_connect(
            settings.config.clone(),
            Opened(connector.clone()),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let (limits, retirement) = (Arc::from(settings.session_limits()), Retirement::new(settings));
        let (rules, service) = (retirement.clone(), Arc::<InService>::default());
        let guard = Arc::clone(&service);
        let pool = Pool::builder(manager)
            .max_size(settings.pool_size.max(1))
            .post_create(Hook::async_fn(move |client, _| {
                Box::pin(begin_session(client, Arc::clone(&limits), Arc::clone(&guard)))
            }))
            .pre_recycle(Hook::sync_fn(move |_, metrics| {
                let too_old = rules.is_too_old(metrics.created);
                if too_old { Err(HookError::message("the connection is too old")) } else { Ok(()) }
            }))
            .build()
            .map_err(StoreError::internal)?;
        runtime.handle().spawn(retire(pool.clone(), retirement.clone()));
        let journal = Share::of(settings.pool_size.max(1));
        let settings = settings.clone();
        Ok(Self {
            inner: Arc::new(Inner { pool, settings, connector, retirement, journal, service, runtime }),
        })
    }

    /// Checks, within a second, that the database answers and accepts writes.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer, or if it is a standby or read-only.
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

    /// The runtime of the database connections. Other tasks that must outlive the executor of a worker run here, too: the
    /// revocation feed, the jobs, and requests that must be completed.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        self.inner.runtime.handle()
    }

    pub(crate) fn settings(&self) -> &DatabaseSettings {
        &self.inner.settings
    }

    /// Waits for a connection of the journal's share.
    pub(crate) async fn journal_turn(&self, purpose: Purpose) -> Result<Turn, StoreError> {
        // This runs on the database's runtime, because the caller may run outside of a tokio runtime, where there are no
        // timers.
        let share = self.inner.journal.clone();
        let limit = JOURNAL_LIMIT.min(self.settings().acquire_timeout);
        self.spawn(async move { share.turn(purpose, limit).await }).await
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.inner.connector
    }

    /// How the connections of the pool are used now.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        let status = self.inner.pool.status();
        let used = status.size.saturating_sub(status.available);
        PoolUse { used, idle: status.available, waiting: status.waiting }
    }

    /// What a running server knows about its database.
    pub(crate) fn service(&self) -> &Arc<InService> {
        &self.inner.service
    }

    /// Replaces the connections of the pool: idle ones are closed now, and those in use after their work.
    pub(crate) fn renew_pool(&self) {
        self.inner.retirement.renew();
        self.inner.pool.retain(|_, _| false);
    }

    /// Runs work with the limit for writes: a transaction of several statements that a request waits for.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        self.within(DEFAULT_LIMIT.min(self.patience()), work).await
    }

    /// Runs work with the longest limit: for jobs, batches and other work that no request waits for.
    pub(crate) async fn run_slow<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        self.within(self.patience(), work).await
    }

    /// Runs work of the command line that changes very many rows. The work removes the time limit of its statements itself.
    pub(crate) async fn run_unbounded<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        self.within(UNBOUNDED_LIMIT, work).await
    }

    /// Runs work with the shortest limit: for reads, and for writes of one or two short statements. If the database does not
    /// answer, a request must not wait long.
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

    /// Runs `work`, and waits no longer than `limit` for connection and result together. After a failure or a missing answer of
    /// the database, the connection is closed instead of returned to the pool.
    async fn within<T, F>(&self, limit: Duration, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Client) -> Work<'c, T> + Send + 'static,
    {
        let (answered, answer) = oneshot::channel();
        let erased: Erased = Box::new(move |client| {
            let work = work(client);
            Box::pin(async move {
                // If the caller has gone, the answer is dropped.
                let _ = answered.send(work.await?);
                Ok(())
            })
        });
        self.within_erased(limit, erased).await?;
        answer.await.map_err(|_| StoreError::internal("a database task gave no answer"))
    }

    /// The part of [`Self::within`] that is the same for all work. It is compiled once, and all work is one type of task: tasks of
    /// one type per statement would be a tenth of the program.
    async fn within_erased(&self, limit: Duration, work: Erased) -> Result<(), StoreError> {
        self.inner.service.check()?;
        let pool = self.inner.pool.clone();
        let acquire = self.inner.settings.acquire_timeout.min(limit);
        let span = step_of_a_request();
        let work = async move {
            let deadline = Instant::now() + limit;
            let mut client = acquired(&pool, acquire).await?;
            let answer = match tokio::time::timeout_at(deadline, work(&mut client)).await {
                Ok(answer) => answer,
                Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned())),
            };
            if client.is_closed() {
                // The cause that closed this connection has probably closed the other connections, too. All idle connections
                // are dropped, so that later requests do not fail on them one by one.
                pool.retain(|_, _| false);
            }
            if answer.as_ref().is_err_and(StoreError::is_unavailable) || client.is_closed() {
                drop(Object::take(client));
            }
            answer
        };
        self.spawn(work.instrument(span)).await
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

tokio::task_local! {
    /// Why the connection that this task wants could not be opened. The pool uses the driver's error type, which has no
    /// constructor, so the reason cannot be part of it.
    static REFUSED: RefCell<Option<StoreError>>;
}

/// Opens the connections of the pool.
struct Opened(Connector);

type Opening<'a> = Pin<
    Box<
        dyn Future<Output = Result<(tokio_postgres::Client, JoinHandle<()>), tokio_postgres::Error>>
            + Send
            + 'a,
    >,
>;

impl Connect for Opened {
    fn connect(&self, _: &tokio_postgres::Config) -> Opening<'_> {
        Box::pin(async move {
            match self.0.connect().await {
                Ok((client, link)) => Ok((client, tokio::spawn(async move { drop(link.await) }))),
                Err(error) => {
                    let _ = REFUSED.try_with(|refused| refused.replace(Some(error)));
                    Err(a_driver_error())
                }
            }
        })
    }
}

/// An error of the driver. Its text is never shown.
fn a_driver_error() -> tokio_postgres::Error {
    match "no parameter".parse::<tokio_postgres::Config>() {
        Err(error) => error,
        Ok(_) => unreachable!("the text has no `=`"),
    }
}

/// Gives a new session its time limits. Makes the database acknowledge a commit only when the commit is on disk, even if its
/// configuration says otherwise. So an acknowledged commit survives a crash of the database.
async fn begin_session(
    client: &mut ClientWrapper,
    limits: Arc<str>,
    service: Arc<InService>,
) -> Result<(), HookError> {
    let durable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
    client.simple_query(&format!("{limits}; {durable}")).await.map_err(HookError::Backend)?;
    service.check_connection(client).await.map_err(|error| {
        let text = error.to_string();
        let _ = REFUSED.try_with(|refused| refused.replace(Some(error)));
        HookError::message(text)
    })
}

/// Closes connections that were unused for too long or are too old. Ends with the runtime.
async fn retire(pool: Pool, rules: Retirement) {
    let Some(interval) = rules.interval() else { return };
    loop {
        tokio::time::sleep(interval).await;
        pool.retain(|_, metrics| !rules.is_due(metrics.created, metrics.last_used()));
    }
}

/// The span of work for a request, in its trace. Jobs have no trace.
fn step_of_a_request() -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::trace_span!(target: "traces", "database", otel.kind = "client", db.system.name = "postgresql")
}

/// Takes a connection from the pool. For the caller, every cause of a failure (connection refused, wrong password, unknown
/// database, no free connection) is the same kind of error.
async fn acquired(pool: &Pool, patience: Duration) -> Result<Client, StoreError> {
    let began = Instant::now();
    let acquired = REFUSED.scope(RefCell::new(None), async {
        let acquired = tokio::time::timeout(patience, pool.get()).await;
        metrics::histogram!("database_connection_wait_seconds").record(began.elapsed());
        (acquired, REFUSED.with(RefCell::take))
    });
    match acquired.await {
        (Ok(Ok(client)), _) => Ok(client),
        (Ok(Err(_)), Some(refused)) => Err(refused),
        (Ok(Err(PoolError::Backend(error))), None) => Err(StoreError::unreachable(error)),
        (Ok(Err(error)), None) => Err(StoreError::Unavailable(error.to_string())),
        (Err(_), _) => Err(StoreError::Unavailable("no free connection in time".to_owned())),
    }
}

/// A runtime that may be dropped anywhere, even by its own tasks and inside another executor.
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
        self.0.as_ref().expect("the runtime is removed only in `drop`").handle()
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
